"""The repositories that the catalog follows, and the commits of their main lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from headwater.errors import did_you_mean
from headwater_catalog.errors import Conflict, NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.git_address import normal_url
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.jobs import FINISHED, State
from headwater_catalog.ref_names import nearest_names
from headwater_catalog.refs import stored_refs
from headwater_catalog.removal import remove_folder
from headwater_catalog.settings import Settings
from headwater_catalog.stamps import SIDECAR
from headwater_catalog.storable import commit_row
from headwater_catalog.store.bulk import insert_new
from headwater_catalog.store.models import (
    Commit,
    Dataset,
    DatasetVersion,
    Feature,
    FeatureVersion,
    Job,
    Repository,
)
from headwater_catalog.value_store import folder_of, relays_of

__all__ = [
    "add_repository",
    "count_features",
    "get_repository",
    "kept_commit",
    "list_repositories",
    "mirror_path",
    "name_for",
    "open_mirror",
    "remove_repository",
    "resolve_at",
    "set_branches",
    "set_trust",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def count_features(session: Session, repository: Repository) -> int:
    """Return how many features a repository has at its scanned head."""
    counted = (
        select(func.count(func.distinct(Feature.id)))
        .join(FeatureVersion, FeatureVersion.feature_id == Feature.id)
        .where(Feature.repository_id == repository.id, FeatureVersion.valid_until.is_(None))
    )
    return session.scalar(counted) or 0


def add_repository(session: Session, name: str, url: str, now: int) -> Repository:
    """Note a repository under a name; the same name and address again is the same one.

    Raises:
        RepositoryError: The name or the address cannot be used.
        Conflict: The name already stands for another address.
    """
    if not _NAME.fullmatch(name):
        raise RepositoryError(
            f"{name!r} cannot name a repository. Use up to 100 small letters, digits, '.', '_' and '-', "
            "beginning with a letter or a digit."
        )
    url = normal_url(url)
    known = session.scalar(select(Repository).where(Repository.name == name))
    if known is None:
        known = Repository(name=name, url=url, added_at=now)
        session.add(known)
        session.flush()
    elif known.url != url:
        raise Conflict(f"The name '{name}' already stands for {known.url}. Choose another name for {url}.")
    return known


def name_for(folder: Path) -> str:
    """Return what to call the repository in a folder, where nobody says it."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("._-")
    return name[:100] or "repository"


def get_repository(session: Session, name: str) -> Repository:
    """Return the repository of a name.

    Raises:
        NotFound: There is none.
    """
    found = session.scalar(select(Repository).where(Repository.name == name))
    if found is None:
        known = session.scalars(select(Repository.name)).all()
        hint = did_you_mean(name, known) or " Add one: headwater repo add NAME URL"
        raise NotFound(f"No repository '{name}' in the catalog.{hint}")
    return found


def list_repositories(session: Session) -> Sequence[Repository]:
    """Return every repository, by name."""
    return session.scalars(select(Repository).order_by(Repository.name)).all()


def set_trust(repository: Repository, is_trusted: bool) -> bool:
    """Say whether runs of a repository have the network; return whether that is a change."""
    is_change = repository.is_trusted != is_trusted
    repository.is_trusted = is_trusted
    return is_change


def set_branches(repository: Repository, is_wanted: bool) -> bool:
    """Say whether a repository takes branches of accepted suggestions; return whether that is a change."""
    is_change = repository.takes_branches != is_wanted
    repository.takes_branches = is_wanted
    return is_change


def remove_repository(session: Session, settings: Settings, repository: Repository) -> None:
    """Remove a repository with its history, its runs, the datasets that they saved, and its mirror.

    Args:
        session: An open write transaction.
        settings: Where its files are.
        repository: The repository.

    Raises:
        Conflict: A job of it is running.
    """
    _require_idle(session, repository)
    features = select(Feature.id).where(Feature.repository_id == repository.id)
    versions = FeatureVersion.feature_id.in_(features)
    saved = select(DatasetVersion.path).join(Dataset).where(Dataset.repository_id == repository.id)
    files = [settings.home / path for path in session.scalars(saved)]
    plain = {"synchronize_session": False}
    # The rest goes by itself with the repository; the versions first, or each commit would look for its own.
    session.execute(delete(FeatureVersion).where(versions), execution_options=plain)
    session.execute(delete(Repository).where(Repository.id == repository.id), execution_options=plain)
    for file in files:
        file.unlink(missing_ok=True)
        file.with_name(file.name + SIDECAR).unlink(missing_ok=True)
    # Within the transaction: after it, another repository might have got this number.
    remove_folder(mirror_path(settings, repository))
    remove_folder(folder_of(settings, repository.id))
    remove_folder(relays_of(settings, repository.id))


def _require_idle(session: Session, repository: Repository) -> None:
    # Locked, so that no worker takes one of them meanwhile.
    unfinished = (
        select(Job)
        .where(Job.repository_id == repository.id, Job.state.not_in(FINISHED))
        .order_by(Job.id)
        .with_for_update()
    )
    for job in session.scalars(unfinished):
        if job.state == State.RUNNING:
            raise Conflict(
                f"'{repository.name}' cannot be removed while job {job.id} (a {job.kind}) is running. "
                "Wait for its end, or cancel it, and try again."
            )


def mirror_path(settings: Settings, repository: Repository) -> Path:
    """Return the folder of a repository's bare mirror."""
    # Numbered, not named: a name may be given to another repository one day.
    return settings.home / "mirrors" / f"{repository.id}.git"


def resolve_at(session: Session, settings: Settings, repository: Repository, at: str | None) -> Commit:
    """Return the commit that a branch, a tag or a commit's name means; None: the last scanned.

    A commit beside the scanned main line has no position, and need not be in the store.

    Raises:
        NotFound: The repository has not been scanned, or nothing has this name.
        RepositoryError: The mirror cannot be read.
    """
    if repository.scanned_sha is None:
        raise NotFound(
            f"The repository '{repository.name}' has not been scanned yet. "
            f"Run: headwater scan {repository.name}"
        )
    # A full name means itself, as in git: no process is needed.
    full = repository.scanned_sha if at is None else at if _SHA.fullmatch(at) else None
    known = _stored(session, repository, full) if full is not None else None
    if known is not None:
        return known
    with open_mirror(settings, repository) as source:
        try:
            sha = source.resolve(repository.scanned_sha if at is None else at)
        except NotFound as error:
            hint = nearest_names(at or "", stored_refs(session, repository.id))
            raise NotFound(f"'{repository.name}': {error}{hint}") from None
        return _stored(session, repository, sha) or _unstored(repository, source.commit(sha))


def open_mirror(settings: Settings, repository: Repository) -> GitSource:
    """Open the mirror of a repository; close it after use.

    Raises:
        NotFound: It is not there.
    """
    source = GitSource(mirror_path(settings, repository))
    if not source.exists:
        raise NotFound(
            f"The mirror of '{repository.name}' is gone, so its commits cannot be looked up. "
            f"Run: headwater scan {repository.name}"
        )
    return source


def kept_commit(session: Session, settings: Settings, repository: Repository, commit: Commit) -> Commit:
    """Return a commit as the store has it; one beside the main line that it lacks is stored and pinned.

    So what refers to it outlives the branch that it was on.

    Args:
        session: An open write transaction.
        settings: Where the mirror is.
        repository: The repository.
        commit: The commit, as `resolve_at` gives it.

    Raises:
        RepositoryError: The mirror cannot be written to.
    """
    if (stored := _stored(session, repository, commit.sha)) is not None:
        return stored
    with open_mirror(settings, repository) as source:
        source.pin(commit.sha)
        told = {"has_changes": source.is_of_changes(commit.sha)}
        row = commit_row(repository.id, None, source.commit(commit.sha)) | told
    insert_new(session, Commit, [row], ["repository_id", "sha"], "sha")
    wanted = select(Commit).where(Commit.repository_id == repository.id, Commit.sha == commit.sha)
    return session.scalars(wanted).one()


def _stored(session: Session, repository: Repository, sha: str) -> Commit | None:
    return session.scalar(select(Commit).where(Commit.repository_id == repository.id, Commit.sha == sha))


def _unstored(repository: Repository, commit: CommitInfo) -> Commit:
    """Return what a commit says of itself, as a row that belongs to no session."""
    return Commit(**commit_row(repository.id, None, commit))
