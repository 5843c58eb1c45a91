"""Which tables a feature comes from, and which it fills."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater_catalog.logical.known_tables import LogicalTable
from headwater_catalog.table_specs import TABLE_PREFIX, column_key, table_of

if TYPE_CHECKING:
    from headwater_catalog.snapshot import Snapshot

__all__ = ["TableReach", "readers_and_makers", "tables_behind", "tables_filled_by"]


@dataclass(frozen=True, slots=True)
class TableReach:
    """A table, and those of its columns that it is about.

    Attributes:
        table: The table.
        columns: Names of the columns; none where it is about the table as a whole.
    """

    table: LogicalTable
    columns: tuple[str, ...]


def tables_behind(snapshot: Snapshot, key: str) -> tuple[TableReach, ...]:
    """Return the tables that a node comes from, directly or not, the nearest first."""
    return _tables(snapshot, snapshot.lineage.upstream(key)) if snapshot.tables.tables else ()


def tables_filled_by(snapshot: Snapshot, key: str) -> tuple[TableReach, ...]:
    """Return the tables that a feature itself fills, or columns of which it makes."""
    return _tables(snapshot, snapshot.lineage.children(key)) if snapshot.tables.tables else ()


def readers_and_makers(snapshot: Snapshot, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what reads a table or column directly, and what fills it; nothing of the table itself."""
    graph, own = snapshot.lineage, table_of(key)
    if key not in graph.nodes:  # a file that lineage does not go on to
        return (), ()
    ends = graph.children(key), graph.parents(key)
    readers, makers = (tuple(end for end in some if table_of(end) != own) for some in ends)
    return readers, makers


def _tables(snapshot: Snapshot, keys: Iterable[str]) -> tuple[TableReach, ...]:
    found: dict[str, set[str]] = {}
    for key in keys:
        if key.startswith(TABLE_PREFIX):
            found.setdefault(table_of(key), set()).add(key)
    tables = snapshot.tables.tables
    return tuple(
        TableReach(
            tables[table],
            tuple(name for name in tables[table].columns if column_key(table, name) in columns),
        )
        for table, columns in found.items()
    )
