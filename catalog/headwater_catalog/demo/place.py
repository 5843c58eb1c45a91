"""Puts a repository that is built from nothing in its place, whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from headwater_catalog.demo.plumbing import Plumbing
from headwater_catalog.errors import Conflict

__all__ = ["place"]


def place(directory: Path, build: Callable[[Plumbing], str]) -> str:
    """Build a repository at `directory` and return the commit its work tree stands at.

    What is built there already, with or without later commits, is kept as it is.

    Args:
        directory: A folder that does not exist, is empty, or holds what `build` makes.
        build: Fills the branch `main` of an empty repository and returns its head.

    Raises:
        Conflict: The folder holds something else. It stays as it is.
    """
    target = directory.resolve()
    occupied = _is_occupied(target)
    if not occupied:
        target.parent.mkdir(parents=True, exist_ok=True)
    # A sibling of the target is on the same file system, so that one rename puts it in place.
    beside = None if occupied else target.parent
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=beside) as scratch:
        built = Plumbing.create(Path(scratch).resolve() / "repository")
        head = build(built)
        if occupied:
            return _keep(target, head)
        built.run("read-tree", "--reset", "-u", "HEAD")
        _move(built.directory, target)
    return head


def _is_occupied(target: Path) -> bool:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    if not (target / ".git").is_dir():
        raise Conflict(
            f"{target} is not empty and not a git repository. Name a folder that does not exist yet."
        )
    return True


def _keep(target: Path, head: str) -> str:
    standing = Plumbing(target)
    if not standing.agrees("merge-base", "--is-ancestor", head, "HEAD"):
        raise Conflict(
            f"{target} is a git repository without the commit {head} to be built there. "
            "Name a folder that does not exist yet."
        )
    return standing.run("rev-parse", "HEAD")


def _move(built: Path, target: Path) -> None:
    try:
        if target.exists():
            target.rmdir()
        built.rename(target)
    except OSError as error:
        raise Conflict(
            f"{target} cannot be replaced ({error.strerror}). Name a folder that does not exist yet."
        ) from error
