"""The catalog of a commit as one file."""

from __future__ import annotations

from flask import Blueprint, Response

from headwater_web.giving import exported_file

__all__ = ["blueprint"]

blueprint = Blueprint("exports", __name__)


@blueprint.get("/r/<repo>/catalog.sqlite")
def catalog_file(repo: str) -> Response:
    """Give a repository at a commit as one SQLite file."""
    return exported_file(repo)
