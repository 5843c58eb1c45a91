"""Errors of the API as problem documents: what is wrong, where, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Response, request
from werkzeug.exceptions import HTTPException

from headwater_catalog.errors import CatalogError, QueryError
from headwater_catalog.features import AmbiguousName

__all__ = ["PROBLEM_TYPE", "is_for_api", "kinds_of_problems", "problem"]

PROBLEM_TYPE: Final = "application/problem+json"
_LOCATIONS: Final = {"query": "query", "json": "body"}


def is_for_api() -> bool:
    """Tell whether this request wants an answer for programs."""
    return request.path.startswith("/api/")


def problem(status: int, title: str, detail: str, error: Exception | None = None) -> Response:
    """Return the answer that tells of an error.

    Args:
        status: Its HTTP status.
        title: What sort of error it is, in a few words.
        detail: What is wrong here, and what to do.
        error: What was raised, which may tell more.
    """
    if status == 404 and request.url_rule is None:
        detail = "Nothing is at this address. What there is stands in /api/v1/docs"
    told = {"type": _type(error), "title": title, "status": status, "detail": detail, **_more(error)}
    answer = Response(json.dumps(told), status, content_type=PROBLEM_TYPE)
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name == "Allow":
                answer.headers[name] = value
    return answer


def kinds_of_problems() -> list[tuple[str, str]]:
    """Return the names of the sorts of problems that are told apart, each with what it is."""
    kinds = [*CatalogError.__subclasses__(), AmbiguousName]
    return [(_name(kind), (kind.__doc__ or "").partition("\n")[0]) for kind in kinds]


def _type(error: Exception | None) -> str:
    if not isinstance(error, CatalogError):
        return "about:blank"  # the status says it all
    return f"/api/v1/docs#problem-{_name(type(error))}"


def _name(kind: type[Exception]) -> str:
    return "-".join(re.findall("[A-Z][a-z]*", kind.__name__)).lower()


def _more(error: Exception | None) -> dict[str, Any]:
    """Return what a program can do something with."""
    if isinstance(error, QueryError):
        return {"position": error.position}
    if isinstance(error, AmbiguousName):
        return {"candidates": list(error.candidates)}
    messages = getattr(error, "data", {}).get("messages") if isinstance(error, HTTPException) else None
    return {"errors": list(_faults(messages))} if messages else {}


def _faults(messages: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield which parameters are wrong, where they are, and why."""
    for location, found in messages.items():
        for name, why in _named(found):
            yield {"in": _LOCATIONS.get(location, location), "parameter": name, "detail": why}


def _named(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(found, Mapping):
        for name, inner in found.items():
            here = "" if name == "_schema" else str(name)
            yield from _named(inner, f"{path}.{here}".strip("."))
    else:
        texts = found if isinstance(found, list) else [found]
        yield path, " ".join(map(str, texts))
