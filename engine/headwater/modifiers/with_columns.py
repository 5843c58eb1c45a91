"""Columns computed by a graph of functions and added to a table on its way into a function."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from headwater.conditions import ALWAYS, Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.expansion import name_of
from headwater.modifiers.injection import injected_argument, rewired
from headwater.modifiers.subgraphs import Load, Loaded, expanded, namespaced
from headwater.modifiers.tables import column_type, is_table, taken
from headwater.node import Argument, Node
from headwater.types import Type
from headwater.values import MISSING, Unevaluated

__all__ = ["Names", "WithColumns", "appended", "configured", "known_names", "needed"]

Names = Sequence[str] | Unevaluated | None
"""An argument that lists names."""


class WithColumns(Modifier):
    """Add columns to a table before a function gets it.

    The columns are computed by a graph of their own, under a namespace: `<function>.<column>`; the node
    `<function>._append` is the table with them.

    Args:
        *load_from: Modules and functions that compute the columns.
        columns_to_pass: Columns of the table that they read by name; the table is then the function's
            first parameter.
        pass_dataframe_as: Must be None; name the table with `on_input`.
        on_input: The parameter with the table, which the functions read under this name and take the
            columns from themselves.
        select: The columns to add; None for all of the column type.
        namespace: The namespace; None for the function's name.
        config_required: The configuration keys that the functions see; None for all.

    Raises:
        InvalidModifier: There is nothing to load, or an argument cannot be used.
    """

    phase = Phase.INJECT
    on_input: str | None
    label: ClassVar[str]
    """Name of the modifier, for messages."""
    table: ClassVar[str]
    """Name of the type of the table."""
    method: ClassVar[str]
    """Method of a table that adds columns."""

    def __init__(
        self,
        *load_from: Load,
        columns_to_pass: Names = None,
        pass_dataframe_as: str | None = None,
        on_input: str | Unevaluated | None = None,
        select: Names = None,
        namespace: str | Unevaluated | None = None,
        config_required: Names = None,
    ) -> None:
        """Check what is loaded and how the table is given."""
        if pass_dataframe_as is not None:
            raise InvalidModifier(
                f"@{self.label} does not take pass_dataframe_as. Name the table's parameter with on_input=, "
                "and let the functions have a parameter of that name."
            )
        if (columns_to_pass is None) is (on_input is None):
            raise InvalidModifier(
                f"@{self.label} takes either columns_to_pass=, the columns that the functions read, or "
                "on_input=, the parameter with the table that they read."
            )
        self._load(load_from, columns_to_pass, select, namespace, config_required)
        self.on_input = on_input if isinstance(on_input, str) else None

    def _load(
        self, load_from: Sequence[Load], columns: Names, select: Names, namespace: Any, required: Names
    ) -> None:
        """Check and keep the arguments that all kinds of tables have in common."""
        self.loaded = Loaded(self.label, load_from)
        self.columns = known_names(self.label, "columns_to_pass", columns)
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise InvalidModifier(f"@{self.label}: columns_to_pass={columns!r} names a column twice.")
        self.select = known_names(self.label, "select", select)
        self.namespace = namespace if isinstance(namespace, str) else None
        self.required = known_names(self.label, "config_required", required)

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Put the columns and the table that has them in front of the parameter."""
        table = injected_argument(nodes, self.on_input, function, self.label)
        reader = next(node for node in nodes if table.node in node.dependencies)
        inner = configured(self.label, self.loaded.functions(), self.required, config, function)
        made = self._pruned(self.prepared(inner, table, reader), function)
        joined = self.joined(made, table, reader, config)
        why = self.loaded.partial
        if not joined:  # none of the columns is known, and the reasons say so
            return [replace(node, partial=(*node.partial, *why)) for node in nodes]
        namespace = self.namespace or name_of(function)
        end = f"{namespace}.{joined[-1].name}"
        placed = namespaced(joined, namespace, reader.feature)
        added = [*rewired(nodes, str(table.node), [(ALWAYS, end)]), *placed]
        return [replace(node, partial=(*node.partial, *why)) for node in added] if why else added

    def prepared(self, inner: list[Node], table: Argument, reader: Node) -> list[Node]:
        """Return the nodes of the sub-graph with those of the table's columns that it reads.

        Args:
            inner: The nodes of the sub-graph.
            table: The argument with the table.
            reader: The node whose argument it is.

        Raises:
            InvalidModifier: The table has no columns to take, or one is made again.
        """
        columns = self._taken(table, reader)
        self._check_new(columns, inner, reader)
        return [*columns, *inner]

    def joined(
        self, made: Sequence[Node], table: Argument, reader: Node, config: Configuration
    ) -> list[Node]:
        """Return the nodes that compute columns, and last the one that is the table with them.

        Args:
            made: The nodes that compute columns.
            table: The argument with the table.
            reader: The node whose argument it is.
            config: What is known of the configuration.
        """
        return [*made, self._append(made, table, reader, config)]

    def _taken(self, table: Argument, reader: Node) -> list[Node]:
        if self.columns and is_table(table.type) is False:
            raise InvalidModifier(
                f"{reader.where}: parameter '{table.parameter}' is {table.type}, from which @{self.label} "
                f"cannot take columns. It must be a table, such as {self.table}."
            )
        of = str(table.node)
        return [
            Node(
                column,
                column_type(table.type),
                (Argument(of, table.type, of),),
                function=reader.function,
                call=partial(taken, column, of) if reader.call else None,
            )
            for column in self.columns or ()
        ]

    def _check_new(self, columns: Iterable[Node], inner: Iterable[Node], reader: Node) -> None:
        passed = {node.name for node in columns}
        for node in inner:
            if node.name in passed and not node.condition.tests:
                raise InvalidModifier(
                    f"{reader.where}: column '{node.name}' is both taken from the table and made by "
                    f"{node.where}. To change a column, give the table with on_input= and take it from there."
                )

    def _pruned(self, nodes: Sequence[Node], function: Function) -> list[Node]:
        known = {node.name for node in nodes}
        is_known = not self.partial and not self.loaded.partial
        for name in self.select or ():
            if name not in known and is_known:
                raise InvalidModifier(
                    f"{function.where}: @{self.label} selects '{name}', which none of its functions makes."
                    f"{did_you_mean(name, known)}"
                )
        if not nodes and is_known:
            raise InvalidModifier(f"{function.where}: the functions of @{self.label} make no columns.")
        return needed(nodes, self.select)

    def _append(self, made: Sequence[Node], table: Argument, reader: Node, config: Configuration) -> Node:
        type_ = table.type if table.type.name == self.table else _named(self.table, reader.call is not None)
        column = column_type(type_)
        names = self.select or tuple(dict.fromkeys(node.name for node in made if node.type == column))
        # Which of all columns there are may depend on the configuration.
        some = (
            {node.name for node in made if node.condition.tests} if config.is_open and not self.select else ()
        )
        return Node(
            "_append",
            type_,
            (
                *(Argument(name, column, name, None if name in some else MISSING) for name in names),
                Argument(str(table.node), type_, table.node),
            ),
            function=reader.function,
            call=partial(appended, self.method, names) if reader.call else None,
        )


def appended(method: str, names: Sequence[str], *values: Any) -> Any:
    """Return a table with columns.

    Args:
        method: Its method that adds columns.
        names: Names of the columns.
        *values: The columns in this order, and the table.
    """
    return getattr(values[-1], method)(**dict(zip(names, values[:-1], strict=True)))


def configured(
    label: str,
    functions: Iterable[Function],
    required: Sequence[str] | None,
    config: Configuration,
    function: Function,
) -> list[Node]:
    """Return the nodes of a sub-graph that sees only some keys of the configuration.

    Args:
        label: Name of the modifier, for messages.
        functions: Its functions.
        required: The keys that it sees, which must be there; None for all that are.
        config: What is known of the configuration.
        function: The function that is decorated.

    Raises:
        InvalidModifier: The configuration is whole, and lacks one of the keys.
    """
    if required is None:
        return expanded(functions, config)
    for key in required:
        if key not in config and not config.is_open:
            raise InvalidModifier(
                f"{function.where}: @{label} requires configuration key '{key}', which is not given. Add it "
                f"to the configuration.{did_you_mean(key, config)}"
            )
    seen = Configuration({}, is_open=True, open_keys=frozenset(required))
    nodes = expanded(functions, config.only(required))
    return [replace(node, condition=node.condition.under(seen) or ALWAYS) for node in nodes]


def needed(nodes: Sequence[Node], select: Sequence[str] | None) -> list[Node]:
    """Return the nodes that some of them need; all where it is not said which are wanted."""
    if select is None:
        return list(nodes)
    by_name: dict[str, list[Node]] = {}
    for node in nodes:
        by_name.setdefault(node.name, []).append(node)
    wanted: set[str] = set()
    pending = [name for name in select if name in by_name]
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending += [other for node in by_name[name] for other in node.dependencies if other in by_name]
    return [node for node in nodes if node.name in wanted]


def known_names(label: str, argument: str, given: Any) -> tuple[str, ...] | None:
    """Return an argument that lists names; None where it is not given or source does not tell.

    Raises:
        InvalidModifier: It is no list of names, or an empty one.
    """
    if given is None or isinstance(given, Unevaluated):
        return None
    if not isinstance(given, (list, tuple, set, frozenset)) or not given:
        raise InvalidModifier(f"@{label}: {argument}={given!r} must be a list of names.")
    names = [name for name in given if not isinstance(name, Unevaluated)]
    if not all(isinstance(name, str) for name in names):
        raise InvalidModifier(f"@{label}: {argument}={given!r} must be a list of names.")
    return tuple(sorted(names) if isinstance(given, (set, frozenset)) else names)


def _named(name: str, is_live: bool) -> Type:
    module, _, attribute = name.rpartition(".")
    return Type(name, live=getattr(sys.modules.get(module), attribute, None) if is_live else None)
