"""How the installation does, and its jobs."""

from __future__ import annotations

import re

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from headwater_catalog import jobs as queue
from headwater_catalog import operations
from headwater_catalog.accounts import Role
from headwater_catalog.errors import Conflict
from headwater_catalog.job_order import MOST_URGENT
from headwater_catalog.repositories import list_repositories
from headwater_catalog.store.models import JobAttempt
from headwater_web.access import actor, require_everywhere
from headwater_web.changing_jobs import cancel_job, prioritize_job
from headwater_web.dates import iso
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import NUMBER, catalog, number_asked, reading, repository_names
from headwater_web.versions import versions

__all__ = ["blueprint"]

blueprint = Blueprint("operations", __name__)

_LISTED = 100
_COLUMNS = (
    *("job", "kind", "state", "repository", "requested_by", "requested_at", "started_at", "finished_at"),
    *("priority", "attempts", "error"),
)
_PRIORITY = re.compile("-?[0-9]{1,4}")


@blueprint.get("/jobs")
def jobs() -> str:
    """List the jobs, the latest first."""
    state = request.args.get("state", "")
    found = operations.list_jobs(reading(), state=state, before=number_asked("before"), limit=_LISTED + 1)
    repositories = {each.id: each for each in list_repositories(reading())}
    return render_template(
        "jobs.html",
        jobs=found[:_LISTED],
        has_more=len(found) > _LISTED,
        state=state,
        counts=operations.count_jobs(reading()),
        names={number: each.name for number, each in repositories.items()},
        may_cancel={number for number in repositories if actor().may(Role.RUNNER, number)},
        may_prioritize={number for number in repositories if actor().may(Role.ADMINISTRATOR, number)},
        attempts=queue.attempts_of(reading(), [job.id for job in found[:_LISTED]]),
        finished=queue.FINISHED,
        queued=queue.State.QUEUED,
        most_urgent=MOST_URGENT,
    )


@as_files(blueprint, "/jobs")
def all_jobs() -> Table:
    """Give the jobs as a table."""
    names = repository_names()
    found = operations.list_jobs(reading(), state=request.args.get("state", ""), limit=MOST_ROWS)
    attempts = queue.attempts_of(reading(), [job.id for job in found])
    rows = (
        (job.id, job.kind, job.state, names.get(job.repository_id or 0), job.requested_by)
        + tuple(at and iso(at) for at in (job.created_at, job.started_at, job.finished_at))
        + (job.priority, [_attempt(attempt) for attempt in attempts[job.id]], job.error)
        for job in found
    )
    return Table("jobs", _COLUMNS, rows)


def _attempt(attempt: JobAttempt) -> dict[str, str | None]:
    ended = attempt.ended_at and iso(attempt.ended_at)
    told = {"worker": attempt.worker, "began_at": iso(attempt.began_at), "ended_at": ended or None}
    return {**told, "outcome": attempt.outcome, "reason": attempt.reason}


@blueprint.post(f"/jobs/{NUMBER}/cancel")
def cancel(number: int) -> Response:
    """Cancel a job that waits or runs."""
    cancel_job(number)
    return redirect(url_for("operations.jobs"), 303)


@blueprint.post(f"/jobs/{NUMBER}/priority")
def prioritize(number: int) -> Response:
    """Let a job that waits go before those of lower priority."""
    given = request.form.get("priority", "").strip()
    if not _PRIORITY.fullmatch(given):
        raise Conflict(f"A priority is a number from {-MOST_URGENT} to {MOST_URGENT}, not {given!r:.40}.")
    prioritize_job(number, int(given))
    return redirect(url_for("operations.jobs"), 303)


@blueprint.get("/operations")
def overview() -> str:
    """Show what needs an administrator, and the figures behind it."""
    require_everywhere("This is")
    database, disk = catalog().database, operations.disk_of(catalog().settings)
    return render_template(
        "operations.html",
        needs=operations.needs(reading(), disk, g.now),
        counts=operations.count_jobs(reading()),
        workers=operations.workers(reading(), g.now),
        disk=disk,
        isolated=operations.last_isolated(reading()),
        home=catalog().settings.home,
        database=database.shown,
        schema=database.version,
        size=database.size,
        slow=database.slow_queries.slowest(),
        versions=versions(),
    )
