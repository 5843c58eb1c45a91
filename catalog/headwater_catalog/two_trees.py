"""A working tree, or a commit, beside the commit that it began from: what both have is read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headwater_catalog.commit_snapshots import borrowed, resolve_in, shallow_hint
from headwater_catalog.errors import RepositoryError
from headwater_catalog.git_log import CommitInfo
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.read import directory_files
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.tree_snapshots import declaring_in

__all__ = ["TwoTrees", "read_one_tree", "read_trees"]


@dataclass(frozen=True)
class TwoTrees:
    """What was read.

    Attributes:
        after: What is judged.
        sha: Its commit; None of a working tree.
        before: What it began from.
        base: The commit of that.
        commits: The commits from there on, uncommitted changes left out.
    """

    after: Revision
    sha: str | None
    before: Revision
    base: str
    commits: tuple[CommitInfo, ...]


def read_trees(folder: Path, at: str | None, base: str) -> TwoTrees:
    """Read a folder as it lies there, or a commit of its repository, and the commit that it began from.

    Args:
        folder: The top of a working tree, or a bare repository.
        at: A branch, a tag or a commit's name; None: the working tree.
        base: What to compare with: it is taken where the other one left it.

    Raises:
        RepositoryError: It cannot be read.
        NotFound: Nothing has one of the names.
    """
    with borrowed(folder) as source:
        head = source.head() if at is None else resolve_in(source, folder, at)
        named = resolve_in(source, folder, base)
        begun = source.merge_base(named, head)
        if begun is None:
            advice = shallow_hint(folder) or " Give another base."
            raise RepositoryError(f"'{base}' has no commit in common with what is checked.{advice}")
        reader = RevisionReader(source)
        shas, files = ([begun], _working_tree(folder)) if at is None else ([begun, head], None)
        before, after = reader.read_in_halves(shas, files)
        commits = tuple(source.commits_between(head, begun))
        return TwoTrees(after, head if at is not None else None, before, begun, commits)


def read_one_tree(folder: Path, at: str | None) -> Revision:
    """Read a folder as it lies there, or a commit of its repository.

    Args:
        folder: The top of a working tree, or a bare repository.
        at: A branch, a tag or a commit's name; None: the working tree, or the HEAD of a bare repository.

    Raises:
        RepositoryError: It cannot be read.
        NotFound: Nothing has this name.
    """
    with borrowed(folder) as source:
        reader = RevisionReader(source)
        is_bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
        if at is None and not is_bare:
            return reader.read_in_halves([], _working_tree(folder))[0]
        sha = source.head() if at is None else resolve_in(source, folder, at)
        return reader.read_in_halves([sha])[0]


def _working_tree(folder: Path) -> dict[str, bytes]:
    """Return the files of a working tree that are read, by path."""
    try:
        return {**directory_files(folder), **declaring_in(folder)}
    except OSError as error:
        raise RepositoryError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error
