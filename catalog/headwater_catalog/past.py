"""What queries ask of the history: when features came, changed and went away, and who changed them."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.owners import NOBODY
from headwater_catalog.query.subjects import Past
from headwater_catalog.rules import Review
from headwater_catalog.snapshot import Snapshot, in_order
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Commit, Definition, Feature, FeatureVersion, Repository
from headwater_catalog.stored_snapshots import NOWHERE, json_text
from headwater_catalog.upkeep.origins import upkeep_at

__all__ = ["changers_between", "gone_features", "load_pasts"]

# Instants are those of the main line; who wrote a version is told by the commit behind a merge.
_WRITTEN = func.coalesce(FeatureVersion.introduced_id, FeatureVersion.commit_id)


def load_pasts(session: Session, repository: Repository, position: int, review: Review) -> dict[str, Past]:
    """Return the past of each feature that is there at a position of the main line, by key.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
        review: What counts as a review of a commit there.
    """
    upkeep = upkeep_at(session, repository, position, review)
    commits = _commits(session, repository)
    began = _began(session, repository)
    instants = {commit.position: commit.authored_at for commit in commits.values()}
    found: dict[str, Past] = {}
    for feature, module, name, _, reached, written in _live(session, repository, position):
        key, author = f"{module}:{name}", commits[written]
        known = found.get(key)
        changed = commits[reached].authored_at
        found[key] = Past(
            added=instants[began[feature]],
            changed=max(changed, known.changed) if known else changed,
            authors=(*(known.authors if known else ()), author.author_name, author.author_email),
            upkeep=upkeep.get(key, ()),
        )
    return found


def _live(session: Session, repository: Repository, position: int) -> list[Any]:
    """Return the versions that hold at a position, in the order of module, name and variant."""
    rows = session.connection().execute(
        select(
            *(Feature.id, Feature.module, Feature.name, FeatureVersion.variant),
            *(FeatureVersion.commit_id, _WRITTEN),
        )
        .select_from(FeatureVersion)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
    )
    return sorted(rows.all(), key=itemgetter(1, 2, 3))


def _began(session: Session, repository: Repository) -> dict[int, int]:
    """Return where on the main line each feature was first there, by its id."""
    rows = session.connection().execute(
        select(FeatureVersion.feature_id, func.min(FeatureVersion.valid_from))
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository.id)
        .group_by(FeatureVersion.feature_id)
    )
    return {row[0]: row[1] for row in rows.all()}


def gone_features(
    session: Session, repository: Repository, position: int
) -> tuple[Snapshot, Mapping[str, Past]]:
    """Return the features that were removed up to a position, as they last were, with their pasts."""
    rows = _last_versions(session, repository, position)
    commits = {commit.position: commit for commit in _commits(session, repository).values()}
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
    maker = FeatureMaker(NOBODY, ())
    features = (
        maker.feature((row.module, row.name, row.variant), NOWHERE, row.source, row, ()) for row in rows
    )
    return Snapshot(tuple(sorted(features, key=in_order)), (), ()), pasts


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
            *(FeatureVersion.doc, FeatureVersion.condition, FeatureVersion.valid_until),
            *map(json_text, (FeatureVersion.tags, FeatureVersion.parts)),
            *map(json_text, (FeatureVersion.partial, FeatureVersion.columns)),
            *(Definition.source, Definition.digest),
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


def _commits(session: Session, repository: Repository) -> dict[int, Any]:
    """Return the commits of a repository that the store has, by id."""
    # To look at them all is much quicker than to join each version with three of them.
    rows = session.connection().execute(
        select(
            *(Commit.id, Commit.position, Commit.sha, Commit.authored_at),
            *(Commit.author_name, Commit.author_email),
        ).where(Commit.repository_id == repository.id)
    )
    return {row.id: row for row in rows.all()}
