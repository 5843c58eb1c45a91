"""What a request reads from: the settings, the database, and a commit of a repository."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from headwater_catalog.errors import NotFound
from headwater_catalog.repositories import get_repository, resolve_at
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Commit, Repository

__all__ = ["AsOf", "Catalog", "as_of", "attach", "catalog", "reading"]

_EXTENSION = "headwater"


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog that an application serves."""

    settings: Settings
    database: Database


@dataclass(frozen=True, slots=True)
class AsOf:
    """The commit of a repository that a page shows; `at` is how the reader named it, None for now."""

    repository: Repository
    commit: Commit
    at: str | None

    @property
    def position(self) -> int:
        """The place of the commit on the main line."""
        if self.commit.position is None:
            raise NotFound(f"{self.commit.sha[:10]} is not on the main line of {self.repository.name!r}.")
        return self.commit.position

    @property
    def is_past(self) -> bool:
        """Whether the commit is not the newest one that was scanned."""
        return self.commit.sha != self.repository.scanned_sha


def attach(app: Flask, opened: Catalog) -> None:
    """Let requests to the application find its catalog, and end what they read from it."""
    app.extensions[_EXTENSION] = opened
    app.teardown_appcontext(_end_reading)


def catalog() -> Catalog:
    """Return the catalog of this application."""
    return cast(Catalog, current_app.extensions[_EXTENSION])


def reading() -> Session:
    """Return this request's session for reading; the first call opens it."""
    if "reading" not in g:
        g.reading_ends = ExitStack()
        g.reading = g.reading_ends.enter_context(catalog().database.read())
    return cast(Session, g.reading)


def as_of(name: str) -> AsOf:
    """Return the repository of this name at the commit that the request's `at=` names."""
    at = request.args.get("at") or None
    repository = get_repository(reading(), name)
    g.at = at
    return AsOf(repository, resolve_at(reading(), catalog().settings, repository, at), at)


def _end_reading(_error: BaseException | None) -> None:
    ends: ExitStack | None = g.pop("reading_ends", None)
    g.pop("reading", None)
    if ends:
        ends.close()
