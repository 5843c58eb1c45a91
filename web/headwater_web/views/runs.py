"""Runs: the list, and the page of one run, which follows it until it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from headwater_catalog import runs as catalog_runs
from headwater_catalog.accounts import Role
from headwater_catalog.datasets import version_of_run
from headwater_catalog.erased import erased_in_runs
from headwater_catalog.errors import NotFound
from headwater_catalog.git_host import file_address
from headwater_catalog.jobs import FINISHED, STATES, State
from headwater_catalog.personal import HIDDEN, ShownRun, hidden_in, shown_run
from headwater_catalog.store.models import Run
from headwater_catalog.value_comparison import comparison_with
from headwater_web.access import actor
from headwater_web.changing_jobs import cancel_job
from headwater_web.dates import duration, iso
from headwater_web.downloading import saved_file
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import NUMBER, catalog, number_asked, offset_asked, reading
from headwater_web.run_choice import CONFIG, field_text
from headwater_web.run_figures import column_bars, figure, node_columns, waterfall

__all__ = ["blueprint"]

blueprint = Blueprint("runs", __name__)

_LISTED = 100
_PROFILED = 200  # columns of nodes on the page; JSON has all
_PAGE = 50  # rows of a table
_COLUMNS = (
    *("run", "state", "repository", "dataflow", "commit", "outputs", "config"),
    *("requested_at", "requested_by", "started_at", "finished_at", "error"),
)


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
        + (_config(run), iso(run.job.created_at), run.job.requested_by, _instant(run.job.started_at))
        + (_instant(run.job.finished_at), run.job.error)
        for run in _listed(MOST_ROWS)
    )
    return Table("runs", _COLUMNS, rows)


def _listed(limit: int, before: int | None = None) -> list[Run]:
    days, state = number_asked("days"), request.args.get("state", "")
    since = g.now - 86_400 * days if days else None
    return catalog_runs.list_runs(reading(), state=state, since=since, before=before, limit=limit)


def _config(run: Run) -> Mapping[str, Any]:
    return hidden_in(run, actor().sees_personal(run.repository_id)).config(run.config)


def _instant(at: int | None) -> str | None:
    return iso(at) if at is not None else None


@blueprint.get(f"/runs/{NUMBER}")
def run(number: int) -> str:
    """Show a run."""
    return render_template("run.html", **_context(number))


@blueprint.get(f"/runs/{NUMBER}/state")
def state(number: int) -> str:
    """Give the part of a run's page that changes until it is done."""
    return render_template("run_part.html", **_context(number))


@as_files(blueprint, f"/runs/{NUMBER}/table")
def first_rows(number: int) -> Table:
    """Give the first rows of what a run computed as a table."""
    table = shown_run(*_seen(number)).table
    if table is None:
        raise NotFound(f"Run {number} has no table.")
    names = [column["name"] for column in table["columns"]]
    rows = ([_cell(c, v) for c, v in zip(table["columns"], row, strict=True)] for row in table["rows"])
    return Table(f"run-{number}", names, rows)


@blueprint.get(f"/runs/{NUMBER}/file")
def file(number: int) -> ResponseReturnValue:
    """Give the whole table that a run has saved to those who could make it, and may see all of it."""
    return saved_file(number)


@blueprint.post(f"/runs/{NUMBER}/cancel")
def cancel(number: int) -> ResponseReturnValue:
    """Cancel a run that waits or goes on."""
    cancel_job(catalog_runs.get_run(reading(), number).job_id)
    return redirect(url_for("runs.run", number=number), 303)


def _seen(number: int) -> tuple[Run, bool]:
    """Return a run, and whether the reader may see personal data in it."""
    found = catalog_runs.get_run(reading(), number)
    return found, actor().sees_personal(found.repository_id)


def _context(number: int) -> dict[str, Any]:
    found, sees = _seen(number)
    shown = shown_run(found, sees)
    offset = offset_asked()
    return {
        "run": found,
        "shown": shown,
        "erased": erased_in_runs(reading(), number),
        "is_finished": found.job.state in FINISHED,
        "may_run": actor().may(Role.RUNNER, found.repository_id),
        "rows": shown.table["rows"][offset : offset + _PAGE] if shown.table else (),
        "offset": offset,
        "limit": _PAGE,
        "numeric": _numeric(shown.table),
        "bars": [column_bars(column) for column in shown.table["columns"]] if shown.table else (),
        "waterfall": waterfall(found.nodes),
        "profiled": node_columns(found.nodes, shown.profiles),
        "most_profiled": _PROFILED,
        "total": sum(node.microseconds for node in found.nodes),
        "saved": version_of_run(reading(), number),
        "address": _address(found),
        "again": _again(found, shown),
        "before": _before(found),
        "compared": comparison_with(reading(), number),
        "signs": catalog().settings.manifest_signing_key() is not None,
        "took": _took,
        "figure": figure,
    }


def _address(run: Run) -> Callable[[str, int], str | None]:
    return lambda path, line: file_address(run.repository.url, run.commit.sha, path, line)


def _again(run: Run, shown: ShownRun) -> str:
    """Return the address of the form that asks for the same once more; files have to be sent anew."""
    config = {} if shown.is_masked else run.config
    literals = {} if shown.is_masked else {n: i for n, i in run.inputs.items() if "value" in i}
    asked: dict[str, Any] = {
        "at": run.commit.sha,
        "dataflow": run.dataflow,
        "output": run.outputs,
        "env": run.env,
        "executor": run.executor,
        "sample": run.sample,
        "save": run.job.payload.get("save"),
        "saver": run.job.payload.get("saver"),
        "dataset": run.job.payload.get("dataset"),
        "anew": None if run.job.payload.get("use_kept", True) else "yes",
        "profile": "yes" if run.job.payload.get("profile") else None,
        "inputs": "\n".join(f"{name}={json.dumps(given['value'])}" for name, given in literals.items())
        or None,
        **{f"{CONFIG}{key}": field_text(value) for key, value in config.items()},
    }
    return url_for("run_form.form", repo=run.repository.name, **asked)


def _before(run: Run) -> Run | None:
    """Return the run of the same dataflow before this one, to compare with."""
    earlier = catalog_runs.list_runs(
        reading(), run.repository, dataflow=run.dataflow, before=run.id, state=State.SUCCEEDED, limit=1
    )
    return next(iter(earlier), None)


def _cell(column: Mapping[str, Any], value: str | None) -> str | None:
    return HIDDEN if column.get("masked") else value


def _numeric(table: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the columns whose cells are numbers, which are set flush right."""
    columns = table["columns"] if table else []
    kinds = ("int", "float", "uint", "Int", "Float", "UInt", "complex", "decimal")
    return frozenset(column["name"] for column in columns if column["type"].startswith(kinds))


def _took(found: Run) -> str:
    """Say how long a run took; empty while it goes on. Jobs are timed in whole seconds."""
    started, finished = found.job.started_at, found.job.finished_at
    if started is None or finished is None:
        return ""
    return duration((finished - started) * 1_000_000) if finished > started else "under 1 s"
