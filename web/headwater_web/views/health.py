"""Whether the server is up and its database answers."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from headwater_web.reading import catalog

__all__ = ["blueprint"]

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 when pages can be made; a database of another version answers 503 by its error."""
    catalog().database.check()
    return jsonify(status="ok")
