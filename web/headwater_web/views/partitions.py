"""The page of a dataflow's partitions: which are missing, stale or fresh, and asking for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from headwater_catalog.accounts import Role
from headwater_catalog.backfill import due
from headwater_catalog.dataflows import DataflowAt, choose_dataflow
from headwater_catalog.days import is_day
from headwater_catalog.errors import CatalogError, Conflict
from headwater_catalog.moments import Moment
from headwater_catalog.partition_states import PartitionState, partition_states, partitions_of
from headwater_catalog.run_executors import EXECUTORS, executors_of
from headwater_web.access import actor, require
from headwater_web.backfills import backfill
from headwater_web.errors import status_of
from headwater_web.links import with_args
from headwater_web.lists import Table, as_files
from headwater_web.reading import AsOf, catalog, moment_named, offset_asked

__all__ = ["blueprint"]

blueprint = Blueprint("partitions", __name__)

_PAGE: Final = 100
_STATES: Final = ("missing", "stale", "fresh", "underway", "failed")
_COLUMNS: Final = ("day", "state", "run", "because", "unknown", "underway", "failed")


@blueprint.get("/r/<repo>/partitions")
def partitions(repo: str) -> str:
    """Show how the partitions of a dataflow stand, the latest first."""
    head = moment_named(repo, None)
    flow = _dataflow(head)
    return _page(head, flow, _states(head, flow))


@as_files(blueprint, "/r/<repo>/partitions")
def all_partitions(repo: str) -> Table:
    """Give the partitions of a dataflow as a table."""
    head = moment_named(repo, None)
    flow = _dataflow(head)
    rows = (
        (each.day, each.state, each.run, list(each.because), list(each.unknown), each.underway, each.failed)
        for each in _listed(_states(head, flow))
    )
    return Table(f"{flow.name}-partitions", _COLUMNS, rows)


@blueprint.post("/r/<repo>/partitions")
def compute(repo: str) -> ResponseReturnValue:
    """Queue runs of the partitions that the page lists, and lead to those that are underway."""
    head = moment_named(repo, None)
    require(Role.RUNNER, head.repository)
    flow, given = _dataflow(head), request.form
    states = _states(head, flow)
    wanted = due(states, everything=given.get("which") == "all")
    try:
        backfill(
            head,
            flow.name,
            {each.day: each.run for each in wanted},
            env=_env(),
            executor=given.get("executor") or "synchronous",
            sinks=given.getlist("sink"),
        )
    except CatalogError as error:
        return _page(head, flow, states, error), status_of(error)
    return redirect(with_args(state="underway", offset=None), 303)


def _page(
    head: Moment, flow: DataflowAt, states: Sequence[PartitionState], error: CatalogError | None = None
) -> str:
    listed, offset = _listed(states), offset_asked()
    settings, repository = catalog().settings, head.repository
    return render_template(
        "partitions.html",
        view=AsOf(head, None),
        flow=flow,
        cut=partitions_of(head, flow.name),
        error=error,
        rows=listed[offset : offset + _PAGE],
        listed=len(listed),
        total=len(states),
        offset=offset,
        limit=_PAGE,
        states=_STATES,
        counts=Counter(word for each in states for word in _words(each)),
        state=request.args.get("state", ""),
        since=_day("since"),
        until=_day("until"),
        env=flow.env_of(_env()),
        due=len(due(states)),
        all=len(due(states, everything=True)),
        executors=executors_of(settings, repository),
        local_executors=EXECUTORS,
        sinks=sorted(flow.view.sinks),
        given=request.form,
        may_run=actor().may(Role.RUNNER, repository.id),
    )


def _dataflow(head: Moment) -> DataflowAt:
    """Return the dataflow that the address names, or the only one there is."""
    return choose_dataflow(head, request.args.get("dataflow") or None, ())


def _states(head: Moment, flow: DataflowAt) -> tuple[PartitionState, ...]:
    return partition_states(head, flow.name, _day("since"), _day("until"), _env())


def _listed(states: Sequence[PartitionState]) -> list[PartitionState]:
    """Return the partitions of the state that the address names, the latest first."""
    wanted = request.args.get("state", "")
    return [each for each in reversed(states) if not wanted or wanted in _words(each)]


def _words(state: PartitionState) -> tuple[str, ...]:
    runs = {"underway": state.underway, "failed": state.failed}
    return (state.state, *(word for word, run in runs.items() if run is not None))


def _day(name: str) -> str | None:
    text = request.args.get(name) or None
    if text is not None and not is_day(text):
        raise Conflict(f"'{name}' is a day such as 2026-01-31, not {text!r:.40}.")
    return text


def _env() -> str | None:
    return request.args.get("env") or None
