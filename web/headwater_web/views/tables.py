"""The page of a table: its columns, what reads and fills them, and the datasets that went there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from flask import Blueprint, render_template

from headwater_catalog.lineage import LineageNode
from headwater_catalog.logical.bound import TableUse
from headwater_catalog.logical.reach import readers_and_makers
from headwater_catalog.logical.shared import repositories_naming
from headwater_catalog.moments import moment_at
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.table_datasets import versions_sent_to
from headwater_catalog.table_specs import ColumnSpec, column_key, is_shared
from headwater_web.lists import Table, as_files
from headwater_web.reading import AsOf, as_of, exported, reading

__all__ = ["blueprint"]

blueprint = Blueprint("tables", __name__)

_COLUMNS: Final = ("key", "name", "place", "column", "type", "declared", "readers", "makers", "summary")


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column, or the table as a whole, with what reads it and what fills it.

    Attributes:
        key: Its key.
        name: Its name; empty for the table as a whole.
        column: What is declared of it.
        is_declared: Whether anything is.
        readers: What reads it directly.
        makers: What fills it directly.
    """

    key: str
    name: str
    column: ColumnSpec
    is_declared: bool
    readers: tuple[LineageNode, ...]
    makers: tuple[LineageNode, ...]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What another repository has to do with the table.

    Attributes:
        repository: Its name.
        readers: What reads the table or a column of it there, at its scanned head.
        makers: What fills it there.
    """

    repository: str
    readers: tuple[LineageNode, ...]
    makers: tuple[LineageNode, ...]


@blueprint.get("/r/<repo>/t/<path:name>")
def table(repo: str, name: str) -> str:
    """Show a table."""
    view = as_of(repo)
    here = view.moment.snapshot.tables
    found = here.get(name)
    uses = here.uses_of(found.key)
    return render_template(
        "table.html",
        view=view,
        table=found,
        rows=_rows(view, found.key),
        read=_by_flow(uses, is_filled=False),
        filled=_by_flow(uses, is_filled=True),
        unclear=here.told_of({found.key, *found.column_keys}),
        elsewhere=tuple(_elsewhere(view, found.key)) if exported() is None else (),
        versions=versions_sent_to(reading(), view.repository, found.key) if exported() is None else (),
    )


@as_files(blueprint, "/r/<repo>/tables")
def tables(repo: str) -> Table:
    """Give the tables of a repository with their columns as a table."""
    view = as_of(repo)
    rows = (
        (
            *(row.key, found.name, found.place, row.name, row.column.type, row.is_declared),
            [node.key for node in row.readers],
            [node.key for node in row.makers],
            row.column.doc.partition("\n")[0],
        )
        for found in view.moment.snapshot.tables.tables.values()
        for row in _rows(view, found.key)
    )
    return Table("tables", _COLUMNS, rows)


def _rows(view: AsOf, key: str) -> list[ColumnRow]:
    """Return the table as a whole, and its columns."""
    snapshot = view.moment.snapshot
    found, nodes = snapshot.tables.tables[key], snapshot.lineage.nodes

    def row(each: str, name: str, column: ColumnSpec) -> ColumnRow:
        ends = readers_and_makers(snapshot, each)
        readers, makers = (tuple(nodes[end] for end in some) for some in ends)
        return ColumnRow(each, name, column, name in found.declared, readers, makers)

    whole = row(key, "", ColumnSpec("", found.doc, found.tags))
    columns = [row(column_key(key, name), name, column) for name, column in found.columns.items()]
    return [whole, *columns]


def _by_flow(uses: Iterable[TableUse], *, is_filled: bool) -> list[TableUse]:
    return [use for use in uses if use.is_filled is is_filled]


def _elsewhere(view: AsOf, key: str) -> Iterator[Elsewhere]:
    """Yield what other repositories have to do with a table."""
    moment = view.moment
    for repository in repositories_naming(moment.session, [key]) if is_shared(key) else ():
        if repository.id == moment.repository.id:
            continue
        snapshot = moment_at(moment.session, moment.settings, repository).snapshot
        found = snapshot.tables.tables.get(key)
        if found is not None:
            ends = [readers_and_makers(snapshot, each) for each in (key, *found.column_keys)]
            readers, makers = (
                _nodes(snapshot, chain.from_iterable(some)) for some in zip(*ends, strict=True)
            )
            if readers or makers:
                yield Elsewhere(repository.name, readers, makers)


def _nodes(snapshot: Snapshot, keys: Iterable[str]) -> tuple[LineageNode, ...]:
    return tuple(snapshot.lineage.nodes[key] for key in sorted(set(keys)))
