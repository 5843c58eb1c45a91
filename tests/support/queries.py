"""How many statements something sends to a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from headwater_catalog.store.database import Database

__all__ = ["counted_queries"]


@contextmanager
def counted_queries(database: Database) -> Iterator[list[str]]:
    """Give a list that has the statements sent meanwhile."""
    sent: list[str] = []

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
