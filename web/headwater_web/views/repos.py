"""The repositories that the catalog follows: added, scanned, scheduled and removed by people."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from headwater_catalog import repositories as stored
from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import note
from headwater_catalog.errors import CatalogError, Conflict, Forbidden, RepositoryError
from headwater_catalog.features import RepositoryView, list_repositories
from headwater_catalog.git import GitSource
from headwater_catalog.hooks import new_secret
from headwater_catalog.jobs import FINISHED
from headwater_catalog.problems import count_problems
from headwater_catalog.scan_requests import last_scans, request_scan, set_schedule
from headwater_catalog.store.models import Job, Repository
from headwater_web.access import actor, asked, require, writing
from headwater_web.errors import status_of
from headwater_web.reading import catalog, reading

__all__ = ["blueprint"]

blueprint = Blueprint("repos", __name__)

_SCHEDULES = {0: "only when asked", 900: "every 15 minutes", 3600: "every hour", 86_400: "every day"}


@dataclass(frozen=True, slots=True)
class Row:
    """A repository with its last scan, and what the reader may do with it."""

    view: RepositoryView
    stored: Repository
    scan: Job | None
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


@blueprint.get("/repos/state")
def state() -> str:
    """Give the list alone, while scans go on."""
    return render_template("repos_list.html", **_context())


@blueprint.post("/repos")
def add() -> Response | tuple[str, int]:
    """Follow a repository, and have it scanned."""
    name, url = (request.form.get(field, "").strip() for field in ("name", "url"))
    try:
        _require_everywhere()
        GitSource.require_readable(url)
        with writing() as session:
            repository = stored.add_repository(session, name, url, g.now)
            request_scan(session, repository, actor().name, g.now)
            note(session, "repository added", asked(), name, g.now, url=repository.url)
    except CatalogError as refused:
        status = 422 if isinstance(refused, RepositoryError) else status_of(refused)
        return _page(error=str(refused), name=name, url=url), status
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/scan")
def scan(name: str) -> Response:
    """Have a repository scanned."""
    with writing() as session:
        repository = stored.get_repository(session, name)
        require(Role.RUNNER, repository)
        request_scan(session, repository, actor().name, g.now)
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/schedule")
def schedule(name: str) -> Response:
    """Set how often a repository is scanned by itself."""
    seconds = request.form.get("every", "")
    with writing() as session:
        repository = _changeable(session, name)
        every = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else -1
        set_schedule(repository, every or None)
        note(session, "schedule set", asked(), name, g.now, seconds=repository.scan_every)
    return redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/hook")
def hook(name: str) -> Response | str:
    """Make a new secret for the calls of the Git host, and show it this once; or take it away."""
    is_wanted = request.form.get("wanted") == "yes"
    secret = new_secret() if is_wanted else None
    with writing() as session:
        _changeable(session, name).hook_secret = secret
        note(session, "hook made" if is_wanted else "hook removed", asked(), name, g.now)
    return _page(secret=secret, hooked=name) if secret else redirect(url_for("repos.repos"), 303)


@blueprint.post("/repos/<name>/remove")
def remove(name: str) -> Response | tuple[str, int]:
    """Forget a repository and all that was read of it."""
    try:
        with writing() as session:
            repository = _changeable(session, name)
            if request.form.get("confirmed") != name:
                raise Conflict(f"Nothing was removed: type the name '{name}' to say that you mean it.")
            stored.remove_repository(session, catalog().settings, repository)
            note(session, "repository removed", asked(), name, g.now)
    except Conflict as refused:
        return _page(error=str(refused)), status_of(refused)
    return redirect(url_for("repos.repos"), 303)


def _changeable(session: Session, name: str) -> Repository:
    repository = stored.get_repository(session, name)
    require(Role.ADMINISTRATOR, repository)
    return repository


def _require_everywhere() -> None:
    if actor().everywhere is not Role.ADMINISTRATOR:
        raise Forbidden("Repositories are added by administrators of all of them.")


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
        may_add=actor().everywhere is Role.ADMINISTRATOR,
    )


def _context() -> dict[str, object]:
    rows = {each.name: each for each in stored.list_repositories(reading())}
    scans, problems = last_scans(reading()), count_problems(reading())
    listed = [
        Row(
            view,
            rows[view.name],
            scans.get(rows[view.name].id),
            problems.get(view.name, 0),
            actor().may(Role.RUNNER, rows[view.name].id),
            actor().may(Role.ADMINISTRATOR, rows[view.name].id),
        )
        for view in list_repositories(reading())
    ]
    return {"rows": listed, "is_busy": any(row.is_busy for row in listed)}
