"""Suggestions: what looks classified and says nothing of it, as a list, a patch or a branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from headwater_catalog.datasets import version_of_run
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.governance.tag_patch import TagPatch
from headwater_catalog.pushed_branches import PushedBranch
from headwater_catalog.runs import get_run
from headwater_catalog.suggested import accepted, reached_at
from headwater_web.errors import status_of
from headwater_web.lists import Table, as_files
from headwater_web.reading import NUMBER, AsOf, as_of, moment_named, offset_asked, reading
from headwater_web.suggesting import look_at, patched, pushed, suggested

__all__ = ["blueprint"]

blueprint = Blueprint("suggestions", __name__)

_PAGE: Final = 100
_COLUMNS: Final = ("key", "classification", "value", "reasons", "path", "line", "owners", "reaches")


@blueprint.get("/r/<repo>/suggestions")
def suggestions(repo: str) -> str:
    """List what looks classified and says nothing of it."""
    return _page(as_of(repo))


@as_files(blueprint, "/r/<repo>/suggestions")
def all_suggestions(repo: str) -> Table:
    """Give the suggestions as a table."""
    rows = (
        (each.key, each.classification, each.value, list(each.reasons), each.path, each.line)
        + (list(each.owners), each.reaches)
        for each in suggested(as_of(repo).moment)
    )
    return Table("suggestions", _COLUMNS, rows)


@blueprint.post("/r/<repo>/suggestions")
def accept(repo: str) -> ResponseReturnValue:
    """Show the patch of accepted suggestions, give it as a file, or push it as a branch."""
    at = request.form.get("at") or None
    try:
        return _accepted(repo, at, request.form.get("how"))
    except Conflict as refused:
        return _page(AsOf(moment_named(repo, at), at), error=str(refused)), status_of(refused)


def _accepted(repo: str, at: str | None, how: str | None) -> ResponseReturnValue:
    moment = moment_named(repo, at)
    wanted = accepted(suggested(moment), _chosen())
    if how == "branch":
        branch = pushed(moment_named(repo, None), wanted)
        return _page(AsOf(moment_named(repo, None), None), branch=branch), 201
    patch = patched(moment, wanted)
    if how == "file":
        answer = Response(_told(patch) + patch.diff, content_type="text/x-patch")
        answer.headers.set("Content-Disposition", "attachment", filename=f"classify-{repo}.patch")
        return answer
    return _page(AsOf(moment, at), wanted=wanted, patch=patch)


@blueprint.post(f"/runs/{NUMBER}/looks")
def look(number: int) -> ResponseReturnValue:
    """Look at the values that a run has saved, and lead to the page of the dataset."""
    run = get_run(reading(), number)
    version = version_of_run(reading(), run.id)
    if version is None:
        raise NotFound(f"Run {number} saved no table, so there is nothing to look at.")
    repo, name = run.repository.name, version.dataset.name
    look_at(repo, name, number)
    return redirect(url_for("datasets.dataset", repo=repo, name=name, run=number, _anchor="looks"), 303)


def _page(
    view: AsOf,
    *,
    wanted: Mapping[str, Mapping[str, str]] | None = None,
    patch: TagPatch | None = None,
    branch: PushedBranch | None = None,
    error: str = "",
) -> str:
    found, offset = suggested(view.moment), offset_asked()
    tag, _, key = request.args.get("of", "").partition(" ")
    of = next((each for each in found if (each.classification, each.key) == (tag, key)), None)
    return render_template(
        "suggestions.html",
        view=view,
        rows=found[offset : offset + _PAGE],
        total=len(found),
        offset=offset,
        limit=_PAGE,
        wanted=wanted,
        patch=patch,
        diff=patch.diff.decode("utf-8", "replace") if patch else "",
        branch=branch,
        error=error,
        of=of,
        reached=reached_at(view.moment, of) if of else (),
    )


def _chosen() -> list[tuple[str, str]]:
    """Return the suggestions that a form names, each by its classification and its key.

    Raises:
        Conflict: It names none.
    """
    chosen = [(tag, key) for tag, _, key in (each.partition(" ") for each in request.form.getlist("accept"))]
    if not chosen:
        raise Conflict("No suggestion was chosen: tick those that are right.")
    return chosen


def _told(patch: TagPatch) -> bytes:
    """Return lines that git passes over: what a patch lacks, and why."""
    # Each in its line, whatever it is called: behind an end of a line git would take it for a patch.
    lines = (" ".join(f"# Left out: {key}: {reason}.".split()) for key, reason in patch.left_out.items())
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
