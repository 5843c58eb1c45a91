"""Erasures and what they are about, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json, perhaps_instant_json

if TYPE_CHECKING:
    from headwater_catalog.erasure.items import Item
    from headwater_catalog.store.models import Erasure, ErasureItem

__all__ = ["erasure_json", "item_json", "planned_json"]


def erasure_json(erasure: Erasure, counts: Mapping[tuple[str, str, str], int]) -> dict[str, Any]:
    """Return an erasure as JSON has it.

    Args:
        erasure: The erasure.
        counts: How many items it has, by kind, standing and state.
    """
    return {
        "erasure": erasure.id,
        "repository": erasure.repository.name,
        "columns": erasure.columns,
        "reference": erasure.reference,
        "state": erasure.state,
        "day": erasure.day,
        "requested_by": erasure.requested_by,
        "requested_at": instant_json(erasure.requested_at),
        "planned_at": perhaps_instant_json(erasure.planned_at),
        "digest": erasure.digest,
        "counts_as": erasure.counts_as,
        "not_looked_at": erasure.unknown,
        "begun_by": erasure.begun_by,
        "begun_at": perhaps_instant_json(erasure.begun_at),
        "standings": erasure.standings,
        "erased_at": perhaps_instant_json(erasure.erased_at),
        "closed_by": erasure.closed_by,
        "closed_at": perhaps_instant_json(erasure.closed_at),
        "job": erasure.job_id,
        "counts": [
            {"kind": kind, "standing": standing, "state": state, "count": count}
            for (kind, standing, state), count in sorted(counts.items())
        ],
    }


def item_json(item: ErasureItem) -> dict[str, Any]:
    """Return a thing that an erasure is about as JSON has it."""
    return {
        "item": item.id,
        "repository": item.repository.name,
        "kind": item.kind,
        "name": item.name,
        "standing": item.standing,
        "because": item.because,
        "columns": item.columns,
        "run": item.run_id,
        "commit": item.sha,
        "place": item.place,
        "bytes": item.bytes,
        "state": item.state,
        "note": item.note,
        "settled_by": item.settled_by,
        "settled_at": perhaps_instant_json(item.settled_at),
    }


def planned_json(item: Item, repository: str) -> dict[str, Any]:
    """Return a thing of a plan that is not stored as JSON has it."""
    row = item.row()
    told = ("kind", "name", "standing", "because", "columns")
    return {
        "repository": repository,
        **{name: row[name] for name in told},
        "run": item.run,
        "commit": item.sha,
        "place": item.place,
        "bytes": item.bytes,
    }
