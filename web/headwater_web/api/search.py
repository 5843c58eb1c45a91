"""Searches: features with a query, and the few hits that help somebody who types."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_web.api.answering import answer
from headwater_web.api.resources import Resource
from headwater_web.api.schemas.features import HitPageSchema, QuickQuery, QuickSchema, SearchQuery
from headwater_web.api.searching import find, found_answer

__all__ = ["resource"]

resource = Resource("search", "Searches by the query language, and suggestions while somebody types.")


@resource.get("/search", HitPageSchema, SearchQuery, errors=(404, 409))
def search_features(args: dict[str, Any]) -> Response:
    """Find the features that meet a query, the best first."""
    return found_answer(args)


@resource.get("/search/quick", QuickSchema, QuickQuery, errors=(404, 409))
def suggest_features(args: dict[str, Any]) -> Response:
    """Give the first hits of a query that somebody types."""
    page = find(args, None, 0, facets=False)
    hits = [
        {"repository": h.repository, "key": h.key, "name": h.name, "type": h.type, "summary": h.summary}
        for h in page.hits
    ]
    told = {"query": page.query.text, "total": page.total, "items": hits}
    return answer({**told, "suggestions": list(page.suggestions)})
