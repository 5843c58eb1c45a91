"""Files in the folder of datasets that no version names: taken away, and never one that may yet be named.

A file is put in its place before the transaction that names it, so a worker that is killed in between leaves
it behind. Its name tells the run, and only the worker that has this job puts it there: once the job is over,
nobody names it any more. Whether somebody has named it is asked while the row of the job is held, which a
commit that nobody heard the end of still holds, too.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from headwater_catalog.datasets import FOLDER
from headwater_catalog.jobs import FINISHED
from headwater_catalog.stamps import SIDECAR
from headwater_catalog.store.bulk import chunks
from headwater_catalog.store.models import DatasetVersion, Job, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["sweep_files", "take_back"]

logger = logging.getLogger("headwater.datasets")

_FILE: Final = re.compile(r"[A-Za-z0-9_-]+-(?P<run>[0-9]{1,9})\..+")
_PATIENCE: Final = "5s"  # for whoever holds the job; after that, a later sweep takes the file


def sweep_files(database: Database, settings: Settings) -> None:
    """Remove the files that lost workers left in the folder of datasets."""
    found: dict[tuple[int, str], list[str]] = {}  # by the run and the repository that their names tell
    for folder in (settings.home / FOLDER).glob("*"):
        if folder.is_symlink():  # what is there may be somebody else's
            continue
        for file in folder.glob("*"):
            if named := _FILE.fullmatch(file.name):
                of = int(named["run"]), folder.name
                found.setdefault(of, []).append(f"{FOLDER}/{folder.name}/{file.name}")
    with database.read() as session:
        stray = [of for some in chunks(found) for of in _strays(session, {of: found[of] for of in some})]
    for of in stray:
        _remove(database, settings, of[0], found[of], is_over=True)


def take_back(database: Database, settings: Settings, run_id: int, path: str) -> None:
    """Remove what a run has put in its place, unless a transaction that names it was committed after all.

    Args:
        database: The catalog.
        settings: Where its files are.
        run_id: The run, which whoever asks performs.
        path: The file, relative to the home folder.
    """
    _remove(database, settings, run_id, [path + SIDECAR, path], is_over=False)


def _strays(session: Session, files: Mapping[tuple[int, str], Sequence[str]]) -> list[tuple[int, str]]:
    """Return the runs that are over and have left files that no version names.

    Of a run that the catalog does not know nothing is said: it may be one of another catalog with this home,
    or of this one before it was restored.
    """
    asked = (
        select(Run.id, Repository.name, Job.state)
        .join(Repository, Repository.id == Run.repository_id)
        .join(Job, Job.id == Run.job_id)
        .where(Run.id.in_({run for run, _ in files}))
    )
    states = {(run, name): state for run, name, state in session.execute(asked)}

    over = {of: paths for of, paths in files.items() if of in states and states[of] in FINISHED}
    left = set(_unnamed(session, {run for run, _ in over}, [path for some in over.values() for path in some]))
    return [of for of, paths in over.items() if not left.isdisjoint(paths)]


def _unnamed(session: Session, runs: Collection[int], paths: Iterable[str]) -> list[str]:
    """Return those files of some runs that none of their versions names."""
    wanted = select(DatasetVersion.path).where(DatasetVersion.run_id.in_(runs))
    named = set(session.scalars(wanted))
    return [path for path in paths if path.removesuffix(SIDECAR) not in named]


def _remove(
    database: Database, settings: Settings, run_id: int, paths: Sequence[str], *, is_over: bool
) -> None:
    """Remove those files of a run that no version names.

    Args:
        database: The catalog.
        settings: Where its files are.
        run_id: The run.
        paths: The files, relative to the home folder.
        is_over: Whether they stay where the job of the run has not ended.
    """
    try:
        with database.write() as session:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
            of_run = select(Job).join(Run, Run.job_id == Job.id).where(Run.id == run_id)
            job = session.scalars(of_run.with_for_update(of=Job)).one_or_none()
            if is_over and job is not None and job.state not in FINISHED:
                return
            for path in _unnamed(session, [run_id], paths):
                with contextlib.suppress(FileNotFoundError, IsADirectoryError, PermissionError):
                    (settings.home / path).unlink()
    except DBAPIError as error:
        logger.warning("Whether a dataset of run %s was saved is not known yet: %s.", run_id, error.orig)
