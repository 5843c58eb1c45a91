"""What queries ask of the history: when features came, changed and went away, and who changed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from headwater_catalog.query.subjects import Past
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, in_order
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Commit, Definition, Feature, FeatureVersion, Repository
from headwater_catalog.views import PartView

__all__ = ["changers_between", "gone_features", "load_pasts"]

# Instants are those of the main line; who wrote a version is told by the commit behind a merge.
_WRITTEN = func.coalesce(FeatureVersion.introduced_id, FeatureVersion.commit_id)


def load_pasts(session: Session, repository: Repository, position: int) -> dict[str, Past]:
    """Return the past of each feature that is there at a position of the main line, by key."""
    first = (
        select(FeatureVersion.feature_id, func.min(FeatureVersion.valid_from).label("position"))
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id)
        .group_by(FeatureVersion.feature_id)
        .subquery()
    )
    began, reached, written = aliased(Commit), aliased(Commit), aliased(Commit)
    rows = session.execute(
        select(
            *(Feature.module, Feature.name, began.authored_at.label("added")),
            *(reached.authored_at, written.author_name, written.author_email),
        )
        .select_from(FeatureVersion)
        .join(FeatureVersion.feature)
        .join(first, first.c.feature_id == FeatureVersion.feature_id)
        .join(began, and_(began.repository_id == repository.id, began.position == first.c.position))
        .join(reached, reached.id == FeatureVersion.commit_id)
        .join(written, written.id == _WRITTEN)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
        .order_by(Feature.module, Feature.name, FeatureVersion.variant)
    )
    found: dict[str, Past] = {}
    for row in rows:
        known = found.get(key := f"{row.module}:{row.name}")
        found[key] = Past(
            added=row.added,
            changed=max(row.authored_at, known.changed) if known else row.authored_at,
            authors=(*(known.authors if known else ()), row.author_name, row.author_email),
        )
    return found


def gone_features(
    session: Session, repository: Repository, position: int
) -> tuple[Snapshot, Mapping[str, Past]]:
    """Return the features that were removed up to a position, as they last were, with their pasts."""
    rows = _last_versions(session, repository, position)
    ends = (
        {row.valid_until for row in rows}
        | {row.valid_until - 1 for row in rows}
        | {row.began for row in rows}
    )
    commits = _commits(session, repository, ends)
    pasts = {
        f"{row.module}:{row.name}": Past(
            added=commits[row.began].authored_at,
            changed=row.authored_at,
            authors=(row.author_name, row.author_email),
            removed=commits[row.valid_until].authored_at,
            last_sha=commits[row.valid_until - 1].sha,
        )
        for row in rows
    }
    return Snapshot(tuple(sorted(map(_feature, rows), key=in_order)), (), ()), pasts


def _last_versions(session: Session, repository: Repository, position: int) -> list[Any]:
    """Return the versions that ended last of each feature that is there no more."""
    spans = (
        select(
            FeatureVersion.feature_id,
            func.min(FeatureVersion.valid_from).label("began"),
            func.max(FeatureVersion.valid_until).label("ended"),
        )
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id, FeatureVersion.valid_until <= position)
        .group_by(FeatureVersion.feature_id)
        .subquery()
    )
    live, reached = aliased(FeatureVersion), aliased(Commit)
    is_live = select(live.id).where(live.feature_id == FeatureVersion.feature_id, holds_at(live, position))
    rows = session.execute(
        select(
            *(Feature.module, Feature.name, spans.c.began, FeatureVersion.variant, FeatureVersion.type),
            *(FeatureVersion.doc, FeatureVersion.condition, FeatureVersion.tags, FeatureVersion.parts),
            *(FeatureVersion.partial, FeatureVersion.valid_until, Definition.source, Definition.digest),
            *(reached.authored_at, Commit.author_name, Commit.author_email),
        )
        .select_from(FeatureVersion)
        .join(FeatureVersion.feature)
        .join(FeatureVersion.definition)
        .join(reached, reached.id == FeatureVersion.commit_id)
        .join(Commit, Commit.id == _WRITTEN)
        .join(
            spans,
            and_(
                spans.c.feature_id == FeatureVersion.feature_id, spans.c.ended == FeatureVersion.valid_until
            ),
        )
        .where(~is_live.exists())
    )
    return list(rows)


def changers_between(
    session: Session, repository: Repository, after: int, until: int
) -> dict[str, tuple[str, ...]]:
    """Return the names and addresses of who changed each feature after a position, up to another."""
    rows = session.execute(
        select(Feature.module, Feature.name, Commit.author_name, Commit.author_email)
        .select_from(FeatureVersion)
        .join(FeatureVersion.feature)
        .join(Commit, Commit.id == _WRITTEN)
        .where(Feature.repository_id == repository.id)
        .where(FeatureVersion.valid_from > after, FeatureVersion.valid_from <= until)
        .distinct()
    )
    found: dict[str, tuple[str, ...]] = {}
    for module, name, author, email in rows:
        key = f"{module}:{name}"
        found[key] = (*found.get(key, ()), author, email)
    return found


def _commits(session: Session, repository: Repository, positions: Iterable[int]) -> dict[int, Any]:
    wanted = frozenset(positions)
    rows = session.execute(
        select(Commit.position, Commit.sha, Commit.authored_at).where(
            Commit.repository_id == repository.id, Commit.position.is_not(None)
        )
    )
    return {row.position: row for row in rows if row.position in wanted}


def _feature(row: Any) -> SnapshotFeature:
    return SnapshotFeature(
        module=row.module,
        name=row.name,
        variant=row.variant,
        path="",
        line=0,
        end_line=0,
        type=row.type,
        doc=row.doc,
        condition=row.condition,
        tags=row.tags,
        parts=tuple(PartView(p["name"], p.get("type", ""), p.get("doc", "")) for p in row.parts),
        dependencies=(),
        dataflows=(),
        partial=tuple(row.partial),
        source=row.source,
        digest=row.digest,
    )
