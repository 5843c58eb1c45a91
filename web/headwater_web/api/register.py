"""Joins the resources of the API to the application, and writes down what they are."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from flask import Flask
from flask_smorest import Api  # type: ignore[import-untyped]

from headwater_web.api import (
    account,
    accounts,
    audit,
    commits,
    compare,
    dataflows,
    datasets,
    documentation,
    erasures,
    events,
    features,
    governance,
    jobs,
    lineage,
    modules,
    operations,
    partitions,
    redundancy,
    repositories,
    runs,
    search,
    subscriptions,
    suggestions,
    tables,
    tokens,
    upkeep,
)
from headwater_web.api.problems import PROBLEM_TYPE
from headwater_web.api.resources import PREFIX
from headwater_web.api.schemas.problems import ProblemSchema

__all__ = ["register_api"]

_ABOUT = (
    "Everything that the pages of Headwater show and do. A list answers `items` and `next`: give `next` as "
    "`cursor` to get what follows, which stays the same while commits come in. `at` names a branch, a tag "
    "or a commit. Answers carry an ETag; errors are problem documents (RFC 9457)."
)


_RESOURCES = (
    *(repositories, features, search, lineage, tables, commits, compare, dataflows, modules, runs),
    *(partitions, datasets, audit, governance, redundancy, upkeep, erasures, subscriptions, suggestions),
    *(jobs, operations, events, accounts, account, tokens),
)


class _Api(Api):  # type: ignore[misc]  # flask-smorest has no types
    """Describes the resources when that is asked for: it takes longer than all else of an application.

    Errors are described as the problem documents that they are; the application answers them itself.
    """

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = ProblemSchema

    def serve(self, blueprint: Any) -> None:
        """Serve a resource, which is described later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint, url_prefix=PREFIX)

    def describe(self) -> dict[str, Any]:
        """Return what all resources are; to be asked for once."""
        for module in _RESOURCES:
            blueprint = module.resource.blueprint
            named = {"name": blueprint.name, "parameters": None}
            blueprint.register_views_in_doc(self, self._app, self.spec, **named)
            self.spec.tag({"name": blueprint.name, "description": blueprint.description})
        return dict(self.spec.to_dict())

    def _register_error_handlers(self) -> None:
        """Leave errors to the application, which has one table of them."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            told: dict[str, Any] = {"description": status.phrase}
            if status.value >= 400:
                told["content"] = {PROBLEM_TYPE: {"schema": self.ERROR_SCHEMA}}
            self.spec.components.response(status.name, told, lazy=True)


def register_api(app: Flask) -> None:
    """Serve the API; its unsafe methods need no CSRF token, since each is guarded in another way."""
    api = _Api(
        app,
        spec_kwargs={
            "title": "Headwater",
            "version": version("headwater"),
            "openapi_version": "3.1.0",
            "info": {"description": _ABOUT},
            "servers": [{"url": "/"}],
        },
    )
    for module in _RESOURCES:
        blueprint = module.resource.blueprint
        app.extensions["csrf"].exempt(blueprint)
        api.serve(blueprint)
    documentation.attach(app, api.describe)
