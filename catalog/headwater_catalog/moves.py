"""Moves and renames on the main line: a feature that ends where another of the same code begins."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.pairs import Edge, pair
from headwater_catalog.store.models import Definition, Feature, FeatureVersion, Repository

__all__ = ["moves_along", "moves_at"]


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


def moves_along(
    session: Session, repository: Repository, keys: Collection[str], after: int, until: int
) -> dict[str, tuple[str, ...]]:
    """Return where features went that moved, step by step, so that each may also have changed in between.

    Args:
        session: An open session.
        repository: The repository.
        keys: The features, by `module:name`.
        after: The place on the main line after which to look.
        until: The last place.

    Returns:
        For each feature that moved the keys that it had afterwards, the last one last.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key in keys:
        module, _, name = key.partition(":")
        wanted = select(Feature).where(
            Feature.repository_id == repository.id, Feature.module == module, Feature.name == name
        )
        feature, position, trail = session.scalars(wanted).one_or_none(), after, []
        while feature is not None:
            position = _end_of(session, feature, position)
            gone_to = _gone_to(session, repository, feature, position) if after < position <= until else None
            feature = gone_to
            if gone_to is not None:
                trail.append(f"{gone_to.module}:{gone_to.name}")
        if trail:
            found[key] = tuple(trail)
    return found


def _end_of(session: Session, feature: Feature, position: int) -> int:
    """Return the first place after another at which no version of a feature stands; -1: it still stands."""
    wanted = select(FeatureVersion.valid_from, FeatureVersion.valid_until).where(
        FeatureVersion.feature_id == feature.id
    )
    stood = [(first, end) for first, end in session.execute(wanted)]
    ends = sorted({end for _, end in stood if end is not None and end > position})
    return next((at for at in ends if not any(f <= at and (e is None or at < e) for f, e in stood)), -1)


def _gone_to(session: Session, repository: Repository, feature: Feature, position: int) -> Feature | None:
    """Return the one feature as which another goes on that ends at a position."""
    moves = moves_at(session, repository, position)
    versions = {
        v.id: v
        for v in session.scalars(
            select(FeatureVersion).where(FeatureVersion.id.in_([*moves, *moves.values()]))
        )
    }
    went = {versions[new].feature_id for new, old in moves.items() if versions[old].feature_id == feature.id}
    return session.get(Feature, went.pop()) if len(went) == 1 else None
