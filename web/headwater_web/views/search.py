"""The search page, and the few hits that drop down from the box on other pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request

from headwater_catalog.errors import NotFound, QueryError
from headwater_catalog.query import FIELDS
from headwater_catalog.search import Facet, FacetValue, SearchPage, heads
from headwater_catalog.search import search as find
from headwater_web.reading import AsOf, as_of, catalog, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("search", __name__)

_PAGE = 30
_QUICK = 8
_SHOWN = 8  # values of a facet; the rest is a word away


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search came to: a page of hits, or the reason why the query cannot be understood."""

    text: str
    page: SearchPage | None
    error: str | None
    milliseconds: float


@blueprint.get("/search")
def search() -> str:
    """Show the features that meet a query."""
    repo = request.args.get("repo") or None
    view = as_of(repo) if repo else None
    answer = _answer(view, _PAGE, offset_asked(), facets=True)
    narrower = [] if answer.page is None else _narrower(answer.page)
    return render_template(
        "search.html", answer=answer, view=view, repo=repo, narrower=narrower, fields=FIELDS.values()
    )


@blueprint.get("/search/quick")
def quick() -> str:
    """Give the first hits of a query, to be shown below the box; nothing for an empty one."""
    if not _text().strip():
        return ""
    repo = request.args.get("repo") or None
    view = as_of(repo) if repo else None
    return render_template("quick.html", answer=_answer(view, _QUICK, 0), repo=repo)


def _answer(view: AsOf | None, limit: int, offset: int, *, facets: bool = False) -> Answer:
    began = time.perf_counter()
    page, error = None, None
    base = request.args.get("base") or None
    try:
        moments = [view.moment] if view else heads(reading(), catalog().settings)
        page = find(moments, _text(), base=base, limit=limit, offset=offset, facets=facets)
    except (QueryError, NotFound) as misread:
        error = str(misread)
    return Answer(_text(), page, error, 1000 * (time.perf_counter() - began))


def _narrower(page: SearchPage) -> list[Facet]:
    """Return what some of the hits have in common, but not all; a value that all have narrows nothing."""
    kept = (Facet(facet.field, _some(facet.values, page.total)) for facet in page.facets)
    return [facet for facet in kept if facet.values]


def _some(values: Sequence[FacetValue], total: int) -> tuple[FacetValue, ...]:
    return tuple(value for value in values if value.count < total)[:_SHOWN]


def _text() -> str:
    return request.args.get("q", "")[:400]
