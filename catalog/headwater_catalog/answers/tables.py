"""Logical tables as plain data: where they are, their columns, and what reads and fills these."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.logical.reach import readers_and_makers
from headwater_catalog.table_specs import column_key

if TYPE_CHECKING:
    from headwater_catalog.logical.bound import TablesHere
    from headwater_catalog.logical.known_tables import LogicalTable
    from headwater_catalog.snapshot import Snapshot

__all__ = ["table_json", "tables_json"]


def tables_json(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the tables of a repository at one moment as JSON has them, by key."""
    return [table_json(table, snapshot) for table in snapshot.tables.tables.values()]


def table_json(table: LogicalTable, snapshot: Snapshot) -> dict[str, Any]:
    """Return a table as JSON has it."""
    here: TablesHere = snapshot.tables
    ends = {key: readers_and_makers(snapshot, key) for key in (table.key, *table.column_keys)}
    readers, makers = ends[table.key]
    return {
        "key": table.key,
        "name": table.name,
        "place": table.place,
        "doc": table.doc,
        "owner": table.owner,
        "tags": dict(table.tags),
        "columns": [
            {
                "key": (key := column_key(table.key, name)),
                "name": name,
                "type": column.type,
                "doc": column.doc,
                "tags": dict(column.tags),
                "declared": name in table.declared,
                "readers": list(ends[key][0]),
                "makers": list(ends[key][1]),
            }
            for name, column in table.columns.items()
        ],
        "readers": list(readers),
        "makers": list(makers),
        "uses": [asdict(use) for use in here.uses_of(table.key)],
        "unclear": list(here.told_of(ends)),
    }
