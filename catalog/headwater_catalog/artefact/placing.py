"""Files and folders that appear whole in their place, or not at all, and never in place of something else."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from headwater_catalog.artefact.reading import is_artefact
from headwater_catalog.errors import Conflict, RepositoryError

__all__ = ["MARK", "file_in_place", "folder_in_place", "require_free_file", "require_free_folder"]

MARK: Final = "headwater-export.json"
"""A file at the top of an exported folder, which says what it is and what else is at its top."""


@contextmanager
def file_in_place(place: Path) -> Iterator[Path]:
    """Give a path to write a file to, which takes its place when that is done.

    Raises:
        Conflict: Something else than an exported catalog is there.
        RepositoryError: It cannot be written.
    """
    require_free_file(place)
    with _unfinished(place) as other:
        yield other
        other.replace(place)


@contextmanager
def folder_in_place(place: Path) -> Iterator[Path]:
    """Give a new folder to write to, which takes its place when that is done; it must hold `MARK` then.

    Raises:
        Conflict: Something else than an export is there.
        RepositoryError: It cannot be written.
    """
    require_free_folder(place)
    with _unfinished(place) as other:
        other.mkdir()
        yield other
        if not place.exists():
            other.replace(place)
            return
        with _unfinished(place) as former:
            place.replace(former)
            try:
                other.replace(place)
            except OSError:
                former.replace(place)
                raise


def require_free_file(place: Path) -> None:
    """Make sure that nothing but an exported catalog would be replaced.

    Raises:
        Conflict: Something else is there.
    """
    if place.is_symlink() or (place.exists() and not is_artefact(place)):
        raise Conflict(f"{place} is there already, and no exported catalog. Remove it, or name another file.")
    _require_parent(place)


def require_free_folder(place: Path) -> None:
    """Make sure that nothing but an export would be replaced.

    Raises:
        Conflict: Something else is there, or this process is in it.
    """
    _require_parent(place)
    if _is_around_here(place):
        raise Conflict(f"The folder '{place}' cannot be replaced while you are in it. Name another one.")
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise Conflict(f"{place} is there already, and no folder. Remove it, or name another one.")
    names = {each.name for each in place.iterdir()} if place.exists() else set()
    if not names:
        return
    known = _written(place)
    if known is None:
        raise Conflict(
            f"{place} is there already, and nothing that `headwater export` has written. Name another "
            "folder, or empty it."
        )
    if others := sorted(names - known):
        raise Conflict(
            f"{place} also holds what no export has written: {', '.join(others[:5])}. It would be lost: move "
            "it elsewhere, or name another folder."
        )


def _is_around_here(place: Path) -> bool:
    """Tell whether a folder is the one that this process is in, or above it."""
    try:
        return Path().resolve().is_relative_to(place.resolve())
    except FileNotFoundError:  # the folder that it is in is gone
        return False


def _written(place: Path) -> frozenset[str] | None:
    """Return what an export has written at the top of a folder; None where none has."""
    try:
        told = json.loads((place / MARK).read_bytes())
        return frozenset((MARK, *told["holds"])) if told["kind"] == "headwater site" else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _require_parent(place: Path) -> None:
    if not place.parent.is_dir():
        raise RepositoryError(f"There is no folder {place.parent} to write {place.name} to. Make it first.")


@contextmanager
def _unfinished(place: Path) -> Iterator[Path]:
    """Give a path beside another one; what is there at the end is removed."""
    other = place.with_name(f".{place.name[:100]}.{secrets.token_hex(6)}.unfinished")
    try:
        yield other
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else place
        raise RepositoryError(f"{where} cannot be written: {error.strerror}.") from error
    except sqlite3.OperationalError as error:  # which says of a full disk no more than that
        raise RepositoryError(f"{place} cannot be written: {error}. Is there enough room?") from error
    finally:
        if other.is_dir() and not other.is_symlink():
            shutil.rmtree(other, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                other.unlink(missing_ok=True)
