"""What commands share: settings and database, opened when a command first needs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import click

from headwater_catalog.cli.failures import ASKED
from headwater_catalog.cli.output import json_option
from headwater_catalog.table_specs import TABLE_PREFIX

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from headwater_catalog.cli.remote import Remote
    from headwater_catalog.moments import Moment
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database
    from headwater_catalog.store.models import Repository

__all__ = ["Workspace", "about_a_feature", "now", "only_repository", "pass_workspace", "where_to_look"]


def now() -> int:
    """Return the present instant in whole seconds; the command line is the edge where time comes in."""
    return int(time.time())


class Workspace:
    """The catalog that a command works on."""

    @cached_property
    def remote(self) -> Remote | None:
        """The catalog that is served elsewhere, where one is meant."""
        url = click.get_current_context().find_root().params.get("remote")
        if not url:
            return None
        from headwater_catalog.cli.remote import Remote

        click.get_current_context().meta[ASKED] = url
        return Remote(url)

    @cached_property
    def settings(self) -> Settings:
        """The settings, from the environment and the settings file."""
        from headwater_catalog.settings import load_settings

        return load_settings()

    @cached_property
    def unchecked_database(self) -> Database:
        """The database, whatever its version; closed with the command."""
        from headwater_catalog.store.database import Database

        database = Database(self.settings.database_url)
        click.get_current_context().call_on_close(database.dispose)
        return database

    @cached_property
    def database(self) -> Database:
        """The database, of the version that this code needs.

        Raises:
            SchemaOutdated: It is of another version, or not made yet.
        """
        self.unchecked_database.check()
        return self.unchecked_database

    def upgrade(self) -> None:
        """Make the home, for its owner only, and bring the database to the version of this code."""
        self.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.unchecked_database.upgrade()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for reading."""
        with self.database.read() as session:
            yield session

    @contextmanager
    def place(self, repository: str | None, at: str | None) -> Iterator[Moment]:
        """Open a session on one repository at one commit.

        Args:
            repository: Its name; None for the only one there is.
            at: A commit, tag or branch; None for the scanned head.
        """
        from headwater_catalog.moments import moment_at

        with self.reading() as session:
            yield moment_at(session, self.settings, only_repository(session, repository), at)

    @contextmanager
    def place_of(self, feature: str, repository: str | None, at: str | None) -> Iterator[Moment]:
        """Open a session on the repository of a feature, at one commit.

        Args:
            feature: `repository:module:name`, `module:name` or a name.
            repository: The repository's name, where the feature does not say it.
            at: A commit, tag or branch; None for the scanned head.
        """
        is_whole = feature.count(":") == 2 and not feature.startswith(TABLE_PREFIX)
        named = feature.partition(":")[0] if is_whole else None
        if repository is not None and named not in (None, repository):
            raise click.UsageError(f"FEATURE names the repository '{named}', and --repo '{repository}'.")
        if repository is None and named is None:
            from headwater_catalog.features import find_repository

            with self.reading() as session:
                repository = find_repository(session, feature)
        with self.place(repository or named, at) as place:
            yield place


def only_repository(session: Session, name: str | None) -> Repository:
    """Return the repository of a name, or the only one there is."""
    from headwater_catalog.errors import NotFound
    from headwater_catalog.repositories import get_repository, list_repositories

    if name is not None:
        return get_repository(session, name)
    known = list_repositories(session)
    if not known:
        raise NotFound("The catalog follows no repository yet. Add one: headwater repo add NAME URL")
    if len(known) > 1:
        names = ", ".join(repository.name for repository in known)
        raise click.UsageError(f"The catalog follows several repositories. Say which by --repo: {names}")
    return known[0]


pass_workspace = click.make_pass_decorator(Workspace, ensure=True)


_Command = Callable[..., None]


def where_to_look(command: _Command) -> _Command:
    """Give a command the options that say which repository to look at, and at which commit of it."""
    for decorate in (
        json_option,
        click.option("--at", help="The state of a commit, tag or branch; the scanned head unless given."),
        click.option("--repo", help="Repository of the feature; needed where its name is not unique."),
    ):
        command = decorate(command)
    return command


def about_a_feature(command: _Command) -> _Command:
    """Give a command the argument FEATURE and the options that say where to look."""
    return click.argument("feature")(where_to_look(command))
