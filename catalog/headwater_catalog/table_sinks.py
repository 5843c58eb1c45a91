"""Write an Arrow file into a table of a database, batch by batch and as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import sqlalchemy as sa

from headwater.errors import MissingExtra
from headwater_catalog.arrow_types import is_bytes
from headwater_catalog.errors import JobError
from headwater_catalog.outside_data import DUCKDB

__all__ = ["write_to_database"]

_TRANSACTIONAL: Final = ("postgresql", "sqlite")  # databases where making a table can be taken back
_ROWS: Final = 5_000  # that are in hand at once


def write_to_database(url: str, table: str, file: Path) -> None:
    """Put the rows of an Arrow file in place of those of a table, with the types of its columns.

    Args:
        url: The database.
        table: The table, perhaps after its schema.
        file: The file, which is one of ours.

    Raises:
        JobError: The database cannot hold a column, or cannot replace a table as a whole.
    """
    with pa.memory_map(str(file)) as mapped, pa.ipc.open_file(mapped) as reader:
        if url.startswith(DUCKDB):
            _write_duckdb(url, table, reader)
        else:
            _write_table(url, table, reader)


def _batches(reader: pa.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        batch.validate(full=True)
        yield batch


def _write_table(url: str, table: str, reader: pa.RecordBatchFileReader) -> None:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() not in _TRANSACTIONAL:
        raise JobError(
            f"Tables of {parsed.get_backend_name()} cannot be replaced as a whole, so they are no sinks."
        )
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    schema, _, name = table.rpartition(".")
    engine = sa.create_engine(parsed, poolclass=sa.pool.NullPool)
    try:
        is_sqlite = engine.dialect.name == "sqlite"
        columns = [_column(field, is_sqlite) for field in reader.schema]
        made = sa.Table(name, sa.MetaData(), *(column for column, _ in columns), schema=schema or None)
        ways = [way for _, way in columns]
        with engine.begin() as connection:
            if is_sqlite:  # its driver would begin only after the table is made
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            made.drop(connection, checkfirst=True)
            made.create(connection)
            for batch in _batches(reader):
                for start in range(0, batch.num_rows, _ROWS):
                    _insert(connection, made, ways, batch.slice(start, _ROWS))
    finally:
        engine.dispose()


_Way = Callable[[pa.Array], list[Any]]
"""Gives the values of a column as the driver of the database takes them."""


def _insert(connection: sa.Connection, table: sa.Table, ways: list[_Way], batch: pa.RecordBatch) -> None:
    cells = [way(column) for way, column in zip(ways, batch.columns, strict=True)]
    names = [f"c{place}" for place in range(len(cells))]  # a name of a column may be none of a parameter
    statement = sa.insert(table).values(
        {
            column: sa.bindparam(name, type_=column.type)
            for column, name in zip(table.columns, names, strict=True)
        }
    )
    connection.execute(statement, [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)])


def _column(field: pa.Field, is_sqlite: bool) -> tuple[sa.Column[Any], _Way]:
    kind, types = field.type, pa.types

    def column(type: Any, way: _Way = pa.Array.to_pylist) -> tuple[sa.Column[Any], _Way]:
        return sa.Column(field.name, type), way

    if types.is_boolean(kind):
        return column(sa.Boolean())
    if types.is_integer(kind) and kind != pa.uint64():
        return column(sa.BigInteger())
    if types.is_floating(kind):
        return column(sa.Float(53), _fractions)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return column(sa.Text())
    if is_bytes(kind):
        return column(sa.LargeBinary())
    if types.is_decimal(kind) or kind == pa.uint64():  # SQLite would make fractions of them
        return column(sa.Text(), _texts) if is_sqlite else column(sa.Numeric())
    if types.is_date(kind):
        return column(sa.Date())
    if types.is_time(kind):
        return column(sa.Time(), _in_microseconds(field, pa.time64("us")))
    if types.is_timestamp(kind):
        # SQLite keeps no time zone: there it is the time in UTC.
        zone = None if is_sqlite or kind.tz is None else "UTC"
        return column(sa.DateTime(zone is not None), _in_microseconds(field, pa.timestamp("us", zone)))
    raise JobError(
        f"Column '{field.name}' holds {kind}, which tables of databases cannot. Name a sink that is a file, "
        "or return texts or numbers."
    )


def _fractions(column: pa.Array) -> list[Any]:
    return list(pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column).to_pylist())


def _texts(column: pa.Array) -> list[Any]:
    return list(column.cast(pa.string()).to_pylist())


def _in_microseconds(field: pa.Field, kind: pa.DataType) -> _Way:
    def way(column: pa.Array) -> list[Any]:
        try:
            return list(column.cast(kind).to_pylist())
        except (pa.ArrowInvalid, OverflowError, ValueError):  # which quote the value
            raise JobError(
                f"Column '{field.name}' has times that no database holds: of parts of a microsecond, or too "
                "far away. Round them."
            ) from None

    return way


def _write_duckdb(url: str, table: str, reader: pa.RecordBatchFileReader) -> None:
    try:
        import duckdb  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingExtra("duckdb", "duckdb", "Writing DuckDB databases") from error
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    stream = pa.RecordBatchReader.from_batches(reader.schema, _batches(reader))
    with duckdb.connect(url.removeprefix(DUCKDB), config={"enable_external_access": "false"}) as connection:
        connection.register("headwater_saved", stream)
        # One statement is one transaction. The reader of the project file lets only names through.
        connection.execute(f"CREATE OR REPLACE TABLE {quoted} AS SELECT * FROM headwater_saved")  # noqa: S608
