"""Carry a saved table to the sinks that a run names: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import sqlalchemy as sa

from headwater.errors import MissingExtra
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import Conflict, JobError, QuotingError
from headwater_catalog.outside_data import DUCKDB, connection_url, first_line, require_allowed
from headwater_catalog.read.locations import Location, Whereabouts
from headwater_catalog.sources import format_of, read_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["deliver", "places_of", "require_format"]

_TRANSACTIONAL = ("postgresql", "sqlite")  # databases where making a table can be taken back


def places_of(
    declared: Mapping[str, Mapping[str, Any]], names: Sequence[str], env: str | None
) -> dict[str, Location]:
    """Return where some sinks of a dataflow are in an environment.

    Raises:
        Conflict: One says no place there.
    """
    places = {}
    for name in names:
        try:
            places[name] = Whereabouts.from_dict(declared[name]).at(env)
        except KeyError:
            raise Conflict(f"Sink '{name}' says no place in the environment '{env}'.") from None
    return places


def require_format(places: Mapping[str, Location], format: str) -> None:
    """Make sure that a table that is saved in a format can go to some sinks as it is.

    Raises:
        Conflict: A sink is a file of another format.
        InvalidInput: A sink is a file of a format that is not written.
    """
    for name, place in places.items():
        wanted = format_of(place.url, place.format) if place.url else format
        if wanted != format:
            raise Conflict(f"Sink '{name}' is a {wanted} file. Save the table as {wanted}, not as {format}.")


def deliver(allowed: DataSettings, places: Mapping[str, Location], file: Path, format: str) -> None:
    """Write the file of a saved table to sinks; each is written whole or stays as it was.

    Args:
        allowed: Where data may be.
        places: The sinks by name.
        file: The file.
        format: Its format.

    Raises:
        JobError: A sink is where it must not be, or cannot be written.
    """
    done: list[str] = []
    for name, place in places.items():
        try:
            _write(allowed, name, place, file, format)
        except (JobError, MissingExtra) as error:
            raise JobError(f"{error}{_so_far(done)}") from error
        except Exception as error:  # whatever a driver of a file system or database raises
            why = f"{type(error).__name__}: {first_line(error)}"
            plain = f"Sink '{name}' ({place.shown}) cannot be written"
            raise QuotingError(f"{plain}: {why}{_so_far(done)}", f"{plain}.{_so_far(done)}") from error
        done.append(name)


def _so_far(done: Sequence[str]) -> str:
    return f" Written before: {', '.join(done)}." if done else ""


def _write(allowed: DataSettings, name: str, place: Location, file: Path, format: str) -> None:
    if place.url:
        require_allowed(allowed, name, place.url)
        _write_file(place.url, file)
        return
    url = connection_url(allowed, name, place.connection)
    table = read_whole(file, format)
    if url.startswith(DUCKDB):
        _write_duckdb(url, place.table, table)
    else:
        _write_table(url, place.table, table)


def _write_file(url: str, file: Path) -> None:
    if url.startswith("file:"):
        _write_beside(Path(unquote(url).removeprefix("file://")), file)
        return
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        system, path = url_to_fs(url)
    except ImportError as error:
        raise MissingExtra("fsspec", "remote", f"Reaching {url.partition(':')[0]} addresses") from error
    with system.transaction, system.open(path, "wb") as stream, file.open("rb") as source:
        shutil.copyfileobj(source, stream)


def _write_beside(target: Path, file: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream, file.open("rb") as source:
            shutil.copyfileobj(source, stream)
        Path(draft).chmod(0o644)
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)


def _write_table(url: str, table: str, frame: pd.DataFrame) -> None:
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
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":  # its driver would begin only after the table is made
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            frame.to_sql(name, connection, schema=schema or None, if_exists="replace", index=False)
    finally:
        engine.dispose()


def _write_duckdb(url: str, table: str, frame: pd.DataFrame) -> None:
    try:
        import duckdb  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise MissingExtra("duckdb", "duckdb", "Writing DuckDB databases") from error
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    with duckdb.connect(url.removeprefix(DUCKDB), config={"enable_external_access": "false"}) as connection:
        connection.register("headwater_saved", frame)
        # One statement is one transaction. The reader of the project file lets only names through.
        connection.execute(f"CREATE OR REPLACE TABLE {quoted} AS SELECT * FROM headwater_saved")  # noqa: S608
