"""Carry a saved table to the sinks that a run names: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from headwater.errors import MissingExtra
from headwater_catalog.confined_tables import as_arrow
from headwater_catalog.data_settings import DataSettings
from headwater_catalog.errors import Conflict, JobError, QuotingError
from headwater_catalog.handover import open_kept
from headwater_catalog.locations import Location, Whereabouts
from headwater_catalog.outside_data import connection_url, first_line, require_allowed
from headwater_catalog.run_settings import RunSettings
from headwater_catalog.sources import format_of

__all__ = ["deliver", "places_of", "require_format", "write_file"]


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


def deliver(
    allowed: DataSettings,
    places: Mapping[str, Location],
    file: Path,
    format: str,
    schema: str | None,
    held: RunSettings | None = None,
) -> None:
    """Write the file of a saved table to sinks; each is written whole or stays as it was.

    Args:
        allowed: Where data may be.
        places: The sinks by name.
        file: The file.
        format: Its format.
        schema: The types of its columns, which some formats do not say.
        held: What holds the opening of the table.

    Raises:
        JobError: A sink is where it must not be, or cannot be written.
    """
    done: list[str] = []
    for name, place in places.items():
        try:
            _write(allowed, name, place, file, (format, schema, held))
        except (JobError, MissingExtra) as error:
            raise JobError(f"{error}{_so_far(done)}") from error
        except Exception as error:  # whatever a driver of a file system or database raises
            why = f"{type(error).__name__}: {first_line(error)}"
            plain = f"Sink '{name}' ({place.shown}) cannot be written"
            raise QuotingError(f"{plain}: {why}{_so_far(done)}", f"{plain}.{_so_far(done)}") from error
        done.append(name)


def _so_far(done: Sequence[str]) -> str:
    return f" Written before: {', '.join(done)}." if done else ""


def _write(
    allowed: DataSettings,
    name: str,
    place: Location,
    file: Path,
    meant: tuple[str, str | None, RunSettings | None],
) -> None:
    if place.url:
        require_allowed(allowed, name, place.url)
        write_file(place.url, file)
        return
    from headwater_catalog.table_sinks import write_to_database

    url = connection_url(allowed, name, place.connection)
    with as_arrow(file, *meant) as arrow:
        write_to_database(url, place.table, arrow)


def write_file(url: str, file: Path) -> None:
    """Write a file to an address; what stands there is replaced as a whole.

    Raises:
        MissingExtra: fsspec is not installed, or not what it needs for such addresses.
        OSError: It cannot be written.
    """
    if url.startswith("file:"):
        _write_beside(Path(unquote(url).removeprefix("file://")), file)
        return
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        system, path = url_to_fs(url)
    except ImportError as error:
        raise MissingExtra("fsspec", "remote", f"Reaching {url.partition(':')[0]} addresses") from error
    with system.transaction, system.open(path, "wb") as stream, open_kept(file) as source:
        shutil.copyfileobj(source, stream)


def _write_beside(target: Path, file: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream, open_kept(file) as source:
            shutil.copyfileobj(source, stream)
        Path(draft).chmod(0o644)
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)
