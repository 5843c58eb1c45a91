"""How the installation does, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import instant_json, perhaps_instant_json
from headwater_catalog.jobs import STATES

if TYPE_CHECKING:
    from headwater_catalog.operations import Disk, Worker
    from headwater_catalog.store.database import Database

__all__ = ["operations_json"]


def operations_json(
    needs: Sequence[str],
    counts: Mapping[str, int],
    workers: Iterable[Worker],
    disk: Disk,
    home: str,
    database: Database,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Return how the installation does.

    Args:
        needs: What somebody should look after.
        counts: How many jobs there are by state.
        workers: Those that were heard of within a day.
        disk: The disk of the home.
        home: Where that is.
        database: The database.
        versions: Of the programs and packages that matter.
    """
    return {
        "needs": list(needs),
        "jobs": {state: counts.get(state, 0) for state in STATES},
        "workers": [_worker_json(worker) for worker in workers],
        "home": home,
        "disk": asdict(disk),
        "database": {"address": database.shown, "schema": database.version, "bytes": database.size},
        "slow_queries": [
            {"statement": query.statement, "seconds": query.seconds, "at": instant_json(query.at)}
            for query in database.slow_queries.slowest()
        ],
        "versions": dict(versions),
    }


def _worker_json(worker: Worker) -> dict[str, Any]:
    last = worker.last_finished
    return {
        "name": worker.name,
        "job": None if worker.job is None else worker.job.id,
        "last_finished": perhaps_instant_json(last),
    }
