"""The page by which a browser searches an exported site; without scripts it tells where the lists are."""

from __future__ import annotations

from flask import Blueprint, render_template

__all__ = ["blueprint"]

blueprint = Blueprint("site", __name__)


@blueprint.get("/search/site")
def search() -> str:
    """Show the page, which a script fills."""
    return render_template("site_search.html")
