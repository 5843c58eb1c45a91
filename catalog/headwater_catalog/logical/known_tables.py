"""The tables that are known so far: those that are declared, and those that something reads or fills."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater_catalog.lineage_graph import LineageNode
from headwater_catalog.locations import Location
from headwater_catalog.table_specs import (
    TABLE_PREFIX,
    ColumnSpec,
    TableSpec,
    column_key,
    place_key,
    table_key,
)

__all__ = ["KnownTables", "LogicalTable"]

_FILE = re.compile(
    r"[/\\]|\.(csv|tsv|json|jsonl|ndjson|parquet|arrow|feather|xlsx)(\.(gz|zst))?$", re.IGNORECASE
)
_UNDECLARED = ColumnSpec()


@dataclass(frozen=True, slots=True)
class LogicalTable:
    """A table.

    Attributes:
        key: What it is called in a lineage: `table:connection:schema.name`, or `table:` and an address.
        place: Where it is, in words.
        name: What the project calls it; empty where it does not declare it.
        doc: What it holds.
        owner: Whom to ask about it.
        tags: Tags by key.
        columns: Its columns by name; those that are not declared are known from what reads or fills them.
        declared: The names of those that are declared.
    """

    key: str
    place: str
    name: str = ""
    doc: str = ""
    owner: str = ""
    tags: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, ColumnSpec] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """The shortest text that names it."""
        return self.name or self.place.rpartition("/")[2].rpartition(":")[2] or self.place

    @property
    def column_keys(self) -> tuple[str, ...]:
        """What its columns are called in a lineage."""
        return tuple(column_key(self.key, name) for name in self.columns)

    def nodes(self) -> Iterator[LineageNode]:
        """Yield what it and its columns are in a lineage."""
        summary = self.doc.strip().partition("\n")[0]
        yield LineageNode(self.key, self.title, "", "table", summary, self.owner, is_table=True)
        for name, column in self.columns.items():
            key, said = column_key(self.key, name), column.doc.strip().partition("\n")[0]
            yield LineageNode(key, f"{self.title}.{name}", "", column.type, said, self.owner, is_table=True)


class KnownTables:
    """Finds tables by where they are, or by what SQL calls them.

    Args:
        declared: Those that the project declares.
    """

    def __init__(self, declared: Iterable[TableSpec]) -> None:
        self._specs = {spec.key: spec for spec in declared}
        self._places = {key: _place(spec.where.at(None)) for key, spec in self._specs.items()}
        self._columns: dict[str, dict[str, str]] = {}  # those that are not declared, by small letters
        self._folded = {key: frozenset(map(str.casefold, spec.columns)) for key, spec in self._specs.items()}
        self._by_connection: dict[str | None, dict[str, tuple[str, ...]]] = {}

    def tables(self) -> dict[str, LogicalTable]:
        """Return all that are known by now, by key."""
        return {key: self._table(key) for key in sorted(self._places)}

    def is_declared(self, place: Location) -> bool:
        """Tell whether the table at a place is declared."""
        return place_key(place) in self._specs

    def at(self, place: Location) -> str:
        """Return the key of the table at a place."""
        key = place_key(place)
        self._places.setdefault(key, _place(place))
        return key

    def named(self, connection: str, table: str) -> str:
        """Return the key of a table of a connection as SQL calls it."""
        key = table_key(connection, table)
        self._places.setdefault(key, f"{connection}:{table}")
        return key

    def named_in_code(self, connection: str, table: str) -> str:
        """Return the key of a table as SQL in code calls it.

        What code calls its connection need not be what the server does, so a table that only one connection
        is known to have is that one. A name that is one of a file, as DuckDB reads it, is that file.
        """
        if _FILE.search(table):
            return self.at(
                Location(url=table) if "://" in table else Location(path=posixpath.normpath(table))
            )
        ending = table_key("", table).removeprefix(TABLE_PREFIX)
        same = [other for other in self._places if other.endswith(ending)]
        return same[0] if len(same) == 1 else self.named(connection, table)

    def column(self, table: str, name: str) -> str:
        """Return the key of a column of a table, which from now on is known to have it."""
        if name.casefold() not in self._folded.get(table, ()):
            self._columns.setdefault(table, {}).setdefault(name.casefold(), name)
        return column_key(table, name)

    def declared_columns(self, key: str) -> Mapping[str, ColumnSpec]:
        """Return the columns that a table is declared to have."""
        return self._specs[key].columns if key in self._specs else {}

    def columns_in(self, connection: str | None) -> Mapping[str, tuple[str, ...]]:
        """Return the declared columns of the tables of a connection, by their names in small letters.

        Args:
            connection: The connection; None: of any, where only one has a table of that name.
        """
        if connection not in self._by_connection:
            found: dict[str, list[tuple[str, ...]]] = {}
            for spec in self._specs.values():
                place = spec.where.at(None)
                if place.connection and spec.columns and connection in (None, place.connection):
                    found.setdefault(place.table.casefold(), []).append(tuple(spec.columns))
            only = {table: columns[0] for table, columns in found.items() if len(columns) == 1}
            self._by_connection[connection] = only
        return self._by_connection[connection]

    def _table(self, key: str) -> LogicalTable:
        spec = self._specs.get(key)
        more = {name: _UNDECLARED for _, name in sorted(self._columns.get(key, {}).items())}
        if spec is None:
            return LogicalTable(key, self._places[key], columns=more)
        return LogicalTable(
            key,
            self._places[key],
            *(spec.name, spec.doc, spec.owner, spec.tags),
            {**spec.columns, **more},
            frozenset(spec.columns),
        )


def _place(place: Location) -> str:
    return place.shown or place_key(place).removeprefix(TABLE_PREFIX)
