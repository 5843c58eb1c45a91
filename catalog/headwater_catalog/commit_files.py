"""Which files of a repository a commit changed against its first parent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from headwater_catalog.moments import Moment
from headwater_catalog.repositories import open_mirror
from headwater_catalog.storable import clean

__all__ = ["CommitFiles", "FileChange", "commit_files"]

_CHANGES: Final = {"A": "added", "D": "removed"}


@dataclass(frozen=True, slots=True)
class FileChange:
    """What happened to a file: it was "added", "changed" or "removed"."""

    path: str
    change: str


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The first files that a commit changed, by path, and how many there are in all."""

    files: tuple[FileChange, ...]
    total: int


def commit_files(moment: Moment, limit: int) -> CommitFiles:
    """Return the files that a commit changed.

    Args:
        moment: The commit.
        limit: How many to return at most.

    Raises:
        NotFound: The mirror is not there.
        RepositoryError: The mirror cannot be read.
    """
    with open_mirror(moment.settings, moment.repository) as source:
        changes = source.changed_paths(moment.commit.sha, next(iter(moment.commit.parents), None))
        first = [
            FileChange(clean(path), _CHANGES.get(kind, "changed")) for kind, path in islice(changes, limit)
        ]
        return CommitFiles(tuple(first), len(first) + sum(1 for _ in changes))
