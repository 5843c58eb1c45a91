"""How an endpoint of the API is declared: its address, its parameters, its answer, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn, TypeVar

import marshmallow
from flask import Request, abort
from flask_smorest import Blueprint  # type: ignore[import-untyped]
from webargs.core import Parser
from webargs.flaskparser import FlaskParser

from headwater_web.api.guard import guard_unsafe

__all__ = ["DATAFLOW", "KEY", "NUMBER", "PREFIX", "REPOSITORY", "SHA", "Resource"]

PREFIX: Final = "/api/v1"

_Parameter = Mapping[str, Any]


def _parameter(name: str, description: str, **schema: Any) -> _Parameter:
    told = {"name": name, "in": "path", "required": True, "description": description}
    return {**told, "schema": {"type": "string", "minLength": 1, **schema}} if schema else told


REPOSITORY: Final = _parameter(
    "repo", "Name of a repository.", pattern="^[a-z0-9][a-z0-9._-]{0,99}$", format="repository"
)
KEY: Final = _parameter("key", "`module:name` of a feature, or a name that only one has.", format="feature")
SHA: Final = _parameter("sha", "A commit, or a branch or a tag.", format="ref")
DATAFLOW: Final = _parameter("name", "Name of a dataflow.", format="dataflow")
NUMBER: Final = {**_parameter("number", "Number of a run."), "example": 1}

_View = TypeVar("_View", bound=Callable[..., Any])


_UNKNOWN: Final = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": marshmallow.RAISE}


class _Parser(FlaskParser):
    """Refuses parameters that nothing knows, and JSON of which Python's reader makes an inner error."""

    DEFAULT_UNKNOWN_BY_LOCATION = _UNKNOWN

    def load_json(self, req: Request, schema: marshmallow.Schema) -> Any:
        """Return the body of a request."""
        try:
            return Parser.load_json(self, req, schema)
        except (RecursionError, ValueError):
            abort(400, "The body is nested too deeply, or holds a number that is too long.")

    def _handle_invalid_json_error(self, error: ValueError, *_args: Any, **_more: Any) -> NoReturn:
        abort(400, f"The body is no JSON: {error}.")


class _Blueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    ARGUMENTS_PARSER = _Parser()


class Resource:
    """A family of endpoints, which the documentation shows together.

    Args:
        name: Its name.
        description: What it is about, in one sentence.
    """

    def __init__(self, name: str, description: str) -> None:
        self.blueprint = _Blueprint(f"api_{name}", __name__, description=description)
        self.blueprint.before_request(guard_unsafe)
        self._tag = name

    def get(
        self,
        rule: str,
        answer: type[marshmallow.Schema],
        query: type[marshmallow.Schema],
        path: Iterable[_Parameter] = (),
        errors: Iterable[int] = (404,),
    ) -> Callable[[_View], _View]:
        """Declare what answers GET; the view is given the parameters of the query, then those of the path."""

        def declare(view: _View) -> _View:
            self._declare(rule, "GET", view, (200, answer), (query, "query"), path, (304, 400, *errors, 503))
            return view

        return declare

    def post(
        self,
        rule: str,
        status: int,
        answer: type[marshmallow.Schema],
        body: type[marshmallow.Schema],
        errors: Iterable[int] = (),
    ) -> Callable[[_View], _View]:
        """Declare what answers POST; the view is given the body."""

        def declare(view: _View) -> _View:
            found = (400, 403, *errors, 413, 415, 503)
            self._declare(rule, "POST", view, (status, answer), (body, "json"), (), found)
            return view

        return declare

    def _declare(
        self,
        rule: str,
        method: str,
        view: Callable[..., Any],
        answer: tuple[int, type[marshmallow.Schema]],
        given: tuple[type[marshmallow.Schema], str],
        path: Iterable[_Parameter],
        errors: Iterable[int],
    ) -> None:
        blueprint, (status, schema), (arguments, location) = self.blueprint, answer, given
        view = blueprint.response(status, schema, headers=_headers(status))(view)
        for error in errors:
            view = blueprint.alt_response(error, HTTPStatus(error).name)(view)
        view = blueprint.arguments(arguments, location=location)(view)
        operation = f"{method.lower()}_{view.__name__}"
        view = blueprint.doc(operationId=operation)(view)
        options: dict[str, Any] = {"methods": [method], "tags": [self._tag], "merge_slashes": False}
        blueprint.add_url_rule(rule, None, view, parameters=[dict(each) for each in path], **options)


def _headers(status: int) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    if status == HTTPStatus.OK:
        return {"ETag": {"description": "Names this very answer; for If-None-Match.", **text}}
    return {"Location": {"description": "Where to look for what was made.", **text}}
