"""The page of two runs side by side, and of their values, where these are compared."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from headwater_catalog.accounts import Role
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.run_comparison import RunComparison, compare_runs
from headwater_catalog.runs import get_run
from headwater_catalog.value_comparison import cancel_comparison, find_comparison
from headwater_web.access import actor, require, writing
from headwater_web.lists import Table, as_files
from headwater_web.reading import catalog, number_asked, reading
from headwater_web.run_figures import figure
from headwater_web.value_figures import column_values

__all__ = ["blueprint"]

blueprint = Blueprint("run_comparison", __name__)

_DRAWN = 40  # columns, each with how its values are spread


@blueprint.get("/runs/compare")
def compare() -> str:
    """Show what differs between two runs."""
    return render_template("run_comparison.html", **_context(_found()))


@blueprint.get("/runs/compare/state")
def state() -> Response:
    """Give the part of the page that changes until the values are compared; then the whole page is due."""
    found = _found()
    if found.values is None:
        raise NotFound(_not_asked(found.before.id, found.after.id))
    answer = make_response(render_template("run_values_part.html", **_context(found)))
    if found.values.verdict:
        answer.headers["HX-Refresh"] = "true"
    return answer


@as_files(blueprint, "/runs/compare/rows")
def rows() -> Table:
    """Give the first rows in which values differ as a table, a cell that differs in each row."""
    found = _found()
    details = found.values.details if found.values is not None else {}
    if "rows" not in details:
        raise NotFound(f"The values of runs {found.before.id} and {found.after.id} were not compared.")
    keys = details["matched_by"] or ["row"]
    cells = (
        (*(row["key"] or [row["row"]]), name, pair[0], pair[1])
        for row in details["examples"]
        for name, pair in row["cells"].items()
    )
    columns = (*keys, "column", "before", "after")
    return Table(f"runs-{found.before.id}-{found.after.id}", columns, cells)


@blueprint.post("/runs/compare/cancel")
def cancel() -> ResponseReturnValue:
    """Cancel those of two runs that wait or go on."""
    a, b = _numbers(request.form.get("a", ""), request.form.get("b", ""))
    require(Role.RUNNER, get_run(reading(), b).repository)
    with writing() as session:
        comparison = find_comparison(session, a, b)
        if comparison is None:
            raise NotFound(_not_asked(a, b))
        cancel_comparison(session, comparison, actor().name)
    return redirect(url_for("run_comparison.compare", a=a, b=b), 303)


def _not_asked(a: int, b: int) -> str:
    return f"Nobody has asked to compare the values of runs {a} and {b}. The form of a run does."


def _found() -> RunComparison:
    a, b = number_asked("a"), number_asked("b")
    if a is None or b is None:
        _numbers(request.args.get("a", ""), request.args.get("b", ""))
    before, after = (get_run(reading(), number or 0) for number in (a, b))
    sees = actor().sees_personal(after.repository_id)
    return compare_runs(reading(), catalog().settings, before, after, sees_personal=sees)


def _numbers(a: str, b: str) -> tuple[int, int]:
    """Return the numbers of two runs.

    Raises:
        Conflict: They are none.
    """
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in (a, b)):
        raise Conflict(f"Give the numbers of two runs, as in ?a=1&b=2, not {a!r:.40} and {b!r:.40}.")
    return int(a), int(b)


def _context(found: RunComparison) -> dict[str, Any]:
    columns = column_values(found.values.details) if found.values is not None else []
    return {
        "found": found,
        "values": found.values,
        "columns": columns,
        "drawn": [column for column in columns if column.overlay or column.frequent or column.figures][
            :_DRAWN
        ],
        "is_going_on": found.values is not None and not found.values.verdict,
        "may_run": actor().may(Role.RUNNER, found.after.repository_id),
        "again": _again(found),
        "figure": figure,
    }


def _again(found: RunComparison) -> str | None:
    """Return the address of the form that compares the values of two runs of the same dataflow."""
    before, after = found.before, found.after
    if before.commit_id == after.commit_id or before.origin is not None or after.origin is not None:
        return None
    return url_for(
        "run_form.form",
        repo=after.repository.name,
        at=after.commit.sha,
        before=before.commit.sha,
        dataflow=after.dataflow,
        output=after.outputs,
        sample=after.sample,
        env=after.env,
    )
