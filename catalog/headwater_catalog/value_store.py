"""The values that are kept of a repository's runs: taken over from runners, found again, and let go.

A runner only reads the folder of its repository. What it computed anew it writes into its own folder, from
where the worker that started it takes it over, each file at once: runs side by side never see half of one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from headwater_catalog.kept_values import place_of
from headwater_catalog.store.bulk import chunks, insert_or_update
from headwater_catalog.store.models import KeptValue

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["folder_of", "make_room", "record_values", "runs_of", "take_over"]

logger = logging.getLogger("headwater.values")

_FILE: Final = re.compile(r"(?P<key>[0-9a-f]{40})\.value")
_AT_ONCE: Final = 500  # values that are let go in one transaction


def folder_of(settings: Settings, repository_id: int) -> Path:
    """Return where the values of a repository are kept."""
    return settings.home / "values" / str(repository_id)


def take_over(folder: Path, new: Path) -> dict[str, int]:
    """Move the values that a runner has written to those that are kept.

    Args:
        folder: Where the values of the repository are kept.
        new: Where the runner wrote; it may hold anything.

    Returns:
        The size of each in bytes, by its key.
    """
    taken: dict[str, int] = {}
    for path in _files(new):
        found = _FILE.fullmatch(path.name)
        if found is None:
            continue
        place = place_of(folder, found["key"])
        try:
            size = _made_readable(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        except OSError as error:
            logger.warning("A value could not be kept: %s.", error)
            break
        taken[found["key"]] = size
    return taken


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder that are files and nothing else."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                yield Path(entry.path)


def _made_readable(path: Path) -> int:
    """Let runs of other users read a file that feature code may have written; return its size in bytes."""
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        os.fchmod(opened, 0o644)
        with contextlib.suppress(PermissionError):
            os.fchown(opened, os.geteuid(), os.getegid())  # not the user of that run any more
        return os.fstat(opened).st_size
    finally:
        os.close(opened)


def record_values(
    session: Session, repository_id: int, run_id: int, sizes: Mapping[str, int], now: int
) -> None:
    """Note which run has computed values, in the transaction that ends it."""
    rows = [
        {"repository_id": repository_id, "key": key, "run_id": run_id, "bytes": size, "used_at": now}
        for key, size in sizes.items()
    ]
    insert_or_update(
        session, KeptValue, rows, ("repository_id", "key"), ("run_id", "bytes", "used_at"), "key"
    )


def runs_of(session: Session, repository_id: int, keys: Iterable[str], now: int) -> dict[str, int]:
    """Return which runs have computed some values, by their keys, and note that these were used."""
    found: dict[str, int] = {}
    for some in chunks(keys):
        mine = (KeptValue.repository_id == repository_id, KeptValue.key.in_(some))
        rows = session.execute(select(KeptValue.key, KeptValue.run_id).where(*mine))
        found |= {key: run for key, run in rows}  # noqa: C416 rows are no pairs to mypy
        session.execute(
            update(KeptValue).where(*mine).values(used_at=now),
            execution_options={"synchronize_session": False},
        )
    return found


def make_room(database: Database, settings: Settings, most: int) -> int:
    """Let go the values that were not used for longest, until the rest takes no more than `most` bytes.

    Returns:
        How many were let go.
    """
    count = 0
    while True:
        with database.read() as session:
            over = int(session.scalar(select(func.sum(KeptValue.bytes))) or 0) - most
            oldest = (
                select(KeptValue.repository_id, KeptValue.key, KeptValue.bytes)
                .order_by(KeptValue.used_at, KeptValue.key)
                .limit(_AT_ONCE)
            )
            rows = session.execute(oldest).all() if over > 0 else []
        if not rows:
            return count
        with database.write() as session:
            for repository_id, key, size in rows:
                if over <= 0:
                    break
                over -= size
                count += 1
                session.execute(
                    delete(KeptValue).where(KeptValue.repository_id == repository_id, KeptValue.key == key)
                )
                place_of(folder_of(settings, repository_id), key).unlink(missing_ok=True)
