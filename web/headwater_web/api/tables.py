"""Logical tables: what reads and fills them, and their columns."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.answers.tables import table_json
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import pinned, slice_answer
from headwater_web.api.resources import REPOSITORY, TABLE, Resource
from headwater_web.api.schemas.fields import AtPageQuery, AtQuery
from headwater_web.api.schemas.tables import TablePageSchema, TableSchema
from headwater_web.reading import as_of

__all__ = ["resource"]

resource = Resource("tables", "Tables that dataflows read and fill, and their columns.")


@resource.get("/tables/<repo>", TablePageSchema, AtPageQuery, (REPOSITORY,))
def list_tables(args: dict[str, Any], repo: str) -> Response:
    """List the tables that a repository reads, fills or declares."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    snapshot = moment.snapshot
    tables = tuple(snapshot.tables.tables.values())
    return slice_answer(
        args, cursor, tables, lambda table: table_json(table, snapshot), sha=moment.commit.sha
    )


@resource.get("/tables/<repo>/<path:table>", TableSchema, AtQuery, (REPOSITORY, TABLE))
def show_table(_args: dict[str, Any], repo: str, table: str) -> Response:
    """Show a table with what reads and fills each of its columns."""
    snapshot = as_of(repo).moment.snapshot
    return answer(table_json(snapshot.tables.get(table), snapshot))
