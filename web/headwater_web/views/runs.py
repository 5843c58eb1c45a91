"""Runs: the form's target, the list, and the page of one run, which follows it until it is done."""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from headwater_catalog import runs as catalog_runs
from headwater_catalog.errors import Conflict
from headwater_catalog.jobs import FINISHED
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.models import Run, RunNode
from headwater_web.dates import duration
from headwater_web.reading import catalog, reading

__all__ = ["blueprint", "user"]

blueprint = Blueprint("runs", __name__)

_FIELD = "config."
_LISTED = 100
_NUMBER = "<int(max=2147483647):number>"  # what a column of the database can hold


@blueprint.post("/runs")
def request_one() -> Response:
    """Queue the run that a form asks for, and lead to its page."""
    form = request.form
    with catalog().database.write() as session:
        repository = get_repository(session, form.get("repo", ""))
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
            user(),
            g.now,
        )
        number = run.id
    return redirect(url_for("runs.run", number=number), 303)


def user() -> str:
    """Return who runs the server: without accounts, nobody else can reach it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "browser"


@blueprint.get("/runs")
def runs() -> str:
    """List the latest runs."""
    return render_template("runs.html", rows=catalog_runs.list_runs(reading(), limit=_LISTED), took=_took)


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
