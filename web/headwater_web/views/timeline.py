"""The timeline of a repository: the commits of its main line, each with what it did to features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flask import Blueprint, render_template, request

from headwater_catalog.compare import CLASSES
from headwater_catalog.main_line import count_changes, list_authors, list_commits
from headwater_catalog.refs import RefView, list_refs
from headwater_web.reading import as_of, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("timeline", __name__)

_PAGE: Final = 50


@blueprint.get("/r/<repo>/timeline")
def commits(repo: str) -> str:
    """List the commits of the main line, the newest first."""
    view = as_of(repo)
    author, touching = request.args.get("author") or None, request.args.get("touching") == "1"
    page = list_commits(
        reading(),
        view.repository,
        until=view.moment.base,
        author=author,
        touching=touching,
        limit=_PAGE,
        offset=offset_asked(),
    )
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


def _marks(refs: Iterable[RefView]) -> dict[str, list[RefView]]:
    found: dict[str, list[RefView]] = {}
    for ref in refs:
        found.setdefault(ref.sha, []).append(ref)
    return found
