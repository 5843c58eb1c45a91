"""One function that makes several tables, and their columns as features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.binding import bound, checked_mapping
from headwater.modifiers.calls import Then
from headwater.modifiers.columns import columns_as_nodes, named_columns
from headwater.modifiers.dependencies import Sourced, source, value
from headwater.modifiers.parameterized import the_node
from headwater.modifiers.tables import renamed
from headwater.node import Node
from headwater.values import Unevaluated

__all__ = ["ParameterizedExtract", "parameterize_extract_columns", "parameterize_frame"]


@dataclass(frozen=True)
class ParameterizedExtract:
    """The columns of one table, and where the parameters of its function take their values from.

    Attributes:
        outputs: Names of the columns.
        input_mapping: `source("node")`, `value(literal)` or a `group(...)` of those, by parameter.
    """

    outputs: tuple[str, ...]
    input_mapping: Mapping[str, Sourced]


class parameterize_extract_columns(Modifier):
    """Make several tables of one function, each with parameters of its own, and a node for each column.

    The tables are the nodes `name__0`, `name__1` and so on.

    Args:
        *extract_config: One for each table.
        reassign_columns: Whether the columns of a table get the names in their order; else it must have them.

    Raises:
        InvalidModifier: Something else is given, a mapping names a parameter that the function lacks, or it
            returns no table.
    """

    phase = Phase.EXPAND

    def __init__(self, *extract_config: ParameterizedExtract, reassign_columns: bool = True) -> None:
        """Check names and mappings."""
        # Tables are numbered, and one that is not known may be several.
        known = takewhile(lambda given: not isinstance(given, Unevaluated), extract_config)
        self.tables = [_checked(given) for given in known]
        self.reassign = reassign_columns

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Replace the function's node by one for every table and one for every column."""
        if not self.tables and self.partial:
            return list(nodes)  # the tables are not known, but there is a function to show
        node = the_node(nodes, function, type(self).__name__)
        made: list[Node] = []
        for index, (columns, mapping) in enumerate(self.tables):
            table = bound(node, mapping, function, f"{node.name}__{index}", None)
            if self.reassign and table.call is not None:
                names = tuple(name for name, _ in columns)
                table = replace(table, call=Then(table.call, partial(renamed, names, table.name)))
            made += columns_as_nodes([table], table, columns, function)
        return made


_Table = tuple[tuple[tuple[str, str | None], ...], dict[str, Any]]


def _checked(given: Any) -> _Table:
    if not isinstance(given, ParameterizedExtract):
        raise InvalidModifier(
            "@parameterize_extract_columns takes ParameterizedExtract(outputs, input_mapping), "
            f"not {given!r}."
        )
    outputs: Any = given.outputs
    listed = () if isinstance(outputs, Unevaluated) else outputs
    if not isinstance(listed, (tuple, list)):
        raise InvalidModifier(
            f"@parameterize_extract_columns: outputs={outputs!r} must be the names of columns: "
            f"({outputs!r},)."
        )
    columns = named_columns("parameterize_extract_columns", listed)
    return columns, checked_mapping(given.input_mapping, f"@parameterize_extract_columns: {columns}")


class parameterize_frame(parameterize_extract_columns):
    """Make several tables of one function, as a pandas table tells, and a node for each column.

    Args:
        parameterization: A row for every table. Its columns have two levels: a parameter, or any name for
            an output, and below it "source", "value" or "out": what the row's entry is.

    Raises:
        InvalidModifier: It has other columns.
    """

    def __init__(self, parameterization: Any) -> None:
        """Read the rows."""
        rows = parameterization
        super().__init__(*((rows,) if isinstance(rows, Unevaluated) else _extracts(rows)))


_KINDS = {"source": source, "value": value, "out": None}


def _extracts(frame: Any) -> list[ParameterizedExtract]:
    heads = [tuple(head) if isinstance(head, tuple) else (head,) for head in getattr(frame, "columns", ())]
    if not heads or any(len(head) != 2 for head in heads) or "out" not in {head[1] for head in heads}:
        raise InvalidModifier(
            "@parameterize_frame takes a pandas table whose columns have two levels: names, and below them "
            '"source", "value" or "out", at least one "out".'
        )
    for _, kind in heads:
        if kind not in _KINDS:
            raise InvalidModifier(
                f'@parameterize_frame: {kind!r} is no kind of entry. Write "source", "value" or "out".'
                f"{did_you_mean(str(kind), _KINDS)}"
            )
    return [_extract(heads, row) for row in frame.itertuples(index=False, name=None)]


def _extract(heads: Sequence[tuple[Any, ...]], row: Sequence[Any]) -> ParameterizedExtract:
    entries = list(zip(heads, row, strict=True))
    return ParameterizedExtract(
        outputs=tuple(entry for (_, kind), entry in entries if kind == "out"),
        input_mapping={
            parameter: make(entry)
            for (parameter, kind), entry in entries
            if (make := _KINDS[kind]) is not None
        },
    )
