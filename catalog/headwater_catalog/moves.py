"""Moves and renames on the main line: a feature that ends where another of the same code begins."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from headwater_catalog.pairs import Edge, pair
from headwater_catalog.store.models import Definition, Feature, FeatureVersion, Repository

__all__ = ["moves_at"]


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
