"""The repositories that the catalog follows: added, scanned, scheduled and removed by people."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from headwater_catalog import repositories as stored
from headwater_catalog.accounts import Role
from headwater_catalog.errors import CatalogError, Conflict, RepositoryError
from headwater_catalog.features import RepositoryView, list_repositories
from headwater_catalog.jobs import FINISHED
from headwater_catalog.operations import Standing, standing_of
from headwater_catalog.problems import count_problems
from headwater_catalog.scan_requests import last_scans
from headwater_catalog.store.models import Job, Repository
from headwater_web.access import actor, require
from headwater_web.dates import iso
from headwater_web.errors import status_of
from headwater_web.following import (
    follow,
    forget,
    have_scanned,
    limit_jobs,
    schedule_scans,
    set_branches,
    set_hook,
    set_trust,
)
from headwater_web.lists import Table, as_files
from headwater_web.reading import catalog, reading

__all__ = ["blueprint"]

blueprint = Blueprint("repos", __name__)

_SCHEDULES = {0: "only when asked", 900: "every 15 minutes", 3600: "every hour", 86_400: "every day"}
_ONLY = {
    "problems": "with problems in files",
    Standing.FAILED: "whose last scan failed",
    Standing.NEVER: "that were never scanned",
    Standing.LATE: "whose scans are overdue",
}
_COLUMNS = (
    *("name", "url", "features", "dataflows", "commits", "problems", "head", "scanned_at", "last_scan"),
    *("error", "scan_every"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A repository with its last scan, and what the reader may do with it."""

    view: RepositoryView
    stored: Repository
    scan: Job | None
    standing: Standing
    problems: int
    may_scan: bool
    may_change: bool

    @property
    def is_busy(self) -> bool:
        """Whether a scan goes on, or waits."""
        return self.scan is not None and self.scan.state not in FINISHED


@blueprint.get("/repos")
def repos() -> str:
    """List the repositories with their last scans."""
    return _page()


@as_files(blueprint, "/repos")
def all_repositories() -> Table:
    """Give the repositories as a table."""
    rows = (
        (row.view.name, row.view.url, row.view.features, row.view.dataflows, row.view.commits, row.problems)
        + (row.view.head.sha if row.view.head else None, _scanned_at(row), row.scan and row.scan.state)
        + (row.scan and row.scan.error, row.stored.scan_every)
        for row in _rows()
    )
    return Table("repositories", _COLUMNS, rows)


@blueprint.get("/repos/state")
def state() -> str:
    """Give the list alone, while scans go on."""
    return render_template("repos_list.html", **_context())


@blueprint.post("/repos")
def add() -> Response | tuple[str, int]:
    """Follow a repository, and have it scanned."""
    name, url = (request.form.get(field, "").strip() for field in ("name", "url"))
    try:
        follow(name, url)
    except CatalogError as refused:
        status = 422 if isinstance(refused, RepositoryError) else status_of(refused)
        return _page(error=str(refused), name=name, url=url), status
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/scan")
def scan(name: str) -> Response:
    """Have a repository scanned."""
    have_scanned(name)
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/schedule")
def schedule(name: str) -> Response:
    """Set how often a repository is scanned by itself."""
    seconds = request.form.get("every", "")
    every = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else -1
    schedule_scans(name, every or None)
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/jobs")
def limit(name: str) -> Response:
    """Set how many jobs of a repository run at once."""
    number = request.form.get("at_once", "").strip()
    if number and not (number.isascii() and number.isdigit() and len(number) < 9):
        raise Conflict(f"How many jobs run at once is a number, not {number!r:.40}.")
    limit_jobs(name, int(number) if number else None)
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/hook")
def hook(name: str) -> Response | str:
    """Make a new secret for the calls of the Git host, and show it this once; or take it away."""
    secret = set_hook(name, request.form.get("wanted") == "yes")
    return _page(secret=secret, hooked=name) if secret else redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/trust")
def trust(name: str) -> Response:
    """Say whether runs of a repository have the network."""
    set_trust(name, request.form.get("wanted") == "yes")
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/branches")
def branches(name: str) -> Response:
    """Say whether accepted suggestions may be pushed to a repository."""
    set_branches(name, request.form.get("wanted") == "yes")
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/remove")
def remove(name: str) -> Response | tuple[str, int]:
    """Forget a repository and all that was read of it."""
    try:
        if request.form.get("confirmed") != name:
            require(Role.ADMINISTRATOR, stored.get_repository(reading(), name))
            raise Conflict(f"Nothing was removed: type the name '{name}' to say that you mean it.")
        forget(name)
    except Conflict as refused:
        return _page(error=str(refused)), status_of(refused)
    return redirect(url_for("repos.repos"), 303)


def _page(
    *, error: str | None = None, name: str = "", url: str = "", secret: str | None = None, hooked: str = ""
) -> str:
    return render_template(
        "repos.html",
        **_context(),
        error=error,
        name=name,
        url=url,
        secret=secret,
        hooked=hooked,
        schedules=_SCHEDULES,
        onlys=_ONLY,
        jobs_per_repository=catalog().settings.jobs_per_repository,
        may_add=actor().everywhere is Role.ADMINISTRATOR,
    )


def _context() -> dict[str, object]:
    listed = _rows()
    return {"rows": listed, "is_busy": any(row.is_busy for row in listed), "only": _only()}


def _only() -> str | None:
    """Return which repositories the address asks for; None for all."""
    asked = request.args.get("only", "")
    return asked if asked in _ONLY else None


def _scanned_at(row: Row) -> str | None:
    return iso(row.view.scanned_at) if row.view.scanned_at is not None else None


def _rows() -> list[Row]:
    rows = {each.name: each for each in stored.list_repositories(reading())}
    scans, problems = last_scans(reading()), count_problems(reading())
    found = (
        Row(
            view,
            rows[view.name],
            scans.get(rows[view.name].id),
            standing_of(rows[view.name], scans.get(rows[view.name].id), g.now),
            problems.get(view.name, 0),
            actor().may(Role.RUNNER, rows[view.name].id),
            actor().may(Role.ADMINISTRATOR, rows[view.name].id),
        )
        for view in list_repositories(reading())
    )
    only = _only()
    return [
        row for row in found if only is None or row.standing == only or (only == "problems" and row.problems)
    ]
