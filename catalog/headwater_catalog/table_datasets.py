"""Saved datasets that went to tables, as the sinks of their runs say."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from headwater_catalog.errors import Conflict
from headwater_catalog.moments import snapshot_at
from headwater_catalog.sinks import places_of
from headwater_catalog.store.models import Dataset, DatasetVersion, Repository, Run
from headwater_catalog.table_specs import place_key

__all__ = ["sent_to", "versions_sent_to"]

_LOOKED_AT: Final = 200  # versions, the newest
_LISTED: Final = 20


def sent_to(session: Session, version: DatasetVersion) -> dict[str, str]:
    """Return the tables that a version went to besides, by the names of the sinks.

    Nothing of a run at a commit that is not on the main line any more: what its sinks were, nobody says.
    """
    run = version.run
    names = run.job.payload.get("sinks") or ()
    if not names or run.commit.position is None:
        return {}
    flows = snapshot_at(session, run.repository, run.commit.position).dataflows
    declared = next((flow.sinks for flow in flows if flow.name == run.dataflow), {})
    try:
        places = places_of(declared, [name for name in names if name in declared], run.env)
    except Conflict:
        return {}
    return {name: place_key(place) for name, place in places.items()}


def versions_sent_to(session: Session, repository: Repository, table: str) -> tuple[DatasetVersion, ...]:
    """Return the newest versions of datasets of a repository that went to a table, the newest first."""
    latest = session.scalars(
        select(DatasetVersion)
        .join(DatasetVersion.dataset)
        .where(Dataset.repository_id == repository.id)
        .order_by(DatasetVersion.id.desc())
        .options(
            joinedload(DatasetVersion.dataset),
            joinedload(DatasetVersion.run).joinedload(Run.job),
            joinedload(DatasetVersion.run).joinedload(Run.commit),
        )
        .limit(_LOOKED_AT)
    )
    going = (version for version in latest if table in sent_to(session, version).values())
    return tuple(version for version, _ in zip(going, range(_LISTED), strict=False))
