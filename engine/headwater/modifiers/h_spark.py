"""Columns computed on Spark tables by functions of columns, one after the other on a single table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, targeted
from headwater.modifiers.checked import IS_DATA_VALIDATOR_TAG
from headwater.modifiers.spark_calls import (
    ColumnCall,
    TableCall,
    column_added,
    dropped,
    is_column,
    is_table_of_spark,
    selected,
)
from headwater.modifiers.subgraphs import Load
from headwater.modifiers.tables import is_foreign
from headwater.modifiers.with_columns import Names, WithColumns, known_names
from headwater.node import Argument, Node
from headwater.values import MISSING, Unevaluated

__all__ = ["require_columns", "select", "with_columns"]

COLUMNS_TAG = "hamilton.spark.columns"
TARGET_TAG = "hamilton.spark.target"
CHECKED = (
    "{where} checks a column on Spark, which {label} does not do: on the cluster a function sees a part of "
    "the column at a time. Check the table with a check of your own (@check_output_custom on a function that "
    "returns it), or the column where it has come to pandas."
)
"""What is told of a check among columns."""


class require_columns(Modifier):
    """Say which columns a function needs of the Spark table that it takes, inside `with_columns`.

    Args:
        *columns: Names of the columns.

    Raises:
        InvalidModifier: A column is no name; or the function does not take one Spark table.
    """

    phase = Phase.TRANSFORM

    def __init__(self, *columns: str) -> None:
        """Keep the names."""
        self.columns = known_names("require_columns", "columns", columns) if columns else ()

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Make the columns be read by the function's final nodes."""
        final = targeted(nodes, None, function)
        return [_requiring(node, self.columns or ()) if node.name in final else node for node in nodes]


def _requiring(node: Node, columns: Sequence[str]) -> Node:
    """Return a node on a table that reads columns of it, too, and adds the column that it may make.

    Raises:
        InvalidModifier: It does not take one Spark table.
    """
    tables = [a for a in node.arguments if is_table_of_spark(a.type)]
    if len(tables) != 1:
        raise InvalidModifier(
            f"{node.where} takes {len(tables) or 'no'} Spark tables, and must take one, of which "
            "its columns are."
        )
    [table] = tables
    known = [argument.node for argument in node.arguments]
    call = node.call
    if is_column(node.type) and call is not None:
        call = partial(column_added, node.name, call, node.arguments.index(table))
    return replace(
        node,
        type=table.type if is_column(node.type) else node.type,
        arguments=(
            *node.arguments,
            *(Argument(column, table.type, column) for column in columns if column not in known),
        ),
        tags={**node.tags, TARGET_TAG: str(table.node), COLUMNS_TAG: tuple(columns)},
        call=None if call is None else TableCall(call, tuple(range(len(node.arguments)))),
    )


class with_columns(WithColumns):
    """Add columns to a Spark table before a function gets it.

    The columns are computed one after the other on the table, the function's first parameter: by
    functions of columns (of `pandas.Series` or of single cells), which run on the cluster, and by
    functions of a table.

    Args:
        *load_from: Modules and functions that compute the columns.
        columns_to_pass: Columns of the table that they read by name.
        pass_dataframe_as: The name under which they read the table itself.
        on_input: Must be None.
        select: The columns to add; None for all.
        namespace: The namespace; None for the function's name.
        mode: "append" keeps the columns of the table, "select" only those in `select`.
        config_required: The configuration keys that the functions see; None for all.

    Raises:
        InvalidModifier: There is nothing to load, or an argument cannot be used.
    """

    label = "h_spark.with_columns"
    table = "pyspark.sql.DataFrame"

    def __init__(
        self,
        *load_from: Load,
        columns_to_pass: Names = None,
        pass_dataframe_as: str | Unevaluated | None = None,
        on_input: str | None = None,
        select: Names = None,
        namespace: str | Unevaluated | None = None,
        mode: str | Unevaluated = "append",
        config_required: Names = None,
    ) -> None:
        """Check what is loaded and how the table is given."""
        if on_input is not None:
            raise InvalidModifier(
                f"@{self.label} does not take on_input: the table is the first parameter of the function."
            )
        if columns_to_pass is not None and pass_dataframe_as is not None:
            raise InvalidModifier(
                f"@{self.label} takes either columns_to_pass=, the columns that the functions read, or "
                "pass_dataframe_as=, the name under which they read the table."
            )
        if mode not in ("append", "select") and not isinstance(mode, Unevaluated):
            raise InvalidModifier(f"@{self.label}: mode={mode!r} is unknown. Give 'append' or 'select'.")
        self._load(load_from, columns_to_pass, select, namespace, config_required)
        self.on_input = None
        self.pass_as = pass_dataframe_as if isinstance(pass_dataframe_as, str) else None
        self.is_known = not isinstance(columns_to_pass, Unevaluated) and self.pass_as == pass_dataframe_as
        self.selects = mode == "select"

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Put the tables with the columns in front of the function, each a node that knows its full name."""
        return [
            replace(node, call=replace(node.call, where=node.where))
            if isinstance(node.call, ColumnCall)
            else node
            for node in super().expand(nodes, function, config)
        ]

    def prepared(self, inner: list[Node], table: Argument, reader: Node) -> list[Node]:
        """Return the nodes of the sub-graph, those on a table with the columns that they need.

        Raises:
            InvalidModifier: The first parameter is no Spark table; or the functions read another one, or
                are checked.
        """
        if not is_table_of_spark(table.type) and not is_foreign(table.type):
            raise InvalidModifier(
                f"{reader.where}: parameter '{table.parameter}' is {table.type}. The first parameter of a "
                f"function under @{self.label} must be a {self.table}."
            )
        for node in inner:
            if IS_DATA_VALIDATOR_TAG in node.tags:
                raise InvalidModifier(CHECKED.format(where=node.where, label=f"@{self.label}"))
        made = [_on_table(node) for node in inner]
        if self.is_known and not self.partial:
            self._check_tables(made, reader)
        return made

    def _check_tables(self, made: Sequence[Node], reader: Node) -> None:
        inside = {node.name for node in made}.union(self.columns or ())
        wanted = dict.fromkeys(name for node in made for name in _tables_of(node) if name not in inside)
        for name in wanted:
            if name != self.pass_as:
                raise InvalidModifier(
                    f"{reader.where}: the functions of @{self.label} read a table or column '{name}', which "
                    "is neither made by one of them nor passed to them. Name it in columns_to_pass=, or in "
                    f"pass_dataframe_as= for the table itself.{did_you_mean(name, inside)}"
                )
        if self.pass_as is not None and not wanted:
            raise InvalidModifier(
                f"{reader.where}: no function of @{self.label} reads the table as '{self.pass_as}'. Give one "
                "of them a parameter of that name, or name columns in columns_to_pass=."
            )

    def joined(
        self, made: Sequence[Node], table: Argument, reader: Node, config: Configuration
    ) -> list[Node]:
        """Return the nodes one after the other, each on the table that the one before it made."""
        group = {node.name for node in made}
        chain: list[Node] = []
        current = table
        is_sure = True
        for variants in _in_order(made):
            placed = [self._placed(node, current, table, group) for node in variants]
            chain += placed if is_sure else map(_unsure, placed)
            # A column that only some configurations have leaves open which table the next one works on.
            is_sure = is_sure and not (config.is_open and any(node.condition.tests for node in variants))
            current = Argument(placed[0].name, table.type, placed[0].name)
        return [*chain, *self._narrowed(list(dict.fromkeys(node.name for node in chain)), current, reader)]

    def _placed(self, node: Node, current: Argument, table: Argument, group: set[str]) -> Node:
        """Return a node that works on the current table, and also reads what made its columns."""
        target = node.tags.get(TARGET_TAG)
        passed = set(self.columns or ())
        kept = [a for a in node.arguments if a.node is None or _is_kept(a.node, target, passed, group)]
        read = [replace(a, type=table.type, value=MISSING) if a.node in group else a for a in kept]
        if target is None:
            is_shown = any(argument.node in passed for argument in node.arguments)
        else:
            is_shown = target == self.pass_as
        arguments = [current, *(a for a in read if a.node is None or a.node != current.node)]
        if is_shown and table.node not in [argument.node for argument in arguments]:
            arguments.append(Argument(str(table.node), table.type, table.node))
        made = _column_call if target is None else _table_call
        return replace(
            node,
            type=table.type if target is None else node.type,
            arguments=tuple(arguments),
            call=made(node, arguments),
        )

    def _narrowed(self, made: Sequence[str], current: Argument, reader: Node) -> list[Node]:
        """Return the node that leaves columns out, where some are not wanted."""
        if self.selects:
            columns: Sequence[str] = self.select or made
            call = partial(selected, tuple(columns))
        else:
            columns = [name for name in made if self.select is not None and name not in self.select]
            call = partial(dropped, tuple(columns))
            if not columns:
                return []
        return [
            Node(
                "_select",
                current.type,
                (current,),
                function=reader.function,
                call=call if reader.call else None,
            )
        ]


class select(with_columns):
    """Compute columns from those of a Spark table, and give the function a table of them alone.

    The arguments are those of `with_columns`; `output_cols` are the columns of the table, all that are
    computed where it is left out.
    """

    label = "h_spark.select"

    def __init__(
        self,
        *load_from: Load,
        columns_to_pass: Names = None,
        pass_dataframe_as: str | Unevaluated | None = None,
        output_cols: Names = None,
        namespace: str | Unevaluated | None = None,
        config_required: Names = None,
    ) -> None:
        """Check what is loaded and how the table is given."""
        super().__init__(
            *load_from,
            columns_to_pass=columns_to_pass,
            pass_dataframe_as=pass_dataframe_as,
            select=output_cols,
            namespace=namespace,
            mode="select",
            config_required=config_required,
        )


def _on_table(node: Node) -> Node:
    """Return a node of one table as one that works on the table with the column of that name."""
    tables = [argument.node for argument in node.arguments if is_table_of_spark(argument.type)]
    return _requiring(node, [str(tables[0])]) if len(tables) == 1 and tables[0] is not None else node


def _tables_of(node: Node) -> Sequence[str]:
    """Return the names of the tables and columns that a node on a table needs."""
    columns = node.tags.get(COLUMNS_TAG)
    if isinstance(columns, tuple):
        return columns
    return [str(argument.node) for argument in node.arguments if is_table_of_spark(argument.type)]


def _unsure(node: Node) -> Node:
    return replace(node, partial=(*node.partial, "which table it works on depends on the configuration"))


def _in_order(nodes: Iterable[Node]) -> list[list[Node]]:
    """Return the nodes of each name, each after those it reads, and else as early as it can be."""
    variants: dict[str, list[Node]] = {}
    for node in nodes:
        variants.setdefault(node.name, []).append(node)
    needs = {
        name: {other for node in group for other in node.dependencies if other in variants and other != name}
        for name, group in variants.items()
    }
    ready = deque(name for name, needed in needs.items() if not needed)
    ordered = []
    while ready:
        name = ready.popleft()
        ordered.append(variants.pop(name))
        for other, needed in needs.items():
            if name in needed:
                needed.discard(name)
                if not needed:
                    ready.append(other)
    return [*ordered, *variants.values()]  # what needs itself is told when the graph is built


def _is_kept(name: str, target: object, passed: set[str], group: set[str]) -> bool:
    return name not in passed and (name != target or name in group)


def _column_call(node: Node, arguments: Sequence[Argument]) -> ColumnCall | None:
    if node.call is None:
        return None
    places = {id(argument): place - 1 for place, argument in enumerate(arguments)}
    given = tuple(places.get(id(argument)) for argument in node.arguments)
    return ColumnCall(node.name, node.call, node.arguments, given, node.type, node.where)


def _table_call(node: Node, arguments: Sequence[Argument]) -> TableCall | None:
    target = node.tags[TARGET_TAG]
    positions = []
    for argument in node.arguments:
        if argument.node != target and is_table_of_spark(argument.type):
            continue  # a column that it requires, and no parameter
        same = (
            place for place, other in enumerate(arguments) if other is argument or other.node == argument.node
        )
        place = 0 if argument.node == target else next(same, None)
        if place is None:
            raise InvalidModifier(
                f"{node.where} works on a table and cannot take column '{argument.node}' as a parameter. "
                f'Take it from the table: @require_columns("{argument.node}").'
            )
        positions.append(place)
    return TableCall(node.call.call, tuple(positions)) if isinstance(node.call, TableCall) else None
