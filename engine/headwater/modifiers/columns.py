"""Columns of a table as features of their own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.extraction import Piece, extracted, only_final
from headwater.modifiers.tables import COLUMN_TYPES, column_type, filled, is_table, taken
from headwater.node import Node
from headwater.values import Unevaluated

__all__ = ["COLUMN_TYPES", "Column", "columns_as_nodes", "extract_columns", "named_columns"]

Column = tuple[str, str | None]
"""Name and documentation of a column; no documentation for that of the table."""


class extract_columns(Modifier):
    """Make a node for each named column of the table that a function returns.

    Args:
        *columns: Column names, or pairs of a name and its documentation.
        fill_with: Value for columns that the table lacks; None makes a missing column an error.

    Raises:
        InvalidModifier: No column was named, or the function returns no known table type.
    """

    phase = Phase.TRANSFORM

    def __init__(self, *columns: str | tuple[str, str], fill_with: Any = None) -> None:
        """Check that columns are named one by one."""
        if not columns:
            raise InvalidModifier("@extract_columns names no column. Name at least one.")
        self.columns = named_columns("extract_columns", columns)
        self.fill_with = fill_with

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Keep the nodes and add one node for every column of the final one."""
        table = only_final(nodes, function, "extract_columns")
        return columns_as_nodes(nodes, table, self.columns, function, self.fill_with)


def named_columns(modifier: str, columns: Sequence[Any]) -> tuple[Column, ...]:
    """Return the names and documentation of columns that a modifier was given.

    Raises:
        InvalidModifier: One is neither a name nor a pair of a name and its documentation.
    """
    return tuple(_named(modifier, column) for column in columns if not isinstance(column, Unevaluated))


def _named(modifier: str, column: Any) -> Column:
    if isinstance(column, str):
        return column, None
    if isinstance(column, tuple) and len(column) == 2 and isinstance(column[0], str):
        return column[0], str(column[1])
    hint = " Put a star in front of the list to spread it." if isinstance(column, list) else ""
    raise InvalidModifier(
        f"@{modifier} takes column names or (name, documentation) pairs, not {column!r}.{hint}"
    )


def columns_as_nodes(
    nodes: Sequence[Node], table: Node, columns: Sequence[Column], function: Function, fill_with: Any = None
) -> list[Node]:
    """Return the nodes with a node for each column of one of them, which is a table.

    Raises:
        InvalidModifier: It is no table, or two nodes would have the same name.
    """
    found = is_table(table.type)
    if found is False:
        raise InvalidModifier(
            f"{function.where} returns {table.type}, from which @extract_columns cannot take columns. "
            f"Return one of {', '.join(COLUMN_TYPES)}."
        )
    type_ = column_type(table.type)
    why = () if found else (f"the type of the columns of {table.type} is not known without running code",)
    pieces = [Piece(name, type_, partial(taken, name, table.name), doc, why) for name, doc in columns]
    complete = partial(filled, [name for name, _ in columns], fill_with) if fill_with is not None else None
    return extracted(nodes, table, pieces, complete)
