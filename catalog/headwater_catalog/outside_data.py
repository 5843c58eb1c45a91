"""Data that is not in a repository, brought to a file of the run by the trusted worker.

What a repository names is read only where the server's settings allow it: files below allowed locations, and
databases by the names of connections, whose addresses and passwords no repository sees. A query is one SELECT
in a transaction that may not write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote

import sqlalchemy as sa

from headwater.errors import InvalidInput, MissingExtra, did_you_mean
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import JobError, QuotingError
from headwater_catalog.interruption import Until, interrupted
from headwater_catalog.locations import Location
from headwater_catalog.sources import format_of

__all__ = ["DUCKDB", "connection_url", "fetch", "first_line", "format_at", "opened", "require_allowed"]

_ROWS: Final = 10_000  # fetched at once
_MOST_BYTES: Final = 4 << 30  # of one source; more than that is for a cluster
_MOST_IN_MEMORY: Final = 1 << 30  # of a table or query
_CHUNK: Final = 1 << 20
DUCKDB: Final = "duckdb:///"
"""How the addresses of DuckDB files begin."""


def format_at(place: Location) -> str:
    """Return the format of the file to which the data of a source is brought.

    Raises:
        InvalidInput: Its name does not tell.
    """
    return format_of(place.url, place.format) if place.url else "arrow"


def fetch(
    allowed: DataSettings,
    name: str,
    place: Location,
    target: Path,
    sample: int | None,
    until: Until = lambda: None,
) -> tuple[Path, str]:
    """Bring the data of a source to a file, and return that with its format.

    Args:
        allowed: Where data may be.
        name: The source.
        place: Where it is.
        target: The file to write.
        sample: How many rows are wanted, where a database can be told so; None: all.
        until: Says why it must end before it is done.

    Raises:
        JobError: It is where it must not be, or cannot be read.
    """
    try:
        if place.url:
            require_allowed(allowed, name, place.url)
            _copy_file(place.url, target, until)
            return target, format_at(place)
        url = connection_url(allowed, name, place.connection)
        _write_arrow(_rows(url, _statement(name, place), sample, until), target)
        return target, format_at(place)
    except (JobError, MissingExtra):
        raise
    except InvalidInput as error:
        raise JobError(f"Source '{name}': {error}") from error
    except Exception as error:  # whatever a driver of a file system or database raises
        plain = f"Source '{name}' ({place.shown}) cannot be read"
        raise QuotingError(f"{plain}: {type(error).__name__}: {first_line(error)}", f"{plain}.") from error


def require_allowed(allowed: DataSettings, name: str, url: str) -> None:
    """Make sure that the settings allow an address.

    Raises:
        JobError: They do not.
    """
    where = unquote(url)
    inside = allowed.allows(url)
    if inside and where.startswith("file:"):  # a link there may lead out
        real = Path(where.removeprefix("file://")).resolve()
        inside = allowed.allows(f"file://{real}")
    if not inside:
        raise JobError(
            f"'{name}' is at {url}, which this server does not allow. An administrator allows a folder by "
            "the setting HEADWATER_LOCATIONS."
        )


def connection_url(allowed: DataSettings, name: str, connection: str) -> str:
    """Return the address of a connection.

    Raises:
        JobError: The settings have none of this name.
    """
    if connection not in allowed.connections:
        raise JobError(
            f"'{name}' needs the connection '{connection}', which this server does not have."
            f"{did_you_mean(connection, allowed.connections)} An administrator adds it by the setting "
            "HEADWATER_CONNECTIONS."
        )
    return allowed.connections[connection]


@contextmanager
def opened(url: str, mode: str) -> Iterator[IO[bytes]]:
    """Open a file at an address that is allowed.

    Raises:
        MissingExtra: fsspec is not installed, or not what it needs for such addresses.
    """
    try:
        import fsspec  # type: ignore[import-untyped]

        with fsspec.open(url, mode) as stream:
            yield stream
    except ImportError as error:
        raise MissingExtra("fsspec", "remote", f"Reaching {url.partition(':')[0]} addresses") from error


def _copy_file(url: str, target: Path, until: Until) -> None:
    with opened(url, "rb") as stream, target.open("wb") as copy:
        size = 0
        while chunk := stream.read(_CHUNK):
            if reason := until():
                raise JobError(reason)
            size += len(chunk)
            if size > _MOST_BYTES:
                raise InvalidInput(f"it is larger than {_MOST_BYTES >> 30} GB.")
            copy.write(chunk)


def _statement(name: str, place: Location) -> str:
    if place.table:
        quoted = ".".join(f'"{part}"' for part in place.table.split("."))
        return f"SELECT * FROM {quoted}"  # noqa: S608 the reader of the project file lets only names through
    query = place.query.strip().removesuffix(";")
    if ";" in query:
        raise JobError(f"The query of source '{name}' has a ';', so it may be several. Write one SELECT.")
    # Nothing but a query can stand there, and the transaction may not write.
    return f"SELECT * FROM (\n{query}\n) AS source"  # noqa: S608


_Rows = Iterator[tuple[Sequence[str], list[Any]]]
"""The names of the columns, with some of the rows; once at least."""


def _rows(url: str, statement: str, sample: int | None, until: Until) -> _Rows:
    if url.startswith(DUCKDB):
        yield from _duckdb_rows(url, statement, sample, until)
        return
    engine = sa.create_engine(_read_only(url), poolclass=sa.pool.NullPool)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True, stream_results=True)
            own = connection.connection.driver_connection
            interrupt: Any = getattr(own, "cancel", None) or getattr(own, "interrupt", lambda: None)
            with (
                interrupted(interrupt, until),
                closing(connection.exec_driver_sql(statement)) as result,
            ):
                yield from _batches(list(result.keys()), result.fetchmany, sample)
            connection.rollback()
    finally:
        engine.dispose()


def _read_only(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        database = Path(parsed.database or "").absolute()
        return sa.URL.create("sqlite", database=f"file:{database}", query={"mode": "ro", "uri": "true"})
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _duckdb_rows(url: str, statement: str, sample: int | None, until: Until) -> _Rows:
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtra("duckdb", "duckdb", "Reading DuckDB databases") from error
    settings: dict[str, Any] = {"enable_external_access": "false", "lock_configuration": "true"}
    with (
        duckdb.connect(url.removeprefix(DUCKDB), read_only=True, config=settings) as connection,
        interrupted(connection.interrupt, until),
    ):
        found = connection.execute(statement)
        yield from _batches([column[0] for column in found.description], found.fetchmany, sample)


def _batches(names: Sequence[str], fetch_many: Any, sample: int | None) -> _Rows:
    left = sample
    while True:
        rows = fetch_many(_ROWS if left is None else min(_ROWS, left))
        yield names, rows
        left = None if left is None else left - len(rows)
        if not rows or left == 0:
            return


def _write_arrow(batches: _Rows, target: Path) -> None:
    """Write rows as an Arrow file; the types are those of the first rows that have values."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", "Reading databases") from error
    # A column may begin with missing values, so its type is known only once all of it is.
    tables: list[Any] = []
    size = 0
    for names, rows in batches:
        columns = {name: pa.array([row[place] for row in rows]) for place, name in enumerate(names)}
        tables.append(pa.table(columns))
        size += tables[-1].nbytes
        if size > _MOST_IN_MEMORY:
            raise InvalidInput(
                f"it has more than {_MOST_IN_MEMORY >> 30} GB. Run a sample, or let the query choose."
            )
    whole = pa.concat_tables(tables, promote_options="permissive")
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole)


def first_line(error: Exception) -> str:
    """Return what an error of a driver says, without its background."""
    # SQLAlchemy adds the statement and its background; drivers name the host, and never the password.
    return str(error).strip().partition("\n")[0][:500]
