"""Tables of databases that are written as a whole, or not at all where the database can take it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from headwater.materialize.packages import needed, needing

__all__ = ["in_one_transaction"]


@contextmanager
def in_one_transaction(database: Any, purpose: str, *, is_read: bool = False) -> Iterator[Any]:
    """Yield a connection whose work is kept if nothing fails, and else taken back.

    Drivers of SQLite begin a transaction only with the first row, after a table was dropped and made anew:
    here it begins before. Where the caller's connection is within a transaction, that one decides.

    Args:
        database: An address, or an engine, session or connection of SQLAlchemy. A connection of another
            kind, as of `sqlite3`, is handed on as it is; pandas itself commits there after it made a table.
        purpose: What it is for, as the beginning of a sentence.
        is_read: Whether it only reads, so that nobody need wait for it.
    """
    if isinstance(database, str):
        with needing("sqlalchemy", purpose):
            engine = needed("sqlalchemy", purpose).create_engine(database)
        try:
            with engine.connect() as connection, _begun(connection, is_read):
                yield connection
        finally:
            engine.dispose()
    elif hasattr(database, "get_bind"):  # a session of SQLAlchemy, whose transaction it is
        connection = database.connection()
        with _begun(connection, is_read):
            yield connection
    elif hasattr(database, "in_nested_transaction"):  # a connection of SQLAlchemy
        with _begun(database, is_read):
            yield database
    elif hasattr(database, "dialect"):  # an engine of SQLAlchemy
        with database.connect() as connection, _begun(connection, is_read):
            yield connection
    else:
        yield database


@contextmanager
def _begun(connection: Any, is_read: bool) -> Iterator[None]:
    with nullcontext() if connection.in_transaction() else connection.begin():
        if connection.dialect.name == "sqlite" and not connection.connection.in_transaction:
            connection.exec_driver_sql("BEGIN" if is_read else "BEGIN IMMEDIATE")
        yield
