"""Logical tables as a project file declares them, and what they and their columns are called in a lineage.

Where a table is tells it apart, not what somebody calls it: whatever names the same place means the same
table, in any dataflow and in any repository. Letters of any case name one table, as most databases have it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.locations import Location, Whereabouts

__all__ = [
    "TABLE_PREFIX",
    "ColumnSpec",
    "TableSpec",
    "column_key",
    "is_shared",
    "place_key",
    "table_key",
    "table_of",
    "tables_as_data",
    "tables_from_data",
]

TABLE_PREFIX: Final = "table:"
_LOCAL: Final = f"{TABLE_PREFIX}./"  # of this repository alone: another one may have a file of the same path
_COLUMN: Final = "#"


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column of a logical table.

    Attributes:
        type: Its type, as the project file says it.
        doc: What it means.
        tags: Tags by key, such as classifications.
    """

    type: str = ""
    doc: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A logical table, declared once for all dataflows that read or fill it.

    Attributes:
        name: What the project calls it.
        where: Where it is.
        columns: Its columns by name; none where they are not declared.
        doc: What it holds.
        owner: Whom to ask about it.
        tags: Tags by key, which hold for all of its columns.
    """

    name: str
    where: Whereabouts
    columns: Mapping[str, ColumnSpec] = field(default_factory=dict)
    doc: str = ""
    owner: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What it is called in a lineage: by its place in the usual environment."""
        return place_key(self.where.at(None))


def place_key(place: Location) -> str:
    """Return what the table at a place is called in a lineage; a query is no table."""
    if place.connection:
        return table_key(place.connection, place.table)
    return f"{TABLE_PREFIX}{_plain(place.url)}" if place.url else f"{_LOCAL}{_plain(place.path)}"


def table_key(connection: str, table: str) -> str:
    """Return what a table of a database is called in a lineage."""
    return f"{TABLE_PREFIX}{_plain(connection)}:{_plain(table.casefold())}"


def _plain(text: str) -> str:
    """Return a text as it can be a part of a key, and that of an address: no '#', no two slashes together."""
    return re.sub(r":?//+", lambda found: ":" if found[0][0] == ":" else "/", text).replace(_COLUMN, "%23")


def column_key(table: str, column: str) -> str:
    """Return what a column of a table with some key is called in a lineage."""
    return f"{table}{_COLUMN}{column.casefold()}"


def table_of(key: str) -> str:
    """Return the key of the table that a key is of, or is of a column of."""
    return key.partition(_COLUMN)[0]


def is_shared(key: str) -> bool:
    """Tell whether a key is of a table that other repositories may mean as well."""
    return key.startswith(TABLE_PREFIX) and not key.startswith(_LOCAL)


def tables_as_data(tables: Mapping[str, TableSpec]) -> dict[str, Any]:
    """Return tables as plain data, as the store keeps them."""
    return {
        name: {
            "where": spec.where.as_dict(),
            "columns": {
                column: {"type": each.type, "doc": each.doc, "tags": dict(each.tags)}
                for column, each in spec.columns.items()
            },
            "doc": spec.doc,
            "owner": spec.owner,
            "tags": dict(spec.tags),
        }
        for name, spec in sorted(tables.items())
    }


def tables_from_data(data: Mapping[str, Any]) -> dict[str, TableSpec]:
    """Return what `tables_as_data` has made plain data of."""
    return {
        name: TableSpec(
            name,
            Whereabouts.from_dict(each["where"]),
            {column: ColumnSpec(**said) for column, said in each["columns"].items()},
            each["doc"],
            each["owner"],
            each["tags"],
        )
        for name, each in data.items()
    }
