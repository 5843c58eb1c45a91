"""The timeline of a repository: the commits of its main line, each with what it did to features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from flask import Blueprint, render_template, request

from headwater_catalog.compare import CLASSES
from headwater_catalog.main_line import CommitPage, count_changes, list_authors, list_commits
from headwater_catalog.refs import RefView, list_refs
from headwater_web.dates import iso
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import AsOf, as_of, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("timeline", __name__)

_PAGE: Final = 50
_COUNTED: Final = 500  # commits whose changes are counted at once


@blueprint.get("/r/<repo>/timeline")
def commits(repo: str) -> str:
    """List the commits of the main line, the newest first."""
    view = as_of(repo)
    author, touching = request.args.get("author") or None, request.args.get("touching") == "1"
    page = _page(view, _PAGE, offset_asked())
    positions = [commit.position for commit in page.commits if commit.position is not None]
    return render_template(
        "timeline.html",
        view=view,
        page=page,
        counts=count_changes(reading(), view.repository, positions),
        classes=CLASSES,
        marks=_marks(list_refs(reading(), view.repository)),
        authors=list_authors(reading(), view.repository),
        author=author,
        touching=touching,
        offset=offset_asked(),
        limit=_PAGE,
    )


@as_files(blueprint, "/r/<repo>/timeline")
def all_commits(repo: str) -> Table:
    """Give the commits as a table."""
    view = as_of(repo)
    commits = _page(view, MOST_ROWS, 0).commits
    counts: dict[int, Mapping[str, int]] = {}
    for first in range(0, len(commits), _COUNTED):
        some = [commit.position for commit in commits[first : first + _COUNTED]]
        counts |= count_changes(reading(), view.repository, [each for each in some if each is not None])
    marks = _marks(list_refs(reading(), view.repository))
    rows = (
        (commit.sha, iso(commit.authored_at), commit.author, commit.subject)
        + ([ref.name for ref in marks.get(commit.sha, ())], counts.get(commit.position or 0, {}))
        for commit in commits
    )
    return Table("commits", ("commit", "authored_at", "author", "subject", "refs", "changes"), rows)


def _page(view: AsOf, limit: int, offset: int) -> CommitPage:
    return list_commits(
        reading(),
        view.repository,
        until=view.moment.base,
        author=request.args.get("author") or None,
        touching=request.args.get("touching") == "1",
        limit=limit,
        offset=offset,
    )


def _marks(refs: Iterable[RefView]) -> dict[str, list[RefView]]:
    found: dict[str, list[RefView]] = {}
    for ref in refs:
        found.setdefault(ref.sha, []).append(ref)
    return found
