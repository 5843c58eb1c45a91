"""What the API is: a document for programs, and the same as a page for people."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from flask import Blueprint, Flask, Response, render_template, request

from headwater_web.api.answering import answer
from headwater_web.api.problems import kinds_of_problems
from headwater_web.api.reference import groups_of, shapes_of
from headwater_web.api.resources import PREFIX
from headwater_web.docs import render_lead
from headwater_web.reading import catalog

__all__ = ["attach"]


def attach(app: Flask, spec: APISpec) -> None:
    """Serve the description of the API at the two addresses that it has."""
    document: dict[str, Any] = spec.to_dict()
    page = {
        "about": document["info"],
        "groups": groups_of(document),
        "shapes": shapes_of(document),
        "problems": kinds_of_problems(),
        "said": render_lead,
    }
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        """Give the document."""
        return answer(document)

    @blueprint.get("/docs")
    def docs() -> str:
        """Show the page."""
        return render_template(
            "api.html", site=catalog().settings.url or request.host_url.rstrip("/"), **page
        )

    app.register_blueprint(blueprint)
