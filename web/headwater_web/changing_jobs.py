"""Jobs cancelled, and put before others, on pages and by the API alike."""

from __future__ import annotations

from flask import g
from sqlalchemy.orm import Session

from headwater_catalog import jobs
from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import note
from headwater_catalog.erasure.requests import KIND as ERASURE
from headwater_catalog.errors import Forbidden
from headwater_catalog.job_order import set_priority
from headwater_catalog.store.models import Job, Repository
from headwater_web.access import actor, asked, require, writing

__all__ = ["cancel_job", "prioritize_job"]


def cancel_job(number: int) -> None:
    """Cancel a job that waits or runs.

    Raises:
        NotFound: There is none of this number.
        Forbidden: Who asks may not.
        Conflict: It has ended already.
    """
    with writing() as session:
        job = jobs.get_job(session, number)
        _require(session, job, Role.ADMINISTRATOR if job.kind == ERASURE else Role.RUNNER)
        jobs.cancel(session, number, actor().name)


def prioritize_job(number: int, priority: int) -> None:
    """Let a job that waits go before those of lower priority.

    Raises:
        NotFound: There is none of this number.
        Forbidden: Who asks is no administrator of its repository.
        Conflict: It waits no more, or that is no priority.
    """
    with writing() as session:
        job = jobs.get_job(session, number)
        repository = _require(session, job, Role.ADMINISTRATOR)
        set_priority(session, number, priority)
        subject = f"{job.kind} {number} of {repository.name}"
        note(session, "job prioritized", asked(), subject, g.now, priority=priority)


def _require(session: Session, job: Job, role: Role) -> Repository:
    """Return the repository of a job, in which who asks has at least a role."""
    repository = session.get(Repository, job.repository_id) if job.repository_id else None
    if repository is None:
        raise Forbidden("Jobs of no repository are seen to on the machine.")
    require(role, repository)
    return repository
