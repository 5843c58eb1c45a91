"""The search page, and the few hits that drop down from the box on other pages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request

from headwater_catalog.errors import NotFound, QueryError
from headwater_catalog.query import FIELDS, term_text
from headwater_catalog.search import Facet, FacetValue, SearchHit, SearchPage, Sort, heads
from headwater_catalog.search import search as find
from headwater_catalog.store.models import Subscription
from headwater_catalog.subscriptions.lookup import saved_queries
from headwater_catalog.subscriptions.watched import Watched
from headwater_web.access import actor
from headwater_web.hit_rows import hit_row
from headwater_web.lists import MOST_ROWS, Table, as_files
from headwater_web.reading import AsOf, as_of, catalog, exported, offset_asked, reading

__all__ = ["blueprint"]

blueprint = Blueprint("search", __name__)

_PAGE = 30
_KEPT = 200  # of a page that is a file
_QUICK = 8
_SAVED = 6  # queries of who reads; all of them are on a page of their own
_COLUMNS = ("repository", "key", "name", "module", "type", "owner", "summary", "tags", "needs", "gone_after")
_SORTS = {
    Sort.RELEVANCE: "relevance",
    Sort.NAME: "name",
    Sort.MODULE: "module",
    Sort.CHANGED: "last changed",
    Sort.USED: "most used",
}
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
    # What is kept as a file cannot be narrowed down, and has no server that would give the next page at once.
    is_kept = exported() is not None
    answer = _answer(view, _KEPT if is_kept else _PAGE, offset_asked(), facets=not is_kept)
    narrower = [] if answer.page is None else _narrower(answer.page)
    return render_template(
        "search.html",
        answer=answer,
        rows=[hit_row(hit) for hit in answer.page.hits] if answer.page else [],
        view=view,
        repo=repo,
        sort=_sort(),
        sorts=_SORTS,
        narrower=narrower,
        saved=[(each.name, Watched.of(each.watch).path) for each in _saved()],
        gone=_gone(view, answer),
        fields=FIELDS.values(),
    )


@as_files(blueprint, "/search")
def found() -> Table:
    """Give everything that a query finds, as a table."""
    repo = request.args.get("repo") or None
    moments = [as_of(repo).moment] if repo else heads(reading(), catalog().settings)
    page = find(moments, _text(), base=request.args.get("base") or None, limit=MOST_ROWS, sort=_sort())
    rows = (
        (hit.repository, hit.key, hit.name, hit.module, hit.type, hit.owner, hit.summary)
        + (hit.tags, hit.dependencies, hit.last_sha)
        for hit in page.hits
    )
    return Table("features", _COLUMNS, rows)


@blueprint.get("/search/quick")
def quick() -> str:
    """Give the first hits of a query, to be shown below the box; nothing for an empty one."""
    if not _text().strip():
        return ""
    repo = request.args.get("repo") or None
    view = as_of(repo) if repo else None
    return render_template("quick.html", answer=_answer(view, _QUICK, 0), repo=repo)


def _saved() -> Sequence[Subscription]:
    return saved_queries(reading(), actor().account_id, _SAVED)


def _answer(view: AsOf | None, limit: int, offset: int, *, facets: bool = False) -> Answer:
    began = time.perf_counter()
    page, error = None, None
    base = request.args.get("base") or None
    try:
        moments = [view.moment] if view else heads(reading(), catalog().settings)
        page = find(moments, _text(), base=base, limit=limit, offset=offset, facets=facets, sort=_sort())
    except (QueryError, NotFound) as misread:
        error = str(misread)
    return Answer(_text(), page, error, 1000 * (time.perf_counter() - began))


def _gone(view: AsOf | None, answer: Answer) -> tuple[SearchHit, ...]:
    """Return features of the asked name that are gone, where nothing that is there was found."""
    page = answer.page
    if page is None or page.total or not page.query.name:
        return ()
    moments = [view.moment] if view else heads(reading(), catalog().settings)
    # Whatever is gone went away before the end of all years.
    asked = " ".join(term for term in ("removed:>1970-01-01", term_text("name", page.query.name)) if term)
    try:
        return find(moments, asked, limit=_QUICK).hits
    except (QueryError, NotFound):  # such as beside the main line, where the history does not say
        return ()


def _narrower(page: SearchPage) -> list[Facet]:
    """Return what some of the hits have in common, but not all; a value that all have narrows nothing."""
    kept = (Facet(facet.field, _some(facet.values, page.total)) for facet in page.facets)
    return [facet for facet in kept if facet.values]


def _some(values: Sequence[FacetValue], total: int) -> tuple[FacetValue, ...]:
    return tuple(value for value in values if value.count < total)[:_SHOWN]


def _sort() -> Sort:
    """Return the order that the address asks for; that of relevance where it asks for none that there is."""
    asked = request.args.get("sort", "")
    return Sort(asked) if asked in set(Sort) else Sort.RELEVANCE


def _text() -> str:
    return request.args.get("q", "")[:400]
