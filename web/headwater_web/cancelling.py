"""Cancelling a job, on pages and by the API alike."""

from __future__ import annotations

from headwater_catalog import jobs
from headwater_catalog.accounts import Role
from headwater_catalog.errors import Forbidden
from headwater_catalog.store.models import Repository
from headwater_web.access import actor, require, writing

__all__ = ["cancel_job"]


def cancel_job(number: int) -> None:
    """Cancel a job that waits or runs.

    Raises:
        NotFound: There is none of this number.
        Forbidden: Who asks may not.
        Conflict: It has ended already.
    """
    with writing() as session:
        job = jobs.get_job(session, number)
        repository = session.get(Repository, job.repository_id) if job.repository_id else None
        if repository is None:
            raise Forbidden("Jobs of no repository are cancelled on the machine.")
        require(Role.RUNNER, repository)
        jobs.cancel(session, number, actor().name)
