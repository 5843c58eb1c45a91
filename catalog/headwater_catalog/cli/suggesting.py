"""Where `headwater suggest` looks, and what it has done there: a folder, and the catalog here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from headwater_catalog.cli.context import Workspace, now, only_repository
from headwater_catalog.cli.made_patches import MadePatch
from headwater_catalog.cli.users import asked

__all__ = ["Folder", "Here", "Place"]

_Tags = Mapping[str, Mapping[str, str]]


class Place(Protocol):
    """Where suggestions are."""

    def found(self) -> Sequence[dict[str, Any]]:
        """Return the suggestions."""

    def patch(self, tags: _Tags) -> MadePatch:
        """Return the patch that adds tags."""


class Folder:
    """A folder, without a catalog."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def found(self) -> Sequence[dict[str, Any]]:
        """Return the suggestions."""
        from headwater_catalog.days import today
        from headwater_catalog.governance.suggestions import suggestions
        from headwater_catalog.tree_snapshots import read_folder

        return [asdict(each) for each in suggestions(read_folder(self._path), today())]

    def patch(self, tags: _Tags) -> MadePatch:
        """Return the patch that adds tags."""
        from headwater_catalog.errors import RepositoryError
        from headwater_catalog.governance.tag_patch import tag_patch
        from headwater_catalog.read import directory_files

        try:
            return MadePatch.of(tag_patch(directory_files(self._path), tags))
        except OSError as error:
            raise RepositoryError(
                f"{error.filename or self._path} cannot be read: {error.strerror}."
            ) from error


class Here:
    """A repository of the catalog here, at its scanned head.

    Args:
        workspace: The catalog.
        name: The repository; None for the only one there is.
    """

    def __init__(self, workspace: Workspace, name: str | None) -> None:
        self._workspace, self._name = workspace, name

    def found(self) -> Sequence[dict[str, Any]]:
        """Return the suggestions."""
        from headwater_catalog.suggested import suggestions_at

        with self._workspace.place(self._name, None) as moment:
            return [asdict(each) for each in suggestions_at(moment, sees_personal=True)]

    def look_at(self, dataset: str) -> None:
        """Have the values of a dataset looked at."""
        from headwater_catalog.datasets import version_named
        from headwater_catalog.kept_looks import keep_looks
        from headwater_catalog.looked_values import look_at_values

        workspace = self._workspace
        with workspace.reading() as session:
            version = version_named(session, only_repository(session, self._name), dataset)
            name = f"{version.dataset.name}@{version.run_id}"
            looks = look_at_values(workspace.settings, version)
        with workspace.database.write() as session:
            version = version_named(session, only_repository(session, self._name), name)
            keep_looks(session, version, looks, asked(), now())

    def patch(self, tags: _Tags) -> MadePatch:
        """Return the patch that adds tags."""
        from headwater_catalog.suggested import patch_at

        with self._workspace.place(self._name, None) as moment:
            return MadePatch.of(patch_at(moment, tags))

    def push(self, tags: _Tags) -> Mapping[str, Any]:
        """Push that patch as a new branch."""
        from headwater_catalog.answers.suggestions import branch_json
        from headwater_catalog.pushed_branches import push_branch, require_branches
        from headwater_catalog.suggested import patch_at

        with self._workspace.place(self._name, None) as moment:
            require_branches(moment.repository)
            patch, write = patch_at(moment, tags), self._workspace.database.write
            return branch_json(push_branch(moment, patch, tags, asked(), now(), write))
