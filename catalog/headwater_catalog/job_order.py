"""Which jobs go first, and how many of one repository run at once: what administrators set."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from headwater_catalog.errors import Conflict
from headwater_catalog.jobs import State, get_job
from headwater_catalog.store.models import Job, Repository

__all__ = ["MOST_AT_ONCE", "MOST_URGENT", "set_jobs_at_once", "set_priority"]

MOST_URGENT: Final = 100
"""The highest priority; the lowest is its negative, and jobs have 0 unless somebody says otherwise."""
MOST_AT_ONCE: Final = 1000


def set_priority(session: Session, job_id: int, priority: int) -> Job:
    """Let a job that waits be served before those with a lower priority.

    Raises:
        NotFound: No job has this number.
        Conflict: It waits no more, or the priority is none.
    """
    if not -MOST_URGENT <= priority <= MOST_URGENT:
        raise Conflict(f"A priority is a number from {-MOST_URGENT} to {MOST_URGENT}, not {priority}.")
    job = get_job(session, job_id)
    if job.state != State.QUEUED:
        raise Conflict(f"Job {job_id} waits no more: it is {job.state}. Only jobs that wait have a priority.")
    job.priority = priority
    return job


def set_jobs_at_once(repository: Repository, number: int | None) -> None:
    """Let so many jobs of a repository run at once; None means as the settings say, 0 any number.

    Raises:
        Conflict: That is no such number.
    """
    if number is not None and not 0 <= number <= MOST_AT_ONCE:
        raise Conflict(f"From 0 (any number) to {MOST_AT_ONCE} jobs may run at once, not {number}.")
    repository.jobs_at_once = number
