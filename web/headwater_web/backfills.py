"""Asking for partitions, for a page and for the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from flask import g

from headwater_catalog.backfill import MOST_AT_ONCE, Requested, request_partitions
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository
from headwater_web.access import actor, writing

__all__ = ["backfill"]


def backfill(
    head: Moment,
    dataflow: str,
    seen: Mapping[str, int | None],
    *,
    env: str | None,
    executor: str,
    sinks: Sequence[str],
) -> list[Requested]:
    """Queue a run of each of some partitions, for who asks and may run there.

    Others have their turn in between where they are many; what was asked for stays so if the rest cannot be.

    Args:
        head: The repository at its scanned head, as it was read for this request.
        dataflow: Name of the dataflow.
        seen: By the first day of each, the run that saved it last.
        env: The environment whose sources and sinks count; None: the usual one.
        executor: What computes the nodes of each run.
        sinks: Sinks that each table goes to besides.

    Raises:
        NotFound: There is no such dataflow, environment, executor or sink.
        Conflict: The dataflow has no partitions, a day is none of them, or the executor may not be used.
    """
    _ = head.snapshot  # read before anybody has to wait for the transaction
    name, rest, found = head.repository.name, iter(seen.items()), list[Requested]()
    while some := dict(islice(rest, MOST_AT_ONCE)):
        with writing() as session:
            there = moment_at(session, head.settings, get_repository(session, name))
            asked = (session, there, dataflow, some, actor().name, g.now)
            found += request_partitions(*asked, env=env, executor=executor, sinks=sinks)
    return found
