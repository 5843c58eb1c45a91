"""Runs: the form's target, the list, and the page of one run, which follows it until it is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from headwater_catalog import runs as catalog_runs
from headwater_catalog.accounts import Role
from headwater_catalog.errors import Conflict
from headwater_catalog.jobs import FINISHED, STATES
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import Run, RunNode
from headwater_web.access import actor, require, writing
from headwater_web.dates import duration, iso
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import catalog, number_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("runs", __name__)

_FIELD = "config."
_LISTED = 100
_COLUMNS = (
    *("run", "state", "repository", "dataflow", "commit", "outputs", "config"),
    *("requested_at", "requested_by", "started_at", "finished_at", "error"),
)
_NUMBER = "<int(max=2147483647):number>"  # what a column of the database can hold


@blueprint.post("/runs")
def request_one() -> Response:
    """Queue the run that a form asks for, and lead to its page."""
    form = request.form
    with writing() as session:
        repository = get_repository(session, form.get("repo", ""))
        require(Role.RUNNER, repository)
        moment = moment_at(session, catalog().settings, repository, form.get("at") or None)
        run = catalog_runs.request_run(
            session,
            catalog().settings,
            repository,
            moment.commit,
            form.get("dataflow") or None,
            form.getlist("output"),
            _config(moment, form.get("dataflow")),
            {},
            None,
            actor().name,
            g.now,
        )
        number = run.id
    return redirect(url_for("runs.run", number=number), 303)


@blueprint.get("/runs")
def runs() -> str:
    """List runs, the latest first."""
    found = _listed(_LISTED + 1, number_asked("before"))
    return render_template(
        "runs.html",
        rows=found[:_LISTED],
        has_more=len(found) > _LISTED,
        state=request.args.get("state", ""),
        days=number_asked("days"),
        states=STATES,
        took=_took,
    )


@as_files(blueprint, "/runs")
def all_runs() -> Table:
    """Give the runs as a table."""
    rows = (
        (run.id, run.job.state, run.repository.name, run.dataflow, run.commit.sha, run.outputs)
        + (run.config, iso(run.job.created_at), run.job.requested_by, _instant(run.job.started_at))
        + (_instant(run.job.finished_at), run.job.error)
        for run in _listed(MOST_ROWS)
    )
    return Table("runs", _COLUMNS, rows)


def _listed(limit: int, before: int | None = None) -> list[Run]:
    days, state = number_asked("days"), request.args.get("state", "")
    since = g.now - 86_400 * days if days else None
    return catalog_runs.list_runs(reading(), state=state, since=since, before=before, limit=limit)


def _instant(at: int | None) -> str | None:
    return iso(at) if at is not None else None


@blueprint.get(f"/runs/{_NUMBER}")
def run(number: int) -> str:
    """Show a run."""
    return render_template("run.html", **_context(number))


@blueprint.get(f"/runs/{_NUMBER}/state")
def state(number: int) -> str:
    """Give the part of a run's page that changes until it is done."""
    return render_template("run_part.html", **_context(number))


def _context(number: int) -> dict[str, Any]:
    found = catalog_runs.get_run(reading(), number)
    preview = found.preview or {}
    slowest = max((node.microseconds for node in found.nodes), default=0) or 1

    def share(node: RunNode) -> float:
        return 100 * node.microseconds / slowest

    return {
        "run": found,
        "is_finished": found.job.state in FINISHED,
        "failure": catalog_runs.failure_of(found),
        "table": preview.get("table"),
        "numeric": _numeric(preview.get("table")),
        "values": preview.get("values") or [],
        "total": sum(node.microseconds for node in found.nodes),
        "share": share,
        "took": _took,
    }


def _numeric(table: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the columns whose cells are numbers, which are set flush right."""
    columns = table["columns"] if table else []
    kinds = ("int", "float", "uint", "Int", "Float", "UInt", "complex", "decimal")
    return frozenset(column["name"] for column in columns if column["type"].startswith(kinds))


def _config(moment: Moment, dataflow: str | None) -> dict[str, Any]:
    """Read the configuration fields: a text where the dataflow declares a text, else JSON."""
    flows = moment.snapshot.dataflows
    declared = next((flow.config for flow in flows if flow.name == dataflow), {})
    return {
        name.removeprefix(_FIELD): _value(name.removeprefix(_FIELD), text, declared)
        for name, text in request.form.items()
        if name.startswith(_FIELD)
    }


def _value(name: str, text: str, declared: Mapping[str, Any]) -> Any:
    if isinstance(declared.get(name), str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Conflict(
            f"{name} is declared as {declared.get(name)!r}, so it needs a value in JSON, not {text!r:.80}."
        ) from None


def _took(found: Run) -> str:
    """Say how long a run took; empty while it goes on. Jobs are timed in whole seconds."""
    started, finished = found.job.started_at, found.job.finished_at
    if started is None or finished is None:
        return ""
    return duration((finished - started) * 1_000_000) if finished > started else "under 1 s"
