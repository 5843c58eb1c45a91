"""Scans that wait for a worker: asked for by people, by a schedule, or by a Git host that has news."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog import jobs
from headwater_catalog.errors import Conflict
from headwater_catalog.jobs import FINISHED
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Job, Repository

__all__ = ["LEAST_SECONDS", "MOST_SECONDS", "last_scans", "request_due", "request_scan", "set_schedule"]

LEAST_SECONDS: Final = 60
"""How often a repository is scanned at most by its schedule."""
MOST_SECONDS: Final = 30 * 86_400
_KIND: Final = "scan"


def request_scan(session: Session, repository: Repository, requested_by: str, now: int) -> Job:
    """Queue a scan of a repository, unless one waits already: that will see everything there is by then.

    Args:
        session: An open write transaction.
        repository: The repository.
        requested_by: Who asks.
        now: When, in seconds since 1970.

    Returns:
        The job that waits now.
    """
    # Locked, so that of two who ask at once the second sees what the first has queued.
    session.scalars(select(Repository.id).where(Repository.id == repository.id).with_for_update()).one()
    waiting = select(Job).where(
        Job.repository_id == repository.id, Job.kind == _KIND, Job.state == jobs.State.QUEUED
    )
    known = session.scalars(waiting.limit(1)).first()
    return known or jobs.enqueue(
        session, _KIND, {"repository": repository.name}, repository.id, requested_by, now
    )


def last_scans(session: Session) -> Mapping[int, Job]:
    """Return the latest scan that was asked for of each repository, by its number."""
    latest = (select(func.max(Job.id)).where(Job.kind == _KIND, Job.repository_id.is_not(None))).group_by(
        Job.repository_id
    )
    found = session.scalars(select(Job).where(Job.id.in_(latest)))
    return {job.repository_id: job for job in found if job.repository_id is not None}


def set_schedule(repository: Repository, seconds: int | None) -> None:
    """Let a repository be scanned every so many seconds; None means only when somebody asks.

    Raises:
        Conflict: That is too often, or hardly ever.
    """
    if seconds is not None and not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise Conflict(f"A schedule may be from every minute to every 30 days, not every {seconds} seconds.")
    repository.scan_every = seconds


def request_due(database: Database, now: int) -> int:
    """Queue scans of the repositories whose schedule says so, and return how many.

    A scan that goes on, waits, or was begun within the time of the schedule keeps another one from being
    queued, also where it failed.
    """
    recent = (
        select(Job.id)
        .where(
            Job.repository_id == Repository.id,
            Job.kind == _KIND,
            Job.state.not_in(FINISHED) | (Job.created_at > now - Repository.scan_every),
        )
        .exists()
    )
    due = select(Repository).where(Repository.scan_every.is_not(None), ~recent)
    with database.read() as session:  # a worker asks often, and must not stand in the way of those who write
        if session.scalars(due.limit(1)).first() is None:
            return 0
    with database.write() as session:
        found = session.scalars(due.with_for_update()).all()
        for repository in found:
            request_scan(session, repository, "the schedule", now)
        return len(found)
