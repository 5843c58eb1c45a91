"""How the installation does, and its jobs."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import version

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from headwater_catalog import jobs as queue
from headwater_catalog import operations
from headwater_catalog.accounts import Role
from headwater_catalog.repositories import list_repositories
from headwater_web.access import actor, require_everywhere
from headwater_web.cancelling import cancel_job
from headwater_web.dates import iso
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import catalog, number_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("operations", __name__)

_LISTED = 100
_COLUMNS = (
    *("job", "kind", "state", "repository", "requested_by", "requested_at", "started_at", "finished_at"),
    *("attempts", "error"),
)
_NUMBER = "<int(max=2147483647):number>"
_PACKAGES = ("flask", "sqlalchemy", "alembic", "gitpython", "pandas")


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
        finished=queue.FINISHED,
    )


@as_files(blueprint, "/jobs")
def all_jobs() -> Table:
    """Give the jobs as a table."""
    names = {each.id: each.name for each in list_repositories(reading())}
    rows = (
        (job.id, job.kind, job.state, names.get(job.repository_id or 0), job.requested_by)
        + tuple(at and iso(at) for at in (job.created_at, job.started_at, job.finished_at))
        + (job.attempts, job.error)
        for job in operations.list_jobs(reading(), state=request.args.get("state", ""), limit=MOST_ROWS)
    )
    return Table("jobs", _COLUMNS, rows)


@blueprint.post(f"/jobs/{_NUMBER}/cancel")
def cancel(number: int) -> Response:
    """Cancel a job that waits or runs."""
    cancel_job(number)
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
        versions=_versions(),
    )


@cache
def _versions() -> dict[str, str]:
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "Headwater": version("headwater"),
        "Python": platform.python_version(),
        "git": git.removeprefix("git version ").strip() or "not found",
        **{name: version(name) for name in _PACKAGES},
    }
