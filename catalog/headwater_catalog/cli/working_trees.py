"""Runs of working trees: their changes are taken along, or told where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater_catalog.cli.context import Workspace, only_repository
from headwater_catalog.cli.output import clean, counted, say

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from headwater_catalog.moments import Moment
    from headwater_catalog.store.models import Repository

__all__ = ["taken_changes", "tell_changes"]

_MOST_NAMED: Final = 5


def taken_changes(workspace: Workspace, repo: str | None, who: str) -> tuple[str, str]:
    """Take the working tree that is meant as a commit; return the name of its repository and that commit."""
    from headwater_catalog.working_tree import folder_with_changes, take_changes

    with workspace.reading() as session:
        repository = _repository(session, repo)
        folder = folder_with_changes(workspace.settings, repository, Path.cwd())
        found = take_changes(workspace.settings, repository, folder, who)
        name = repository.name
    if found.files:
        say(clean(f"With the {_files(found.files)} of {folder}, on top of {found.parent[:10]}."))
    else:
        say(clean(f"The working tree {folder} has no changes: the run is of its commit {found.parent[:10]}."))
    if found.left_out:
        say(clean(f"Left out are the repositories inside it: {_some(found.left_out)}."))
    return name, found.sha


def tell_changes(workspace: Workspace, place: Moment) -> None:
    """Say which changes of a repository's working tree a run of its scanned commit does not have."""
    from headwater_catalog.errors import RepositoryError
    from headwater_catalog.working_tree import changes_of, source_folder

    folder = source_folder(place.repository)
    if folder is None:
        return
    try:
        found = changes_of(workspace.settings, place.repository, folder)
    except RepositoryError as error:
        say(clean(f"The run is of commit {place.commit.sha[:10]}. {error}"))
        return
    if found is not None and found.files:
        told = f"does not have the {_files(found.files)} of {folder}"
        say(
            clean(
                f"The run is of commit {place.commit.sha[:10]} and {told}. --with-changes takes them along."
            )
        )


def _repository(session: Session, name: str | None) -> Repository:
    """Return the repository that is meant: where several are followed, the one whose folder one stands in."""
    from headwater_catalog.repositories import list_repositories
    from headwater_catalog.working_tree import source_folder, tree_around

    here = tree_around(Path.cwd())
    if name is None and here is not None:
        for repository in list_repositories(session):
            folder = source_folder(repository)
            if folder is not None and folder.resolve() == here:
                return repository
    return only_repository(session, name)


def _files(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'changed file')} ({_some(names)})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
