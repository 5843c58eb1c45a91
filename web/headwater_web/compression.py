"""Answers in gzip: static files once in a process, pages each time.

Who can see how long an encrypted page is, and can put guesses into it, learns from its compressed length
what else stands in it. So answers to forms, which show new tokens and secrets, are never compressed. Pages
hold one secret, the token of their forms: its signature is another one every second, and without that it
opens nothing. Besides, other sites cannot have a browser ask for pages with its session's cookie, unless
somebody clicks.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import Final

from flask import Flask, Response, request

__all__ = ["register_compression"]

_KINDS: Final = frozenset(
    (
        *("text/html", "text/css", "text/csv", "text/plain", "text/javascript", "application/javascript"),
        *("application/json", "application/problem+json", "image/svg+xml"),
    )
)
_LEAST: Final = 500  # bytes; less gains nothing
_LEVEL: Final = 5  # of pages, which are compressed while somebody waits


def register_compression(app: Flask) -> None:
    """Compress what is worth it, for those who can read it."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if not _is_worth_it(response):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") <= 0:
        return response
    body = _whole(response)
    if len(body) < _LEAST:
        return response
    response.set_data(_kept(body) if request.endpoint == "static" else gzip.compress(body, _LEVEL, mtime=0))
    response.content_encoding = "gzip"
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)  # the same content, in other bytes
    return response


def _is_worth_it(response: Response) -> bool:
    return (
        request.method in ("GET", "HEAD")
        and response.status_code == 200
        and response.mimetype in _KINDS
        and "Content-Encoding" not in response.headers
        and (request.endpoint == "static" or not response.is_streamed)
    )


def _whole(response: Response) -> bytes:
    source = response.response
    response.direct_passthrough = False  # a static file is short enough to be held
    body = response.get_data()
    if hasattr(source, "close"):
        source.close()  # the file: what is sent does not come from it any more
    return body


@lru_cache(maxsize=64)
def _kept(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
