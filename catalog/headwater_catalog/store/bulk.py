"""Bulk statements that both databases take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from headwater_catalog.store.models import Base

__all__ = [
    "chunks",
    "insert_new",
    "insert_or_replace",
    "insert_or_update",
    "insert_returning",
    "insert_rows",
    "select_in",
    "update_by_id",
]

_CHUNK = 1_000  # rows of one insert, and values of one IN, of which every SQLite takes 32,766

Rows = Iterable[dict[str, Any]]
"""Rows may be made while they are written, some at a time: those of a large commit fill the memory."""


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut values into lists that one IN takes."""
    rest = iter(values)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def insert_rows(session: Session, model: type[Base], rows: Rows) -> None:
    """Insert rows."""
    for chunk in chunks(rows):
        session.connection().execute(insert(_table(model)), chunk)


def insert_returning(session: Session, model: type[Base], rows: Rows) -> Sequence[int]:
    """Insert rows and return their ids in the same order."""
    table = _table(model)
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    ids: list[int] = []
    for chunk in chunks(rows):
        ids += session.connection().execute(statement, chunk).scalars()
    return ids


def insert_new(
    session: Session, model: type[Base], rows: Rows, unique: Sequence[str], told: str
) -> dict[Any, int]:
    """Insert the rows whose `unique` columns are not there yet; another transaction may insert them, too.

    Returns:
        The ids of those that were inserted by their column `told`, which differs in all of them.
    """
    statement = _dialect_insert(session, model).on_conflict_do_nothing(index_elements=unique)
    return _ids(session, statement, rows, told)


def insert_or_update(
    session: Session, model: type[Base], rows: Rows, unique: Sequence[str], updated: Sequence[str], told: str
) -> dict[Any, int]:
    """Insert rows; where the `unique` columns are there, set the `updated` ones.

    Returns:
        The ids of all rows by their column `told`, which differs in all of them.
    """
    statement = _dialect_insert(session, model)
    values = {name: statement.excluded[name] for name in updated}
    return _ids(session, statement.on_conflict_do_update(index_elements=unique, set_=values), rows, told)


def insert_or_replace(session: Session, model: type[Base], rows: Rows, unique: Sequence[str]) -> None:
    """Insert rows; where the `unique` columns are there, set all the others."""
    statement = _dialect_insert(session, model)
    values = {each.name: each for each in statement.excluded if each.name not in unique}
    wanted = statement.on_conflict_do_update(index_elements=unique, set_=values)
    for chunk in chunks(rows):
        session.connection().execute(wanted, chunk)


def _ids(session: Session, statement: Insert, rows: Rows, told: str) -> dict[Any, int]:
    columns = statement.table.c
    returning = statement.returning(columns[told], columns.id)
    found: dict[Any, int] = {}
    for chunk in chunks(rows):
        found.update(map(tuple, session.connection().execute(returning, chunk)))
    return found


def select_in(
    session: Session,
    columns: Sequence[InstrumentedAttribute[Any]],
    column: InstrumentedAttribute[Any],
    values: Collection[Any],
) -> Iterator[tuple[Any, ...]]:
    """Yield columns of the rows in which `column` has one of some values."""
    for chunk in chunks(values):
        yield from map(tuple, session.execute(select(*columns).where(column.in_(chunk))))


def update_by_id(session: Session, model: type[Base], rows: Rows) -> None:
    """Set the other values of each row where the id is that row's `id`."""
    table = _table(model)
    for chunk in chunks(rows):
        names = [name for name in chunk[0] if name != "id"]
        statement = (
            update(table)
            .where(table.c.id == bindparam("row_id"))
            .values({name: bindparam(f"new_{name}") for name in names})
        )
        values = [{"row_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in chunk]
        session.connection().execute(statement, values)


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _dialect_insert(session: Session, model: type[Base]) -> Insert:
    if session.get_bind().dialect.name == "postgresql":
        # Imported where it is used: this dialect doubles the time that a command takes to start.
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        return cast(Insert, postgresql_insert(_table(model)))  # what is used here, both have alike
    return sqlite_insert(_table(model))
