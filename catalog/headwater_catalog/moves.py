"""Moves and renames: a feature that ends in the very commit in which another of the same code begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.store.models import Definition, Feature, FeatureVersion, Repository

__all__ = ["Edge", "moves_at", "pair"]


class Edge(NamedTuple):
    """A version that begins or ends at a position, with what tells whether it is the same feature."""

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
        for key in old.keys() & new.keys():
            if len(old[key]) == len(new[key]) == 1:
                found[new[key][0]] = old[key][0]
                del left[old[key][0]], right[new[key][0]]
    return found


def _by(sign: Callable[[Edge], Hashable], edges: Iterable[Edge]) -> Mapping[Hashable, list[int]]:
    groups: defaultdict[Hashable, list[int]] = defaultdict(list)
    for edge in edges:
        groups[sign(edge)].append(edge.version_id)
    return groups


def moves_at(session: Session, repository: Repository, position: int) -> dict[int, int]:
    """Return the versions that moved in the commit at a position: the new one's id, and the old one's."""
    columns = (
        FeatureVersion.id,
        FeatureVersion.feature_id,
        Feature.name,
        FeatureVersion.variant,
        Definition.digest,
        Definition.code_hash,
        FeatureVersion.valid_from,
    )
    rows = session.execute(
        select(*columns)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .where(Feature.repository_id == repository.id)
        .where(or_(FeatureVersion.valid_from == position, FeatureVersion.valid_until == position))
    )
    ended: dict[tuple[int, str], Edge] = {}
    begun: dict[tuple[int, str], Edge] = {}
    for version_id, feature_id, name, variant, digest, code_hash, valid_from in rows:
        edge = Edge(version_id, feature_id, name, variant, digest, code_hash)
        (begun if valid_from == position else ended)[edge.feature_id, edge.variant] = edge
    gone = [edge for line, edge in ended.items() if line not in begun]
    return pair(gone, [edge for line, edge in begun.items() if line not in ended])
