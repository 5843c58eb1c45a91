"""The search page, and the few hits that drop down from the box on other pages."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, render_template, request

from headwater_catalog.errors import QueryError
from headwater_catalog.search import SearchHit, SearchPage
from headwater_catalog.search import search as find
from headwater_web.links import term
from headwater_web.reading import AsOf, as_of, reading

__all__ = ["blueprint"]

blueprint = Blueprint("search", __name__)

_PAGE = 30
_QUICK = 8
_FIELDS = ("owner", "tag", "module", "type")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search came to: a page of hits, or the reason why the query cannot be understood."""

    text: str
    page: SearchPage | None
    error: QueryError | None
    milliseconds: float


@blueprint.get("/search")
def search() -> str:
    """Show the features that meet a query."""
    repo = request.args.get("repo") or None
    view = as_of(repo) if repo else None
    answer = _answer(view, _PAGE, _offset())
    return render_template(
        "search.html", answer=answer, view=view, repo=repo, narrower=_narrower(answer.page)
    )


@blueprint.get("/search/quick")
def quick() -> str:
    """Give the first hits of a query, to be shown below the box; nothing for an empty one."""
    if not _text().strip():
        return ""
    repo = request.args.get("repo") or None
    view = as_of(repo) if repo else None
    return render_template("quick.html", answer=_answer(view, _QUICK, 0), repo=repo)


def _answer(view: AsOf | None, limit: int, offset: int) -> Answer:
    began = time.perf_counter()
    page, error = None, None
    try:
        page = find(
            reading(),
            _text(),
            repository=view.repository if view else None,
            position=view.position if view else None,
            limit=limit,
            offset=offset,
        )
    except QueryError as misread:
        error = misread
    return Answer(_text(), page, error, 1000 * (time.perf_counter() - began))


def _narrower(page: SearchPage | None) -> list[str]:
    """Return a term of each field that some of the hits meet, the most of them, but not all."""
    if page is None:
        return []
    terms = [(field, term(field, value)) for hit in page.hits for field, value in _values(hit)]
    best: dict[str, str] = {}
    for (field, text), count in Counter(terms).most_common():
        if count < page.total:
            best.setdefault(field, text)
    return [best[field] for field in _FIELDS if field in best]


def _values(hit: SearchHit) -> Iterator[tuple[str, str]]:
    """Yield what can be asked for to find the hit, by field."""
    yield "module", hit.module
    if plain := re.match(r"(?:\w+\.)*(\w+)(?:\[|$)", hit.type):
        yield "type", plain[1]
    for key, tagged in hit.tags.items():
        for value in tagged if isinstance(tagged, (list, tuple)) else [tagged]:
            if '"' not in str(value):  # which a term cannot say
                yield ("owner", str(value)) if key == "owner" else ("tag", f"{key}={value}")


def _text() -> str:
    return request.args.get("q", "")[:400]


def _offset() -> int:
    text = request.args.get("offset", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
