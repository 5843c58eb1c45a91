"""Asking for the partitions of a dataflow that lack their dataset, or have a stale one: each is a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from headwater_catalog.dataflows import choose_dataflow
from headwater_catalog.moments import Moment
from headwater_catalog.partition_states import LatestRuns, PartitionState, latest_runs, partitions_of
from headwater_catalog.repositories import get_repository
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import request_run
from headwater_catalog.sinks import places_of
from headwater_catalog.store.models import Repository

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["FORMAT", "MOST_AT_ONCE", "Requested", "due", "request_partitions"]

FORMAT: Final = "parquet"
"""In which the datasets of partitions are saved."""

MOST_AT_ONCE: Final = 200
"""How many partitions are asked for in one transaction, for which all others wait."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A partition that is computed.

    Attributes:
        day: Its first day.
        run: The number of its run.
        is_new: Whether this asked for the run; else it was underway before.
    """

    day: str
    run: int
    is_new: bool


def due(states: Iterable[PartitionState], *, everything: bool = False) -> list[PartitionState]:
    """Return the partitions to ask for, of those that are not underway: those not fresh, or all.

    They keep their order, but those that failed the last time come after the others: where only some are
    asked for at a time, they would else be the same ones, time after time.
    """
    wanted = [each for each in states if each.underway is None and (everything or each.state != "fresh")]
    return sorted(wanted, key=lambda each: each.failed is not None)


def request_partitions(
    session: Session,
    head: Moment,
    dataflow: str,
    seen: Mapping[str, int | None],
    requested_by: str,
    now: int,
    *,
    env: str | None = None,
    executor: str = "synchronous",
    sinks: Sequence[str] = (),
) -> list[Requested]:
    """Queue a run of each of some partitions, unless one is underway, or has saved it meanwhile.

    Args:
        session: An open write transaction.
        head: The repository at its scanned head.
        dataflow: Name of the dataflow.
        seen: For each of the partitions, at most `MOST_AT_ONCE`, the run that had saved it last when somebody
            found that it is to be computed.
        requested_by: Who asks.
        now: The present instant.
        env: The environment whose sources count; None: the usual one.
        executor: What computes the nodes of each run.
        sinks: Sinks that each table goes to besides.

    Raises:
        NotFound: There is no such dataflow, environment, executor or sink.
        Conflict: It has no partitions, a day is none of them, a sink has one place for all, or the repository
            may not use the executor.
    """
    repository = get_repository(session, head.repository.name)
    # Of two that ask at the same time one waits, and then finds what the other has asked for.
    held = select(Repository.id).where(Repository.id == repository.id).with_for_update(key_share=True)
    session.execute(held)
    partitions = partitions_of(head, dataflow)
    key = partitions.key
    chosen = choose_dataflow(head, dataflow, ())
    chosen.require_env(env)
    declared = [name for name in sinks if name in chosen.view.sinks]  # others a run refuses
    for sink, place in places_of(chosen.view.sinks, declared, chosen.env_of(env)).items():
        partitions.require_apart(sink, place)
    latest = latest_runs(session, repository.id, dataflow, key, chosen.env_of(env))
    found: list[Requested] = []
    for day, saved in seen.items():
        known = latest.get(day, LatestRuns())
        if known.underway is not None:
            found.append(Requested(day, known.underway, is_new=False))
        elif known.saved == saved:
            note = f"backfill of {key}={day}"
            options = RunOptions(env=env, executor=executor, sinks=tuple(sinks), note=note)
            asked = (session, head.settings, repository, head.commit, dataflow)
            told = (FORMAT, requested_by, now)
            run = request_run(*asked, [], {key: day}, {}, *told, options=options)
            found.append(Requested(day, run.id, is_new=True))
    return found
