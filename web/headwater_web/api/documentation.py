"""What the API is: a document for programs, and the same as a page for people."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request

from headwater_web.api.answering import answer
from headwater_web.api.problems import kinds_of_problems
from headwater_web.api.reference import groups_of, shapes_of
from headwater_web.api.resources import PREFIX
from headwater_web.docs import render_lead
from headwater_web.reading import catalog

__all__ = ["attach"]


def attach(app: Flask, describe: Callable[[], dict[str, Any]]) -> None:
    """Serve the description of the API at the two addresses that it has.

    Args:
        app: The application.
        describe: Makes the document; called once, for the first who asks.
    """
    making = Lock()

    @cache
    def made() -> tuple[dict[str, Any], dict[str, Any]]:
        document = describe()
        return document, _page(document)

    def told() -> tuple[dict[str, Any], dict[str, Any]]:
        with making:  # two at once would both describe everything
            return made()

    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        """Give the document."""
        return answer(told()[0])

    @blueprint.get("/docs")
    def docs() -> str:
        """Show the page."""
        site = catalog().settings.url or request.host_url.rstrip("/")
        return render_template("api.html", site=site, **told()[1])

    app.register_blueprint(blueprint)


def _page(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "about": document["info"],
        "groups": groups_of(document),
        "shapes": shapes_of(document),
        "problems": kinds_of_problems(),
        "said": render_lead,
    }
