"""Partitions of dataflows: how their datasets stand, and asking for them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, url_for

from headwater_catalog.accounts import Role
from headwater_catalog.backfill import due
from headwater_catalog.partition_states import partition_days, partition_states
from headwater_web.access import require
from headwater_web.api.answering import answer, page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.resources import PARTITIONED, REPOSITORY, Resource
from headwater_web.api.schemas.partitions import (
    BackfillSchema,
    NewBackfillSchema,
    PartitionPageSchema,
    PartitionsQuery,
)
from headwater_web.backfills import backfill
from headwater_web.reading import moment_named

__all__ = ["resource"]

resource = Resource("partitions", "Stretches of time that dataflows are computed for one after the other.")


@resource.get(
    *("/partitions/<repo>/<path:dataflow>", PartitionPageSchema, PartitionsQuery, (REPOSITORY, PARTITIONED)),
    errors=(404, 409),
)
def list_partitions(args: dict[str, Any], repo: str, dataflow: str) -> Response:
    """List the partitions of a dataflow, and how their datasets stand at the scanned head."""
    cursor, head, limit = cursor_of(args, ""), moment_named(repo, None), args["limit"]
    days = partition_days(head, dataflow, args.get("since"), args.get("until"))
    rest = [day for day in days if day > str(cursor.after)]
    page = rest[:limit]
    # Only these are looked at: there may be thousands.
    found = partition_states(head, dataflow, page[0], page[-1], args.get("env")) if page else ()
    following = cursor.moved(page[-1]) if len(rest) > len(page) else None
    return page_answer([asdict(each) for each in found], following)


@resource.send(
    *("POST", "/backfills", 202, BackfillSchema, NewBackfillSchema),
    errors=(404, 409),
    example={"repository": "demo", "dataflow": "daily", "limit": 10},
)
def request_backfill(body: dict[str, Any]) -> Response:
    """Ask for the partitions that lack their dataset or have a stale one; a worker performs each as a run."""
    repo, dataflow, limit = body["repository"], body["dataflow"], body["limit"]
    head = moment_named(repo, None)
    require(Role.RUNNER, head.repository)
    if body["partitions"] is not None:
        seen = {each["day"]: each["run"] for each in body["partitions"]}
    else:
        states = partition_states(head, dataflow, body["since"], body["until"], body["env"])
        seen = {each.day: each.run for each in due(states, everything=body["everything"])}
    some = dict(sorted(seen.items())[:limit])
    how = {name: body[name] for name in ("env", "executor", "sinks")}
    made = backfill(head, dataflow, some, **how)
    told = {"requested": [asdict(each) for each in made], "left": len(seen) - len(some)}
    found = answer(told, 202)
    found.headers["Location"] = url_for("api_partitions.list_partitions", repo=repo, dataflow=dataflow)
    return found
