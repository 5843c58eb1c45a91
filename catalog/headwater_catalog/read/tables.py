"""The logical tables of a project file, and what sources and sinks say that they are one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from headwater.errors import did_you_mean
from headwater_catalog import locations
from headwater_catalog.locations import LOCATION, read_whereabouts
from headwater_catalog.table_specs import ColumnSpec, TableSpec

__all__ = ["bound_table", "is_bound", "read_tables"]

_TABLE: Final = ("columns", "doc", "owner", "tags", *LOCATION)
_COLUMN: Final = ("doc", "tags", "type")
_PLACES: Final = ("connection", "feature", "in", "path", "url")
_MOST_COLUMNS: Final = 5_000  # of one table


class _Reader(locations.Reader, Protocol):
    envs: tuple[str, ...]


def read_tables(reader: _Reader, settings: dict[str, Any], where: str) -> dict[str, TableSpec]:
    """Read the logical tables of a project; what is wrong is noted and left out.

    Args:
        reader: Notes what is wrong.
        settings: The whole table of the project.
        where: Its place in the file, with a dot at the end.
    """
    tables, inner = reader.table(settings, "tables", where), f"{where}tables."
    found = {name: _table(reader, name, tables, inner) for name in tables}
    specs = {name: spec for name, spec in found.items() if spec is not None}
    first: dict[str, str] = {}
    for name, spec in list(specs.items()):
        if spec.key in first:
            told = f"{inner}{name} is where {inner}{first[spec.key]} is, which counts. Declare it once."
            reader.tell(name, told)
            del specs[name]
        first.setdefault(spec.key, name)
    return specs


def bound_table(
    reader: _Reader, table: Mapping[str, Any], where: str, tables: Mapping[str, TableSpec]
) -> TableSpec | None:
    """Return the logical table that a source or sink says it is; None where it is none, or an unknown one.

    Args:
        reader: Notes what is wrong.
        table: The source or sink.
        where: Its place in the file, with a dot at the end.
        tables: The logical tables of the project.
    """
    name = table.get("table")
    if not isinstance(name, str) or not is_bound(table):
        return None
    if name not in tables:
        known = ", ".join(sorted(tables)) or "none"
        near = did_you_mean(name, tables) or f" Those that count are: {known}."
        told = f"{where}table is '{name}', which [tables] does not declare.{near} It has no effect."
        reader.tell(name, f"{told} A table of a database needs its connection, too.")
    return tables.get(name)


def is_bound(table: Mapping[str, Any]) -> bool:
    """Tell whether a source or sink says that it is a logical table, and not where it is."""
    return "table" in table and not table.keys() & {*_PLACES, "query"}


def _table(reader: _Reader, name: str, tables: dict[str, Any], where: str) -> TableSpec | None:
    table, inner = tables[name], f"{where}{name}."
    if not isinstance(table, dict):
        reader.wrong(name, where, 'a table such as {connection = "warehouse", table = "sales.weekly"}')
        return None
    reader.known(table, _TABLE, inner)
    place = read_whereabouts(reader, table, inner, reader.envs)
    if place is None:
        if not table.keys() & {"path", "url", "connection", "in"}:
            reader.tell(name, f"{inner[:-1]} says no place. Add a connection and a table, a url or a path.")
        return None
    if any(each.query for each in place.locations.values()):
        reader.tell(name, f"{inner[:-1]} is a query, and no table; it has no effect. A source may be one.")
        return None
    return TableSpec(
        name=name,
        where=place,
        columns=_columns(reader, table, inner),
        doc=reader.text(table, "doc", inner) or "",
        owner=reader.text(table, "owner", inner) or "",
        tags=_tags(reader, table, inner),
    )


def _columns(reader: _Reader, table: dict[str, Any], where: str) -> dict[str, ColumnSpec]:
    given = table.get("columns", {})
    if isinstance(given, list):
        given = {name: "" for name in given if isinstance(name, str)}
    if not isinstance(given, dict):
        reader.wrong("columns", where, 'a list of names, or a table such as {email = "str"}')
        return {}
    if len(given) > _MOST_COLUMNS:
        reader.tell("columns", f"{where}columns has {len(given):,}; the first {_MOST_COLUMNS:,} count.")
    columns: dict[str, ColumnSpec] = {}
    inner = f"{where}columns."
    for name, said in list(given.items())[:_MOST_COLUMNS]:
        if isinstance(said, str):
            columns[name] = ColumnSpec(said)
        elif isinstance(said, dict):
            at = f"{inner}{name}."
            reader.known(said, _COLUMN, at)
            type_, doc = (reader.text(said, key, at) or "" for key in ("type", "doc"))
            columns[name] = ColumnSpec(type_, doc, _tags(reader, said, at))
        else:
            reader.wrong(name, inner, 'its type, or a table such as {type = "str", tags = {pii = true}}')
    return columns


def _tags(reader: _Reader, table: dict[str, Any], where: str) -> dict[str, Any]:
    tags: dict[str, Any] = {}
    for key, value in reader.table(table, "tags", where).items():
        if isinstance(value, bool):
            tags[key] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            tags[key] = str(value)
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            tags[key] = list(value)
        else:
            reader.wrong(key, f"{where}tags.", "a text, true or false, or a list of texts")
    return tags
