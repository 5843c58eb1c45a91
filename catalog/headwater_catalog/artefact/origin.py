"""What is exported: a commit of a repository, of the catalog or in a folder, and a catalog of that alone."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from headwater_catalog.artefact.placing import file_in_place
from headwater_catalog.artefact.writing import Exported, day_of_commit, write_artefact
from headwater_catalog.commit_snapshots import borrow_objects, borrowed, resolve_in
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.kept_findings import keep_findings
from headwater_catalog.moments import Moment
from headwater_catalog.repositories import add_repository, get_repository, mirror_path, name_for
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.rules import Policy
from headwater_catalog.scan import scan
from headwater_catalog.scan.scanning import Progress
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database

__all__ = ["Origin", "SmallCatalog", "export_file", "origin_in", "origin_of", "small_catalog"]

_MOST_STEPS: Final = 50
"""Commits that are judged on the way back from the one that is exported."""


@dataclass(frozen=True)
class Origin:
    """A commit to export.

    Attributes:
        name: What its repository is called.
        folder: A repository on this machine that has it: the mirror of a catalog, or somebody's own.
        address: Where others fetch the repository from; empty where that is nobody else's business.
        commit: The commit.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.
        policies: Policies of the platform, which hold beside those of the repository.
    """

    name: str
    folder: Path
    address: str
    commit: CommitInfo
    day: str
    policies: tuple[Policy, ...] = ()


def origin_of(moment: Moment, day: str | None = None) -> Origin:
    """Return a commit of a repository of the catalog.

    Args:
        moment: The repository at the commit.
        day: The day that counts; None: that of the commit.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    repository = moment.repository
    folder = mirror_path(moment.settings, repository)
    address = repository.url if _is_for_others(repository.url) else ""
    found = _origin(repository.name, folder, moment.commit.sha, day)
    return replace(found, address=address, policies=tuple(moment.settings.policies))


def origin_in(folder: Path, at: str | None, name: str | None = None, day: str | None = None) -> Origin:
    """Return a commit of a repository in a folder, which no catalog need have.

    Args:
        folder: The repository.
        at: A branch, a tag or a commit's name; None: its HEAD.
        name: What to call it; None: much as the folder.
        day: The day that counts; None: that of the commit.

    Raises:
        RepositoryError: There is no repository, or it cannot be read.
        NotFound: Nothing has this name.
    """
    with borrowed(folder) as source:
        sha = source.head() if at is None else resolve_in(source, folder, at)
    return _origin(name or name_for(folder.resolve()), folder, sha, day)


def _origin(name: str, folder: Path, sha: str, day: str | None) -> Origin:
    with borrowed(folder) as source:
        commit = source.commit(sha)
    return Origin(name, folder, "", commit, day or day_of_commit(commit))


def _is_for_others(url: str) -> bool:
    """Tell whether an address means something on other machines; one of a folder tells who lives here."""
    return urlsplit(url).scheme in ("https", "ssh") or (":" in url and "://" not in url and url[0] != "/")


def export_file(origin: Origin, place: Path) -> None:
    """Write a commit as one SQLite file, in place of an exported one or of nothing.

    Raises:
        Conflict: Something else is there.
        RepositoryError: The repository cannot be read, or the file cannot be written.
    """
    with file_in_place(place) as unfinished, borrowed(origin.folder) as source:
        revision = RevisionReader(source).read(origin.commit.sha)
        told = origin.name, origin.address, origin.commit, revision, origin.day, origin.policies
        write_artefact(Exported(*told), unfinished)


def _judge(database: Database, settings: Settings, origin: Origin) -> None:
    """Look for findings, and since when they are there, so far back as the same for everybody."""
    steps = count()
    keep_findings(
        *(database, settings, origin.name, lambda: next(steps) >= _MOST_STEPS),
        seconds=float("inf"),
        day=origin.day,
    )


@dataclass(frozen=True)
class SmallCatalog:
    """A catalog that holds one repository up to one commit, and nothing else.

    Attributes:
        settings: Its settings.
        database: Its database.
        origin: The commit.
    """

    settings: Settings
    database: Database
    origin: Origin


@contextmanager
def small_catalog(origin: Origin, progress: Progress | None = None) -> Iterator[SmallCatalog]:
    """Make a catalog of what is exported alone, and remove it afterwards.

    Pages of it hold nothing of another catalog: no runs, people or addresses, and nothing of what came later.

    Raises:
        RepositoryError: The repository cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="headwater-export-") as folder:
        home = Path(folder)
        url = f"sqlite:///{home / 'headwater.db'}"
        settings = Settings(home, url, secrets.token_hex(32), policies=origin.policies)
        database = Database(settings.database_url)
        try:
            database.upgrade()
            instant = max(0, origin.commit.committed_at)
            with database.write() as session:
                repository = add_repository(session, origin.name, str(origin.folder), instant)
                mirror = mirror_path(settings, repository)
            borrow_objects(origin.folder, mirror)
            scan(database, settings, origin.name, ref=origin.commit.sha, progress=progress, now=instant)
            _judge(database, settings, origin)
            with database.write() as session:
                get_repository(session, origin.name).url = origin.address
            yield SmallCatalog(settings, database, origin)
        finally:
            database.dispose()
