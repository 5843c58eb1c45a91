"""Static files: their addresses carry a hash of the content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, Response, request, url_for

__all__ = ["STATIC", "register_assets"]

STATIC = Path(__file__).parent / "static"
_YEAR = 365 * 24 * 3600


def register_assets(app: Flask) -> None:
    """Give templates `asset(path)` and let browsers keep what was asked for by its hash."""
    app.add_template_global(_asset, "asset")
    app.after_request(_keep)


def _asset(path: str) -> str:
    return _address(request.script_root, path)


@lru_cache(maxsize=256)
def _address(root: str, path: str) -> str:
    # The root stands in the address, and an application is always asked under the same one.
    return url_for("static", filename=path, v=_version(path))


@cache
def _version(path: str) -> str:
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]


def _keep(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code in (200, 304) and request.args.get("v"):
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = _YEAR
        response.cache_control.immutable = True
    return response
