"""Snapshots of commits, read without a catalog."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.ref_names import nearest_names
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_reader import TreeReader
from headwater_catalog.tree_snapshots import snapshot_of

__all__ = ["borrow_objects", "borrowed", "read_commit", "read_repository", "resolve_in", "shallow_hint"]


def read_commit(source: GitSource, sha: str) -> Snapshot:
    """Return the snapshot of a commit, given by its full name.

    Raises:
        RepositoryError: The mirror lacks it.
    """
    reader = TreeReader(source)
    tree = reader.tree(sha)
    return snapshot_of(reader.read(tree), tree.declaring, tests=reader.tests(tree))


def read_repository(folder: Path, ref: str | None = None) -> Snapshot:
    """Return the snapshot of a commit of a repository on this machine, bare or with a working tree.

    Args:
        folder: The repository.
        ref: A branch, a tag or a commit's name; None for its HEAD.

    Raises:
        RepositoryError: There is no repository, or it cannot be read.
        NotFound: Nothing in it has this name.
    """
    with borrowed(folder) as source:
        return read_commit(source, source.head() if ref is None else resolve_in(source, folder, ref))


def resolve_in(source: GitSource, folder: Path, ref: str) -> str:
    """Return the full name of the commit that something means in a repository that is borrowed from a folder.

    Raises:
        NotFound: Nothing in it has this name; tells the nearest.
    """
    try:
        return source.resolve(ref)
    except NotFound:
        hint = shallow_hint(folder) or nearest_names(ref, source.refs())
        raise NotFound(f"No commit, branch or tag {ref!r:.100} in '{folder}'.{hint}") from None


def shallow_hint(folder: Path) -> str:
    """Return what to do where a clone lacks most of its history; nothing where it does not."""
    if not any((folder / place).exists() for place in (".git/shallow", "shallow")):
        return ""
    return " This clone is shallow: fetch its history, with `git fetch --unshallow origin` or fetch-depth: 0."


@contextmanager
def borrowed(folder: Path) -> Iterator[GitSource]:
    """Open a repository through a mirror for the moment.

    Git then reads no configuration but ours. The mirror has branches and tags of its own, and borrows the
    objects rather than copy them; those of a linked working tree lie elsewhere, and are copied.

    Raises:
        RepositoryError: It is none.
    """
    if not ((folder / ".git").exists() or (folder / "HEAD").is_file()):
        raise RepositoryError(f"'{folder.resolve()}' is no git repository. Go to the top of one, or name it.")
    with tempfile.TemporaryDirectory() as place:
        borrow_objects(folder, Path(place))
        with GitSource.mirror(str(folder), Path(place)) as source:
            yield source


def borrow_objects(folder: Path, mirror: Path) -> None:
    """Let a mirror that is yet to be made have the objects of a repository on this machine as its own."""
    for objects in (folder / ".git" / "objects", folder / "objects"):
        if objects.is_dir():
            info = mirror / "objects" / "info"
            info.mkdir(parents=True, exist_ok=True)
            (info / "alternates").write_bytes(os.fsencode(objects.resolve()) + b"\n")
            break
