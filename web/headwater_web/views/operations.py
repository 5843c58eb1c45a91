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
from headwater_catalog.accounts.events import note
from headwater_catalog.errors import Forbidden
from headwater_catalog.repositories import list_repositories
from headwater_catalog.store.models import Repository
from headwater_web.access import actor, asked, require, writing
from headwater_web.reading import catalog, reading

__all__ = ["blueprint"]

blueprint = Blueprint("operations", __name__)

_LISTED = 100
_NUMBER = "<int(max=2147483647):number>"
_PACKAGES = ("flask", "sqlalchemy", "alembic", "gitpython", "pandas")


@blueprint.get("/jobs")
def jobs() -> str:
    """List the jobs, the latest first."""
    state, before = request.args.get("state", ""), request.args.get("before", "")
    is_number = before.isascii() and before.isdigit() and len(before) < 10
    found = operations.list_jobs(
        reading(), state=state, before=int(before) if is_number else None, limit=_LISTED + 1
    )
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


@blueprint.post(f"/jobs/{_NUMBER}/cancel")
def cancel(number: int) -> Response:
    """Cancel a job that waits or runs."""
    with writing() as session:
        job = queue.get_job(session, number)
        repository = session.get(Repository, job.repository_id) if job.repository_id else None
        if repository is None:
            raise Forbidden("Jobs of no repository are cancelled on the machine.")
        require(Role.RUNNER, repository)
        queue.cancel(session, number, actor().name)
        note(session, "job cancelled", asked(), f"{job.kind} {number} of {repository.name}", g.now)
    return redirect(url_for("operations.jobs"), 303)


@blueprint.get("/operations")
def overview() -> str:
    """Show what needs an administrator, and the figures behind it."""
    if actor().everywhere is not Role.ADMINISTRATOR:
        raise Forbidden("This is for administrators of all repositories.")
    database, disk = catalog().database, operations.disk_of(catalog().settings)
    return render_template(
        "operations.html",
        needs=operations.needs(reading(), disk, g.now),
        counts=operations.count_jobs(reading()),
        workers=operations.workers(reading(), g.now),
        disk=disk,
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
