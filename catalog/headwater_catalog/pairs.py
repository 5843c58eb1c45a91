"""Moves and renames: which definition that is gone goes on as which one that is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

__all__ = ["Edge", "pair"]


class Edge(NamedTuple):
    """A version that begins or ends somewhere, with what tells whether it is the same feature."""

    version_id: int
    feature_id: int
    name: str
    variant: str
    digest: str
    code_hash: str


# From the surest sign to the weakest. The code hash leaves a function's own name out, so that a renamed
# function has the same; each sign counts only where it leaves no choice.
_SIGNS: tuple[Callable[[Edge], Hashable], ...] = (
    lambda edge: (edge.digest, edge.name, edge.variant),
    lambda edge: (edge.code_hash, edge.name, edge.variant),
    lambda edge: (edge.code_hash, edge.name),
    lambda edge: edge.code_hash,
)


def pair(ended: Iterable[Edge], begun: Iterable[Edge]) -> dict[int, int]:
    """Return the versions that begin, each with the version that it goes on from.

    Args:
        ended: Versions that end in a commit, and whose variant does not go on.
        begun: Versions that begin in it, and whose variant did not stand before.
    """
    left, right = {edge.version_id: edge for edge in ended}, {edge.version_id: edge for edge in begun}
    found: dict[int, int] = {}
    for sign in _SIGNS:
        old, new = _by(sign, left.values()), _by(sign, right.values())
        for key in old:
            if len(old[key]) == len(new.get(key, ())) == 1:
                found[new[key][0]] = old[key][0]
                del left[old[key][0]], right[new[key][0]]
    return found


def _by(sign: Callable[[Edge], Hashable], edges: Iterable[Edge]) -> Mapping[Hashable, list[int]]:
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for edge in edges:
        groups[sign(edge)].append(edge.version_id)
    return groups
