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

from headwater_web.api.guard import BYTES, guard_unsafe
from headwater_web.api.schemas.fields import NoQuery

__all__ = [
    "ACCOUNT",
    "DATAFLOW",
    "DATASET",
    "ERASURE",
    "JOB",
    "KEY",
    "MODULE",
    "PARTITIONED",
    "PREFIX",
    "REPOSITORY",
    "RUN",
    "SESSION",
    "SHA",
    "SUBSCRIPTION",
    "TABLE",
    "TELLING",
    "TOKEN",
    "Resource",
]

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
PARTITIONED: Final = _parameter("dataflow", "Name of a dataflow that has partitions.", format="dataflow")
TABLE: Final = _parameter("table", "Key of a table, or what the project calls it.", format="table")
MODULE: Final = _parameter("module", "Name of a module.", format="module")
DATASET: Final = _parameter("name", "Name of a dataset.", format="dataset")
ACCOUNT: Final = _parameter(
    "account", "Name of an account.", pattern="^[a-z0-9][a-z0-9._@+-]{0,99}$", format="account"
)
RUN: Final = {**_parameter("number", "Number of a run."), "example": 1}
JOB: Final = {**_parameter("number", "Number of a job."), "example": 1}
SESSION: Final = {**_parameter("number", "Number of a session."), "example": 1}
ERASURE: Final = {**_parameter("number", "Number of an erasure."), "example": 1}
SUBSCRIPTION: Final = {**_parameter("number", "Number of a subscription."), "example": 1}
TELLING: Final = {**_parameter("telling", "Number of what it told."), "example": 1}
TOKEN: Final = {**_parameter("number", "Number of a token."), "example": 1}

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
        arguments = {"schema": query, "location": "query"}
        return self._declaration(rule, "GET", (200, answer), arguments, path, (304, 400, 401, *errors, 503))

    def send(
        self,
        method: str,
        rule: str,
        status: int,
        answer: type[marshmallow.Schema],
        body: type[marshmallow.Schema],
        path: Iterable[_Parameter] = (),
        errors: Iterable[int] = (),
        example: Mapping[str, Any] | None = None,
    ) -> Callable[[_View], _View]:
        """Declare what answers POST, PUT or PATCH; the view is given the body, then what is in the path."""
        arguments = {"schema": body, "location": "json", "example": dict(example or {})}
        found = (400, 401, 403, *errors, 413, 415, 503)
        return self._declaration(rule, method, (status, answer), arguments, path, found)

    def upload(
        self,
        rule: str,
        answer: type[marshmallow.Schema],
        query: type[marshmallow.Schema],
        path: Iterable[_Parameter],
    ) -> Callable[[_View], _View]:
        """Declare what takes the bytes of a file; the view gets the query, then what is in the path."""
        found = (400, 401, 403, 404, 409, 413, 415, 503)
        declare = self._declaration(
            rule, "POST", (201, answer), {"schema": query, "location": "query"}, path, found
        )
        body = {"required": True, "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}

        def declare_with_body(given: _View) -> _View:
            declare(self.blueprint.doc(requestBody=body)(given))
            return given

        return declare_with_body

    def download(
        self,
        rule: str,
        what: str,
        path: Iterable[_Parameter],
        errors: Iterable[int] = (404,),
        query: type[marshmallow.Schema] = NoQuery,
    ) -> Callable[[_View], _View]:
        """Declare what answers GET by a file of the media type `what`; the view gets what is in the path."""
        arguments = {"schema": query, "location": "query"}
        told = {"type": "string", "format": "binary"} if what == BYTES else {"type": "object"}
        return self._declaration(rule, "GET", (200, told), arguments, path, (400, 401, *errors, 503), what)

    def delete(
        self,
        rule: str,
        answer: type[marshmallow.Schema],
        path: Iterable[_Parameter],
        errors: Iterable[int] = (404,),
    ) -> Callable[[_View], _View]:
        """Declare what answers DELETE, which is by what was there; the view is given what is in the path."""
        arguments = {"schema": NoQuery, "location": "query"}
        found = (400, 401, 403, 405, *errors, 503)
        return self._declaration(rule, "DELETE", (200, answer), arguments, path, found)

    def _declaration(
        self,
        rule: str,
        method: str,
        answer: tuple[int, type[marshmallow.Schema] | Mapping[str, Any]],
        arguments: Mapping[str, Any],
        path: Iterable[_Parameter],
        errors: Iterable[int],
        what: str | None = None,
    ) -> Callable[[_View], _View]:
        blueprint, (status, schema) = self.blueprint, answer

        def declare(given: _View) -> _View:
            told = {"headers": {} if what else _headers(method, status), "content_type": what}
            view: Any = blueprint.response(status, schema, **told)(given)
            for error in errors:
                view = blueprint.alt_response(error, HTTPStatus(error).name)(view)
            view = blueprint.arguments(**arguments)(view)
            view = blueprint.doc(operationId=f"{method.lower()}_{given.__name__}")(view)
            options: dict[str, Any] = {"methods": [method], "tags": [self._tag], "merge_slashes": False}
            blueprint.add_url_rule(rule, None, view, parameters=[dict(each) for each in path], **options)
            return given

        return declare


def _headers(method: str, status: int) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    if method == "GET":
        return {"ETag": {"description": "Names this very answer; for If-None-Match.", **text}}
    if status in (HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
        return {"Location": {"description": "Where to look for what was made.", **text}}
    return {}
