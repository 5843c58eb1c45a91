"""What people do to the repositories that the catalog follows, on pages and by the API alike."""

from __future__ import annotations

from flask import g
from sqlalchemy.orm import Session

from headwater_catalog import repositories as stored
from headwater_catalog.accounts import Role
from headwater_catalog.accounts.events import note
from headwater_catalog.git import GitSource
from headwater_catalog.hooks import new_secret
from headwater_catalog.job_order import set_jobs_at_once
from headwater_catalog.scan_requests import request_scan, set_schedule
from headwater_catalog.store.models import Repository
from headwater_web.access import actor, asked, require, require_everywhere, writing
from headwater_web.reading import catalog

__all__ = [
    "follow",
    "forget",
    "have_scanned",
    "limit_jobs",
    "schedule_scans",
    "set_branches",
    "set_hook",
    "set_trust",
]


def follow(name: str, url: str) -> None:
    """Follow a repository that can be read, and have it scanned.

    Raises:
        Forbidden: Who asks may not.
        RepositoryError: The name or the address cannot be used.
        Conflict: The name already stands for another address.
    """
    require_everywhere("Adding repositories is")
    GitSource.require_readable(url)
    with writing() as session:
        repository = stored.add_repository(session, name, url, g.now)
        request_scan(session, repository, actor().name, g.now)
        note(session, "repository added", asked(), name, g.now, url=repository.url)


def have_scanned(name: str) -> int:
    """Have a repository scanned, and return the number of the job that waits."""
    with writing() as session:
        repository = stored.get_repository(session, name)
        require(Role.RUNNER, repository)
        number = request_scan(session, repository, actor().name, g.now).id
        note(session, "scan requested", asked(), name, g.now, job=number)
        return number


def schedule_scans(name: str, seconds: int | None) -> None:
    """Set how often a repository is scanned by itself; None means never.

    Raises:
        Conflict: That is too often, or hardly ever.
    """
    with writing() as session:
        repository = _changeable(session, name)
        set_schedule(repository, seconds)
        note(session, "schedule set", asked(), name, g.now, seconds=repository.scan_every)


def limit_jobs(name: str, number: int | None) -> None:
    """Set how many jobs of a repository run at once; None means as the settings say, 0 any number.

    Raises:
        Conflict: That is no such number.
    """
    with writing() as session:
        repository = _changeable(session, name)
        set_jobs_at_once(repository, number)
        note(session, "job limit set", asked(), name, g.now, jobs_at_once=number)


def set_hook(name: str, is_wanted: bool) -> str | None:
    """Make a new secret for the calls of the Git host, and return it this once; or take it away."""
    secret = new_secret() if is_wanted else None
    with writing() as session:
        _changeable(session, name).hook_secret = secret
        note(session, "hook made" if is_wanted else "hook removed", asked(), name, g.now)
    return secret


def set_trust(name: str, is_trusted: bool) -> None:
    """Say whether runs of a repository have the network; for administrators of all of them.

    Raises:
        Forbidden: Who asks may not.
    """
    with writing() as session:
        repository = stored.get_repository(session, name)
        require_everywhere("Trusting repositories is")
        if stored.set_trust(repository, is_trusted):
            kind = "repository trusted" if is_trusted else "repository distrusted"
            note(session, kind, asked(), name, g.now)


def set_branches(name: str, is_wanted: bool) -> None:
    """Say whether accepted suggestions may be pushed to a repository; for its administrators."""
    with writing() as session:
        if stored.set_branches(_changeable(session, name), is_wanted):
            note(session, "branches allowed" if is_wanted else "branches forbidden", asked(), name, g.now)


def forget(name: str) -> tuple[str, str]:
    """Forget a repository and all that was read of it; return its name and its address.

    Raises:
        Conflict: A job of it is running.
    """
    with writing() as session:
        repository = _changeable(session, name)
        url = repository.url
        stored.remove_repository(session, catalog().settings, repository)
        note(session, "repository removed", asked(), name, g.now)
    return name, url


def _changeable(session: Session, name: str) -> Repository:
    repository = stored.get_repository(session, name)
    require(Role.ADMINISTRATOR, repository)
    return repository
