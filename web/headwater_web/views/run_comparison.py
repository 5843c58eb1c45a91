"""The page of two runs side by side."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from headwater_catalog.errors import Conflict
from headwater_catalog.run_comparison import compare_runs
from headwater_catalog.runs import get_run
from headwater_web.access import actor
from headwater_web.reading import catalog, number_asked, reading
from headwater_web.run_figures import figure

__all__ = ["blueprint"]

blueprint = Blueprint("run_comparison", __name__)


@blueprint.get("/runs/compare")
def compare() -> str:
    """Show what differs between two runs."""
    numbers = number_asked("a"), number_asked("b")
    if None in numbers:
        given = request.args.get("a", ""), request.args.get("b", "")
        raise Conflict(
            f"Give the numbers of two runs, as in ?a=1&b=2, not {given[0]!r:.40} and {given[1]!r:.40}."
        )
    before, after = (get_run(reading(), number or 0) for number in numbers)
    sees = actor().sees_personal(after.repository_id)
    found = compare_runs(reading(), catalog().settings, before, after, sees_personal=sees)
    return render_template("run_comparison.html", found=found, figure=figure)
