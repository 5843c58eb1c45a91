"""Which jobs go first, set on pages and by the API alike."""

from __future__ import annotations

from flask import g

from headwater_catalog import jobs
from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import note
from headwater_catalog.errors import Forbidden
from headwater_catalog.job_order import set_priority
from headwater_catalog.store.models import Repository
from headwater_web.access import asked, require, writing

__all__ = ["prioritize_job"]


def prioritize_job(number: int, priority: int) -> None:
    """Let a job that waits go before those of lower priority.

    Raises:
        NotFound: There is none of this number.
        Forbidden: Who asks is no administrator of its repository.
        Conflict: It waits no more, or that is no priority.
    """
    with writing() as session:
        job = jobs.get_job(session, number)
        repository = session.get(Repository, job.repository_id) if job.repository_id else None
        if repository is None:
            raise Forbidden("Jobs of no repository are seen to on the machine.")
        require(Role.ADMINISTRATOR, repository)
        set_priority(session, number, priority)
        subject = f"{job.kind} {number} of {repository.name}"
        note(session, "job prioritized", asked(), subject, g.now, priority=priority)
