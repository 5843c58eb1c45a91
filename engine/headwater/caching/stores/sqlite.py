"""What a cache knows of its values, in a database that several processes may use at a time."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from headwater.caching.stores.base import MetadataStore, UnknownRun

__all__ = ["SQLiteMetadataStore"]

_TABLES = """
CREATE TABLE IF NOT EXISTS run (number INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS entry (
    cache_key TEXT PRIMARY KEY,
    data_version TEXT NOT NULL,
    node_name TEXT,
    code_version TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    cache_key TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS history_of_run ON history (run_id);
"""
_SECONDS_TO_WAIT = 30.0
_ENTRY = ("cache_key", "data_version", "node_name", "code_version")


class SQLiteMetadataStore(MetadataStore):
    """Knows which value belongs to each key, in an SQLite database in a folder.

    Args:
        path: The folder.
        connection_kwargs: More arguments of `sqlite3.connect`.
    """

    def __init__(
        self, path: str | os.PathLike[str], connection_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Open the database, and make it anew where it is damaged."""
        self.directory = Path(path).absolute()
        self.connection_kwargs = dict(connection_kwargs or {})
        self._lock = threading.Lock()
        self._process = 0
        self._connection: sqlite3.Connection | None = None
        try:
            self._opened().execute("SELECT COUNT(*) FROM entry")
        except sqlite3.DatabaseError as error:
            # A database that is only busy, or that may not be written, is not damaged.
            if isinstance(error, sqlite3.OperationalError):
                raise
            self.close()
            self._remove()
            self._opened()

    @property
    def path(self) -> Path:
        """The file of the database."""
        return self.directory / "metadata.sqlite"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.directory, self.connection_kwargs)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def close(self) -> None:
        """Let go of the database; it is opened again when it is needed."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _opened(self) -> sqlite3.Connection:
        # A connection must not be used by a process that was forked from the one that opened it.
        if self._connection is None or self._process != os.getpid():
            self.directory.mkdir(parents=True, exist_ok=True)
            arguments = {"timeout": _SECONDS_TO_WAIT, **self.connection_kwargs}
            connection = sqlite3.connect(
                self.path, check_same_thread=False, isolation_level=None, **arguments
            )
            self._process, self._connection = os.getpid(), connection
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_TABLES)
        return self._connection

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._opened().execute(statement, values).fetchall()

    def __len__(self) -> int:
        return int(self._rows("SELECT COUNT(*) FROM entry")[0][0])

    def initialize(self, run_id: str) -> None:
        """Take note of a run that begins."""
        self._rows("INSERT OR IGNORE INTO run (run_id) VALUES (?)", run_id)

    def set(self, cache_key: str, data_version: str, **kwargs: Any) -> None:
        """Take note of a value."""
        entry = (cache_key, data_version, kwargs.get("node_name"), kwargs.get("code_version"))
        with self._lock:
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", entry)
                made = (kwargs.get("run_id", ""), cache_key)
                connection.execute("INSERT INTO history (run_id, cache_key) VALUES (?, ?)", made)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def get(self, cache_key: str, **kwargs: Any) -> str | None:
        """Return the fingerprint of the value of a key; None where it is not known."""
        rows = self._rows("SELECT data_version FROM entry WHERE cache_key = ?", cache_key)
        return str(rows[0][0]) if rows else None

    def delete(self, cache_key: str) -> None:
        """Forget a key."""
        self._rows("DELETE FROM entry WHERE cache_key = ?", cache_key)

    def delete_all(self) -> None:
        """Forget all keys and runs."""
        for table in ("run", "entry", "history"):
            self._rows(f"DELETE FROM {table}")  # noqa: S608 - the names are those above

    def exists(self, cache_key: str) -> bool:
        """Tell whether a key is known."""
        return self.get(cache_key) is not None

    def get_run_ids(self) -> list[str]:
        """Return the runs, from the oldest to the newest."""
        return [row[0] for row in self._rows("SELECT run_id FROM run ORDER BY number")]

    def get_run(self, run_id: str) -> list[dict[str, Any]]:
        """Return what is known of each node that a run computed.

        Raises:
            UnknownRun: There was no such run.
        """
        if run_id not in self.get_run_ids():
            raise UnknownRun(run_id)
        rows = self._rows(
            f"SELECT {', '.join(_ENTRY)} FROM history JOIN entry USING (cache_key) "  # noqa: S608
            "WHERE run_id = ? ORDER BY number",
            run_id,
        )
        return [dict(zip(_ENTRY, row, strict=True)) for row in rows]
