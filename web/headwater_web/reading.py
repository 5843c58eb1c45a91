"""What a request reads from: the settings, the database, and a commit of a repository."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository, list_repositories
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Commit, Repository

__all__ = [
    "NUMBER",
    "AsOf",
    "Catalog",
    "Site",
    "as_of",
    "attach",
    "begin_reading",
    "catalog",
    "exported",
    "moment_named",
    "number_asked",
    "offset_asked",
    "reading",
    "repository_names",
    "show_as_site",
]

NUMBER = "<int(max=2147483647):number>"
"""The part of an address that is a number, as large as a column of the database can hold."""

_EXTENSION = "headwater"
_SITE = "headwater-site"


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog that an application serves."""

    settings: Settings
    database: Database


@dataclass(frozen=True, slots=True)
class Site:
    """The commit that pages are written of, where they become files that no server stands behind.

    Attributes:
        sha: Its full name.
        subject: What its message begins with.
        instant: When it was committed, which is the present of all its pages.
        version: The version of Headwater that writes them.
    """

    sha: str
    subject: str
    instant: int
    version: str


@dataclass(frozen=True, slots=True)
class AsOf:
    """The moment that a page shows; `at` is how the reader named its commit, None for now."""

    moment: Moment
    at: str | None

    @property
    def repository(self) -> Repository:
        """The repository."""
        return self.moment.repository

    @property
    def commit(self) -> Commit:
        """The commit, which may lie beside the main line."""
        return self.moment.commit

    @property
    def is_past(self) -> bool:
        """Whether the commit is not the newest one that was scanned."""
        return self.commit.sha != self.repository.scanned_sha

    @property
    def is_beside(self) -> bool:
        """Whether the commit is not on the scanned main line."""
        return self.moment.position is None


def attach(app: Flask, opened: Catalog) -> None:
    """Let requests to the application find its catalog, and end what they read from it."""
    app.extensions[_EXTENSION] = opened
    app.teardown_appcontext(_end_reading)


def show_as_site(app: Flask, site: Site) -> None:
    """Let an application make pages that are kept as files: without what only a server can do."""
    app.extensions[_SITE] = site
    app.jinja_env.globals["exported"] = site


def exported() -> Site | None:
    """Return what this application makes pages of that are kept as files; None where it serves them."""
    return cast("Site | None", current_app.extensions.get(_SITE))


def catalog() -> Catalog:
    """Return the catalog of this application."""
    return cast(Catalog, current_app.extensions[_EXTENSION])


def reading() -> Session:
    """Return this request's session for reading, which finds only what the reader may see."""
    if "reading" not in g:
        raise RuntimeError("Nobody has said yet who is reading.")
    return cast(Session, g.reading)


def begin_reading() -> Session:
    """Open this request's session, or open it anew; it finds everything until somebody restricts it."""
    _end_reading(None)
    g.reading_ends = ExitStack()
    session: Session = g.reading_ends.enter_context(catalog().database.read())
    g.reading = session
    return session


def as_of(name: str) -> AsOf:
    """Return the repository of this name at the commit that the request's `at=` names."""
    at = request.args.get("at") or None
    g.at = at
    return AsOf(moment_named(name, at), at)


def moment_named(name: str, at: str | None) -> Moment:
    """Return the repository of this name at a commit; None means the last that was scanned."""
    return moment_at(reading(), catalog().settings, get_repository(reading(), name), at)


def _end_reading(_error: BaseException | None) -> None:
    ends: ExitStack | None = g.pop("reading_ends", None)
    g.pop("reading", None)
    if ends:
        ends.close()


def offset_asked() -> int:
    """Return how many rows of a list come before the page that the request asks for."""
    return number_asked("offset") or 0


def number_asked(name: str) -> int | None:
    """Return a number that the address has; None where it has none, or a text that is no small number."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def repository_names() -> dict[int, str]:
    """Return the names of the repositories that the reader may see, by their numbers."""
    return {each.id: each.name for each in list_repositories(reading())}
