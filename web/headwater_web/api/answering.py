"""Answers of the API: JSON with an ETag, and lists that go on by a cursor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Response, request

from headwater_web.api.cursors import Cursor

__all__ = ["answer", "page_answer"]


def answer(data: Mapping[str, Any], status: int = 200) -> Response:
    """Return data as JSON, or that it is still what the asker has of it."""
    found = Response(json.dumps(data, allow_nan=False), status, content_type="application/json")
    if request.method in ("GET", "HEAD"):
        found.set_etag(hashlib.sha256(found.get_data()).hexdigest()[:32])
        found.make_conditional(request)
    return found


def page_answer(items: Sequence[Any], following: Cursor | None, **more: Any) -> Response:
    """Return one page of a list.

    Args:
        items: What is on the page.
        following: Where the next page begins; None on the last one.
        more: What else there is to say.
    """
    cursor = following.text if following is not None else None
    found = answer({"items": items, "next": cursor, **more})
    if cursor is not None:
        # Relative to the address that was asked for, so that no proxy can make it wrong.
        kept = {**request.args.to_dict(), "cursor": cursor}
        found.headers["Link"] = f'<?{urlencode(kept)}>; rel="next"'
    return found
