"""How the installation does: what needs an administrator, and the figures behind it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.jobs import FINISHED, State
from headwater_catalog.kept_environments import total_size
from headwater_catalog.kept_inputs import FOLDER as INPUTS
from headwater_catalog.scan_requests import last_scans
from headwater_catalog.settings import Settings
from headwater_catalog.store.models import Job, Repository, Run

__all__ = [
    "Disk",
    "Standing",
    "Waiting",
    "Worker",
    "count_jobs",
    "disk_of",
    "last_isolated",
    "list_jobs",
    "needs",
    "standing_of",
    "waiting",
    "workers",
]

_WAITED: Final = 120  # seconds after which somebody should ask why nobody takes a job
_LATEST: Final = 50  # runs
_LITTLE: Final = 0.1  # of the disk
_AFTER_SCHEDULE: Final = 3  # times of a schedule without a scan


class Standing(StrEnum):
    """How a repository stands by its last scan."""

    WELL = "well"
    FAILED = "failed"
    NEVER = "never"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many jobs wait for a worker, and since when the first of them does."""

    count: int
    since: int | None

    def is_long(self, now: int) -> bool:
        """Tell whether somebody should ask why nobody takes them."""
        return self.since is not None and self.since < now - _WAITED


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the home, and what is on it, in bytes."""

    total: int
    free: int
    mirrors: int
    datasets: int
    inputs: int
    values: int
    environments: int


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that was heard of."""

    name: str
    job: Job | None
    last_finished: int | None


def list_jobs(
    session: Session, *, before: int | None = None, state: str = "", limit: int = 100
) -> Sequence[Job]:
    """Return jobs, the latest first.

    Args:
        session: An open session.
        before: Only those with a lower number.
        state: Only those in this state.
        limit: How many at most.
    """
    wanted = select(Job).order_by(Job.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(Job.id < before)
    if state:
        wanted = wanted.where(Job.state == state)
    return session.scalars(wanted).all()


def count_jobs(session: Session) -> Mapping[str, int]:
    """Count jobs by their state."""
    rows = session.execute(select(Job.state, func.count(Job.id)).group_by(Job.state))
    return {state: count for state, count in rows}  # noqa: C416 rows are no pairs to mypy


def workers(session: Session, now: int) -> list[Worker]:
    """Return the workers that have a job or have ended one within a day, by name."""
    running = {
        job.worker: job
        for job in session.scalars(select(Job).where(Job.state == State.RUNNING))
        if job.worker
    }
    ended = session.execute(
        select(Job.worker, func.max(Job.finished_at))
        .where(Job.state.in_(FINISHED), Job.worker.is_not(None), Job.finished_at > now - 86_400)
        .group_by(Job.worker)
    )
    last = {worker: finished for worker, finished in ended if worker is not None}
    return [Worker(name, running.get(name), last.get(name)) for name in sorted(running.keys() | last)]


def last_isolated(session: Session) -> Run | None:
    """Return the last of the latest runs that was executed, which says what holds runs; None without any."""
    latest = session.scalars(select(Run).order_by(Run.id.desc()).limit(_LATEST))
    return next((run for run in latest if run.environment.get("isolation")), None)


def disk_of(settings: Settings) -> Disk:
    """Return the disk of the home."""
    usage = shutil.disk_usage(settings.home)
    folders = ("mirrors", "datasets", INPUTS, "values")
    mirrors, datasets, inputs, values = (_size(settings.home / name) for name in folders)
    environments = total_size(settings.home)
    return Disk(usage.total, usage.free, mirrors, datasets, inputs, values, environments)


def needs(session: Session, disk: Disk, now: int) -> list[str]:
    """Say what somebody should look after, in sentences; nothing where all is well."""
    told = []
    if disk.free < disk.total * _LITTLE:
        told.append(f"The disk is nearly full: {100 * disk.free // disk.total} % of it are free.")
    scans = last_scans(session)
    for repository in session.scalars(select(Repository).order_by(Repository.name)):
        scan = scans.get(repository.id)
        standing = standing_of(repository, scan, now)
        if standing is Standing.FAILED and scan is not None:
            told.append(f"The last scan of '{repository.name}' has failed: {scan.error}")
        elif standing is Standing.NEVER:
            told.append(f"'{repository.name}' was never scanned.")
        elif standing is Standing.LATE:
            told.append(f"'{repository.name}' has a schedule, and nobody scans it: is a worker running?")
    queued = waiting(session)
    if queued.since is not None and queued.is_long(now):
        told.append(f"A job has waited for {(now - queued.since) // 60} minutes: is a worker running?")
    return told


def standing_of(repository: Repository, scan: Job | None, now: int) -> Standing:
    """Tell how a repository stands by the last scan that was asked for."""
    if scan is not None and scan.state == State.FAILED:
        return Standing.FAILED
    if repository.scanned_sha is None and (scan is None or scan.state in FINISHED):
        return Standing.NEVER
    every = repository.scan_every
    if scan is not None and every and scan.created_at < now - _AFTER_SCHEDULE * every:
        return Standing.LATE
    return Standing.WELL


def waiting(session: Session) -> Waiting:
    """Return the jobs that wait for a worker."""
    counted = select(func.count(Job.id), func.min(Job.created_at)).where(Job.state == State.QUEUED)
    return Waiting(*session.execute(counted).one())


def _size(folder: Path) -> int:
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_size for file in files)
