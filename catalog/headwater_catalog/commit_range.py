"""Which two commits `A..B` means: branches, tags and commits, also relative to where two branches parted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater_catalog.errors import NotFound
from headwater_catalog.git import GitSource

__all__ = ["CommitRange", "commit_range"]


@dataclass(frozen=True, slots=True)
class CommitRange:
    """Two commits to compare, by their full names; `before` is None where `after` is the very first."""

    before: str | None
    after: str


def commit_range(source: GitSource, text: str, resolve: Callable[[str], str] | None = None) -> CommitRange:
    """Return the commits that a text means.

    Args:
        source: The repository.
        text: `A..B`: from A to B. `A...B`: from where B left A, to B. `A`: what this commit did to its first
            parent. An end that is left out is HEAD.
        resolve: Gives the full name of what a branch, a tag or a commit is called; by default `source` does.

    Raises:
        NotFound: Nothing has one of the names, or A and B have no commit in common.
    """
    resolve = resolve or source.resolve
    first, dots, second = _parted(text)
    after = resolve(second or "HEAD")
    if not dots:
        parents = source.commit(after).parents
        return CommitRange(parents[0] if parents else None, after)
    before = resolve(first or "HEAD")
    if dots == "..":
        return CommitRange(before, after)
    base = source.merge_base(before, after)
    if base is None:
        raise NotFound(
            f"'{first or 'HEAD'}' and '{second or 'HEAD'}' have no commit in common. Compare them with two "
            f"dots: {first}..{second}"
        )
    return CommitRange(base, after)


def _parted(text: str) -> tuple[str, str, str]:
    for dots in ("...", ".."):
        first, found, second = text.partition(dots)
        if found:
            return first, found, second
    return "", "", text
