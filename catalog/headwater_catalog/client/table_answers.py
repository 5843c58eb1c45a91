"""What a served catalog answers about logical tables."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["Column", "LogicalTable", "TableUse"]


class Column(TypedDict):
    """A column of a table."""

    key: str
    name: str
    type: str
    doc: str
    tags: dict[str, Any]
    declared: bool
    readers: list[str]
    makers: list[str]


class TableUse(TypedDict):
    """A source or sink that is a table, or SQL in the code of a feature."""

    table: str
    is_filled: bool
    dataflow: str
    name: str


class LogicalTable(TypedDict):
    """A table that dataflows read or fill."""

    key: str
    name: str
    place: str
    doc: str
    owner: str
    tags: dict[str, Any]
    columns: list[Column]
    readers: list[str]
    makers: list[str]
    uses: list[TableUse]
    unclear: list[str]
