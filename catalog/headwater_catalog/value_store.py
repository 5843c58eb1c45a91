"""The values that are kept of a repository's runs: taken over from runners, found again, and let go.

A runner only reads the folder of its repository. What it computed anew it writes into its own folder, from
where the worker that started it takes it over, each file at once: runs side by side never see half of one.

Who has computed what must be known for certain. So a value is entered first, in the transaction that ends its
run, and its file is moved afterwards, while the entry is held and names that run still: wherever a file is,
the entry is of the run that made it, whatever ends in between. An entry without a file costs computing alone.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from headwater_catalog.handover import file_sizes, open_folder, take_file
from headwater_catalog.kept_values import place_of
from headwater_catalog.store.bulk import chunks, insert_or_update
from headwater_catalog.store.models import KeptValue

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["enter_values", "folder_of", "make_room", "relays_of", "runs_of", "sweep", "take_over"]

logger = logging.getLogger("headwater.values")

_FILE: Final = re.compile(r"(?P<key>[0-9a-f]{40})\.value")
_READABLE: Final = 0o644  # by runs of other users
_AT_ONCE: Final = 500  # values that are let go in one transaction


def relays_of(settings: Settings, repository_id: int) -> Path:
    """Return the folder of the home in which the relays of a repository lie, each under its key."""
    return settings.home / "relays" / str(repository_id)


def folder_of(settings: Settings, repository_id: int) -> Path:
    """Return where the values of a repository are kept."""
    return settings.home / "values" / str(repository_id)


def enter_values(
    session: Session,
    settings: Settings,
    repository_id: int,
    run_id: int,
    new: Path,
    now: int,
    nodes: Mapping[str, str],
) -> list[str]:
    """Note which run has computed values, in the transaction that ends it.

    What is kept already, and stands there as it was kept, stays as it is.

    Args:
        session: An open write transaction, in which the run has ended.
        settings: Where files are.
        repository_id: Its repository.
        run_id: The run.
        new: Where its runner wrote; it may hold anything.
        now: The present instant.
        nodes: What node each value is of, by its key, as its runner says.

    Returns:
        The keys of those values of which the files are now to be taken over.
    """
    sizes: dict[str, int] = {}
    with contextlib.suppress(OSError), open_folder(new) as held:
        sizes = {
            found["key"]: size for name, size in file_sizes(held).items() if (found := _FILE.fullmatch(name))
        }
    folder = folder_of(settings, repository_id)
    entered = []
    for keys in chunks(sorted(sizes)):  # in order, so that two runs do not wait for each other
        mine = KeptValue.repository_id == repository_id, KeptValue.key.in_(keys)
        kept = select(KeptValue.key, KeptValue.bytes).where(*mine).order_by(KeptValue.key).with_for_update()
        whole = {key for key, size in session.execute(kept) if _size_of(place_of(folder, key)) == size}
        entered += [key for key in keys if key not in whole]
    rows = [
        {
            **{"repository_id": repository_id, "key": key, "run_id": run_id, "node": nodes.get(key)},
            **{"bytes": sizes[key], "used_at": now},
        }
        for key in entered
    ]
    insert_or_update(
        session, KeptValue, rows, ("repository_id", "key"), ("run_id", "node", "bytes", "used_at"), "key"
    )
    for key in entered:  # what was there is of another run, and broken
        place_of(folder, key).unlink(missing_ok=True)
    return entered


def take_over(
    session: Session, settings: Settings, repository_id: int, run_id: int, new: Path, keys: Iterable[str]
) -> None:
    """Move the files of values that were entered to those that are kept.

    Args:
        session: An open write transaction, after the one in which they were entered.
        settings: Where files are.
        repository_id: The repository.
        run_id: The run that has computed them.
        new: Where its runner wrote.
        keys: The keys of the values.
    """
    folder = folder_of(settings, repository_id)
    for some in chunks(keys):
        mine = KeptValue.repository_id == repository_id, KeptValue.run_id == run_id, KeptValue.key.in_(some)
        still = select(KeptValue.key).where(*mine).order_by(KeptValue.key).with_for_update()
        try:
            with open_folder(new) as held:
                for key in session.scalars(still):
                    place = place_of(folder, key)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    take_file(f"{key}.value", held, place, _READABLE)
        except OSError as error:
            logger.warning("A value could not be kept: %s.", error)
            return


def _size_of(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.lstat().st_size
    return None


def sweep(database: Database, settings: Settings) -> None:
    """Remove the files of values that no run is known to have computed."""
    for folder in (settings.home / "values").glob("[0-9]*"):
        files = {found["key"]: path for path in folder.glob("*/*") if (found := _FILE.fullmatch(path.name))}
        for keys in chunks(files):
            with database.read() as session:
                mine = KeptValue.repository_id == int(folder.name), KeptValue.key.in_(keys)
                known = set(session.scalars(select(KeptValue.key).where(*mine)))
            for key in keys:
                if key not in known:
                    files[key].unlink(missing_ok=True)


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
