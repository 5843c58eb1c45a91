"""Jobs: scans and runs that workers perform."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for

from headwater_catalog.answers.jobs import job_json
from headwater_catalog.jobs import attempts_of, get_job
from headwater_catalog.operations import list_jobs
from headwater_catalog.store.models import Job, JobAttempt
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset
from headwater_web.api.resources import JOB, Resource
from headwater_web.api.schemas.fields import NoBodySchema, NoQuery
from headwater_web.api.schemas.jobs import JobPageSchema, JobSchema, JobsQuery, PrioritySchema
from headwater_web.changing_jobs import cancel_job, prioritize_job
from headwater_web.reading import NUMBER, reading, repository_names

__all__ = ["job_answer", "resource"]

resource = Resource("jobs", "Scans and runs that workers perform.")


@resource.get("/jobs", JobPageSchema, JobsQuery, errors=())
def list_all_jobs(args: dict[str, Any]) -> Response:
    """List jobs, the latest first."""
    cursor, limit = cursor_of(args), args["limit"]
    state, before = args.get("state", ""), offset(cursor) or None
    found = list_jobs(reading(), state=state, before=before, limit=limit + 1)
    following = cursor.moved(found[limit - 1].id) if len(found) > limit else None
    names = repository_names()
    attempts = attempts_of(reading(), [job.id for job in found[:limit]])
    return page_answer([_json(job, names, attempts) for job in found[:limit]], following)


@resource.get(f"/jobs/{NUMBER}", JobSchema, NoQuery, (JOB,))
def show_job(_args: dict[str, Any], number: int) -> Response:
    """Show a job."""
    return job_answer(number)


@resource.send("POST", f"/jobs/{NUMBER}/cancel", 200, JobSchema, NoBodySchema, (JOB,), errors=(404, 409))
def cancel_one_job(_body: dict[str, Any], number: int) -> Response:
    """Cancel a job that waits or runs; for those who may execute features of its repository."""
    cancel_job(number)
    return job_answer(number)


@resource.send(
    *("POST", f"/jobs/{NUMBER}/priority", 200, JobSchema, PrioritySchema, (JOB,)),
    errors=(404, 409),
    example={"priority": 10},
)
def prioritize_one_job(body: dict[str, Any], number: int) -> Response:
    """Let a job that waits go before those of lower priority; for administrators of its repository."""
    prioritize_job(number, body["priority"])
    return job_answer(number)


def job_answer(number: int, status: int = 200) -> Response:
    """Return the answer that tells of a job."""
    job = get_job(reading(), number)
    names = repository_names()
    found = answer(_json(job, names, attempts_of(reading(), [number])), status)
    if status != 200:
        found.headers["Location"] = url_for("api_jobs.show_job", number=number)
    return found


def _json(job: Job, names: dict[int, str], attempts: dict[int, list[JobAttempt]]) -> dict[str, Any]:
    return job_json(job, names.get(job.repository_id or 0), attempts[job.id])
