"""The files that runs read and that no commit has, kept by the sha256 of their bytes.

Files that people gave, and data that workers brought from elsewhere for a dataset version, so that it can be
made again. Each repository finds only its own, though the file is there once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from headwater_catalog.erased import erased_of
from headwater_catalog.handover import is_file
from headwater_catalog.jobs import FINISHED
from headwater_catalog.store.bulk import chunks, insert_new
from headwater_catalog.store.models import DatasetVersion, Job, KeptInput, Reproduction, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = [
    "FOLDER",
    "input_file",
    "is_kept",
    "is_known",
    "keep_brought",
    "make_room",
    "needed_inputs",
    "note_sent",
    "note_used",
]

logger = logging.getLogger("headwater.inputs")

FOLDER: Final = "uploads"
"""The folder in the home; it has its name from the time when it held nothing else."""

_UNUSED_SECONDS: Final = 86_400  # that a file waits for a run to need it

# What a file was needed for, from what goes first to what goes last.
_SENT, _RUN, _DATASET = 0, 1, 2


def input_file(settings: Settings, sha256: str) -> Path:
    """Return where the file with these bytes is kept."""
    return settings.home / FOLDER / sha256


def is_kept(settings: Settings, sha256: str) -> bool:
    """Tell whether the file with these bytes is kept."""
    hexadecimal = len(sha256) == 64 and set(sha256) <= set("0123456789abcdef")
    return hexadecimal and is_file(input_file(settings, sha256))


def note_sent(session: Session, repository_id: int, sha256: str, now: int) -> None:
    """Note that somebody has sent a file, which waits a day for a run to need it."""
    _note(session, repository_id, [sha256], _SENT, now)


def note_used(
    session: Session, repository_id: int, digests: Iterable[str], now: int, *, for_dataset: bool = False
) -> None:
    """Note that a run needs files; those of a dataset version stay longer than others."""
    _note(session, repository_id, digests, _DATASET if for_dataset else _RUN, now)


def is_known(session: Session, repository_id: int, sha256: str) -> bool:
    """Tell whether a file is known in a repository, and hold it there until the transaction ends."""
    wanted = select(KeptInput.id).where(KeptInput.repository_id == repository_id, KeptInput.sha256 == sha256)
    return session.scalar(wanted.with_for_update()) is not None


def keep_brought(
    session: Session,
    settings: Settings,
    repository_id: int,
    files: Mapping[str, Path],
    now: int,
) -> None:
    """Keep what a worker has brought for a dataset version, by its sha256, as far as there is room for it.

    Args:
        session: The transaction that ends the run.
        settings: Where files are, and how many bytes they may take.
        repository_id: The repository.
        files: The files, which are moved.
        now: The present instant.
    """
    erased = erased_of(session, "input", list(files))
    for sha256, file in files.items():
        if sha256 in erased:  # it is still where it was brought from, and stays there alone
            continue
        place = input_file(settings, sha256)
        try:
            if file.stat().st_size > settings.inputs_limit:
                continue
            # Noted first: who makes room meanwhile waits for this transaction, and sees then that it is used.
            note_used(session, repository_id, [sha256], now, for_dataset=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)
        except OSError as error:
            logger.warning("An input could not be kept: %s.", error)


def _note(session: Session, repository_id: int, digests: Iterable[str], use: int, now: int) -> None:
    for some in chunks(dict.fromkeys(digests)):
        rows = [
            {"repository_id": repository_id, "sha256": sha256, "needed_for": use, "used_at": now}
            for sha256 in some
        ]
        insert_new(session, KeptInput, rows, ("repository_id", "sha256"), "sha256")
        mine = (KeptInput.repository_id == repository_id, KeptInput.sha256.in_(some))
        plain = {"synchronize_session": False}
        session.execute(update(KeptInput).where(*mine).values(used_at=now), execution_options=plain)
        lower = (*mine, KeptInput.needed_for < use)
        session.execute(update(KeptInput).where(*lower).values(needed_for=use), execution_options=plain)


def make_room(database: Database, settings: Settings) -> int:
    """Let go what nobody needs, and beyond the limit what was not used for longest.

    What a run needs that waits or goes on stays in any case. Of the rest, files of which no dataset version
    was made go before the others.

    Returns:
        How many files were removed.
    """
    folder = settings.home / FOLDER
    files = {file.name: file.stat() for file in _files(folder)}
    over = sum(each.st_size for each in files.values()) - settings.inputs_limit
    old = int(time.time()) - _UNUSED_SECONDS
    with database.read() as session:
        oldest = select(func.min(KeptInput.used_at)).where(KeptInput.needed_for == _SENT)
        first = session.scalar(oldest)
        known = set(session.scalars(select(KeptInput.sha256)))
    stray = [name for name, each in files.items() if name not in known and each.st_mtime < old]
    if over <= 0 and not stray and (first is None or first >= old):
        return 0
    with database.write() as session:
        # Locked before it is asked who needs what, so that nobody begins to need one of them in between.
        rows = session.scalars(select(KeptInput).with_for_update()).all()
        needed = needed_inputs(session)
        known = {row.sha256 for row in rows}
        going = {name for name in stray if name not in known}
        free = [row for row in rows if row.sha256 not in needed]
        going |= _unused(free, old)
        over -= sum(files[name].st_size for name in going if name in files)
        latest = {row.sha256: (row.needed_for, row.used_at) for row in sorted(free, key=_order)}
        for sha256 in sorted(latest, key=latest.__getitem__):
            if over <= 0:
                break
            if sha256 not in going and sha256 in files:
                going.add(sha256)
                over -= files[sha256].st_size
        for some in chunks(going):
            session.execute(delete(KeptInput).where(KeptInput.sha256.in_(some)))
        for name in going:
            (folder / name).unlink(missing_ok=True)
    return len(going & files.keys())


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.glob("*") if file.is_file() and not file.is_symlink())


def _unused(rows: Iterable[KeptInput], old: int) -> set[str]:
    """Return the files that were sent long ago and that no run has needed, in whatever repository."""
    waiting, wanted = set[str](), set[str]()
    for row in rows:
        is_idle = row.needed_for == _SENT and row.used_at < old
        (waiting if is_idle else wanted).add(row.sha256)
    return waiting - wanted


def _order(row: KeptInput) -> tuple[int, int]:
    return row.needed_for, row.used_at


def needed_inputs(session: Session) -> set[str]:
    """Return the files that runs need which wait or go on."""
    active = Run.job.has(Job.state.not_in(FINISHED))
    inputs = [*session.scalars(select(Run.inputs).where(active))]
    again = (
        select(DatasetVersion.stamp)
        .join(Reproduction, Reproduction.version_id == DatasetVersion.id)
        .join(Run, Run.id == Reproduction.run_id)
        .where(active)
    )
    inputs += [stamp["inputs"] for stamp in session.scalars(again) if stamp is not None]
    given = (value for each in inputs for value in each.values() if isinstance(value, dict))
    return {value["sha256"] for value in given if value.get("sha256")}
