"""Branches and tags as people name them, and which of them somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from headwater.errors import did_you_mean

__all__ = ["KINDS", "nearest_names"]

KINDS: Final = {"refs/heads/": "branch", "refs/tags/": "tag"}
"""What a ref is, by how its full name begins."""

_FEW: Final = 10  # refs that are named to who asked for another


def nearest_names(asked: str, refs: Iterable[str]) -> str:
    """Return a sentence about the branches and tags that may be meant by a name that is none, or nothing.

    Args:
        asked: The name.
        refs: The full names of all there are.
    """
    found = sorted(refs)
    names = list(dict.fromkeys(ref.removeprefix(p) for p in KINDS for ref in found if ref.startswith(p)))
    # In a clone a branch of its origin is `origin/main`; a mirror may have the branch itself.
    remote, _, own = asked.partition("/")
    if remote and own in names:
        return f" Did you mean '{own}'?"
    if hint := did_you_mean(asked, names):
        return hint
    return f" Its branches and tags are: {', '.join(names)}." if 0 < len(names) <= _FEW else ""
