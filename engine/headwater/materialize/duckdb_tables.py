"""Loads and saves tables of DuckDB databases."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from headwater.errors import InvalidInput
from headwater.materialize.arrow_tables import NULLABLE, ArrowLoader, ArrowSaver
from headwater.materialize.files import is_remote
from headwater.materialize.lossless import fitting, require_names
from headwater.materialize.metadata import get_file_metadata, get_sql_metadata
from headwater.materialize.packages import needed

__all__ = ["DuckDBReader", "DuckDBWriter"]


@dataclass
class DuckDBReader(ArrowLoader):
    """Loads a table of a DuckDB database, or the rows of a query.

    Args:
        database: The file of the database, or a connection of `duckdb`. A file is opened to read only.
        table: The table, perhaps after its schema.
        query: A query, in the place of a table.
        parameters: Values of the query's parameters, by place or by name.
        dtype_backend: Which types the columns of a pandas table have, as in `load_from.parquet`.

    Raises:
        InvalidInput: Not exactly one of `table` and `query` is given.
    """

    key: ClassVar[str] = "duckdb"
    database: Any
    table: str | None = None
    query: str | None = None
    parameters: Any = None
    dtype_backend: str | None = NULLABLE

    def __post_init__(self) -> None:
        """Make sure that it is told what to read."""
        if (self.table is None) is (self.query is None):
            raise InvalidInput("load_from.duckdb: give either table= or query=.")

    def _load(self) -> tuple[Any, dict[str, Any]]:
        duckdb = needed("duckdb", "load_from.duckdb")
        query = self.query or f"SELECT * FROM {_quoted(str(self.table))}"  # noqa: S608 - the name is quoted
        if not isinstance(self.database, (str, Path)):
            # Another cursor, since the connection may hold a result that was not read to its end.
            with self.database.cursor() as cursor:
                table = cursor.sql(query, params=self.parameters).to_arrow_table()
            return table, get_sql_metadata(self.query or self.table, table)
        _require_here(self.database)
        if not Path(self.database).is_file():
            raise FileNotFoundError(f"There is no DuckDB database {self.database}.")
        with duckdb.connect(str(self.database), read_only=True) as connection:
            table = connection.sql(query, params=self.parameters).to_arrow_table()
        known = get_sql_metadata(self.query or self.table, table)
        return table, {**get_file_metadata(self.database), **known}


@dataclass
class DuckDBWriter(ArrowSaver):
    """Saves a table as a table of a DuckDB database, in one transaction.

    Args:
        database: The file of the database, which is made where there is none, or a connection of `duckdb`.
        table: The table, perhaps after its schema, which has to exist.
        if_exists: What to do where there is such a table: "fail", "replace" or "append".
        metadata: Texts about the table, by key, kept as its comment in JSON.
        column_metadata: Texts about a column, by column and key, kept as the column's comment in JSON.

    Raises:
        InvalidInput: `if_exists` is none of these.
    """

    key: ClassVar[str] = "duckdb"
    database: Any
    table: str
    if_exists: str = "fail"
    metadata: Mapping[str, str] | None = None
    column_metadata: Mapping[str, Mapping[str, str]] | None = None

    def __post_init__(self) -> None:
        """Make sure that it is known what to do with a table that is there."""
        if self.if_exists not in _WAYS:
            raise InvalidInput(
                f"save_to.duckdb: if_exists={self.if_exists!r} is not known. Give one of "
                f"{', '.join(map(repr, _WAYS))}."
            )

    def _save(self, table: Any) -> dict[str, Any]:
        require_names("save_to.duckdb", table.column_names)
        save = partial(self._save_with, table)
        if isinstance(self.database, (str, Path)):
            _require_here(self.database)
        with _alone:
            if not _made(self.database, save):
                with _opened(self.database) as connection:
                    save(connection)
        known = get_sql_metadata(self.table, table.num_rows)
        if isinstance(self.database, (str, Path)):
            known = {**get_file_metadata(self.database), **known}
        return known

    def _save_with(self, table: Any, connection: Any) -> None:
        if self.if_exists == "append" and (there := self._there(connection)) is not None:
            table = fitting(table, there, "save_to.duckdb")
        connection.register(_SAVED, table)
        try:
            with _transaction(connection):
                for statement in self._statements():
                    connection.execute(statement)
        finally:
            connection.unregister(_SAVED)

    def _there(self, connection: Any) -> Any:
        """Return the schema of the table; None where there is none."""
        duckdb = needed("duckdb", "save_to.duckdb")
        try:
            return connection.sql(f"SELECT * FROM {_quoted(self.table)} LIMIT 0").to_arrow_table().schema  # noqa: S608
        except duckdb.CatalogException:
            return None

    def _statements(self) -> Iterator[str]:
        name = _quoted(self.table)
        if self.if_exists == "append":
            yield f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM {_SAVED} LIMIT 0"  # noqa: S608
            yield f"INSERT INTO {name} BY NAME SELECT * FROM {_SAVED}"  # noqa: S608
        else:
            making = "CREATE OR REPLACE TABLE" if self.if_exists == "replace" else "CREATE TABLE"
            yield f"{making} {name} AS SELECT * FROM {_SAVED}"  # noqa: S608
        if self.metadata:
            yield f"COMMENT ON TABLE {name} IS {_literal(self.metadata)}"
        for column, told in (self.column_metadata or {}).items():
            yield f"COMMENT ON COLUMN {name}.{_part(column)} IS {_literal(told)}"


_alone = threading.Lock()
"""Held while one saves: DuckDB finds no Arrow tables where two threads open one database at once."""
_SAVED = "headwater_saved"
_WAYS = ("fail", "replace", "append")


def _require_here(database: str | Path) -> None:
    if is_remote(str(database)):
        raise InvalidInput(
            f"DuckDB opens databases that lie here, not {database}. Give a path, or a connection of duckdb "
            "that has attached the other."
        )


@contextmanager
def _opened(database: Any) -> Iterator[Any]:
    duckdb = needed("duckdb", "save_to.duckdb")
    if isinstance(database, (str, Path)):
        with duckdb.connect(str(database)) as connection:
            yield connection
    else:
        with database.cursor() as cursor:
            yield cursor


def _made(database: Any, save: Callable[[Any], None]) -> bool:
    """Make a database that is not there, with what is saved first, so that none without a table is left.

    Returns:
        Whether it was made; if not, there is one by now, perhaps by somebody who saves at the same time.
    """
    if not isinstance(database, (str, Path)) or Path(database).exists():
        return False
    path = Path(os.path.realpath(database))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to save into", str(path.parent))
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}.", dir=path.parent) as folder:
        made = Path(folder, path.name)
        with _opened(made) as connection:
            save(connection)
        try:
            os.link(made, path)  # which, unlike a move, takes nobody else's place
        except FileExistsError:
            return False
        except OSError:  # of stores that know no links
            made.rename(path)
    return True


@contextmanager
def _transaction(connection: Any) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _quoted(table: str) -> str:
    return ".".join(map(_part, table.split(".")))


def _part(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(texts: Mapping[str, str]) -> str:
    return "'" + json.dumps(dict(texts), sort_keys=True).replace("'", "''") + "'"
