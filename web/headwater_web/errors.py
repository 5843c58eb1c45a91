"""Errors as pages: which error is which status, in one table, and what the reader may do next."""

from __future__ import annotations

import logging

from flask import Flask, Response, current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from headwater_catalog.accounts.login import TooManyFailures
from headwater_catalog.errors import (
    CatalogError,
    Conflict,
    Forbidden,
    NotFound,
    QueryError,
    RepositoryError,
    SchemaOutdated,
    Unauthenticated,
)
from headwater_web.api.problems import is_for_api, problem
from headwater_web.oidc import LoginServiceFault

__all__ = ["STATUSES", "register_errors", "status_of"]

STATUSES: dict[type[CatalogError], int] = {
    NotFound: 404,
    RepositoryError: 404,
    Conflict: 409,
    TooManyFailures: 429,
    Forbidden: 403,
    Unauthenticated: 401,
    QueryError: 400,
    SchemaOutdated: 503,
    LoginServiceFault: 503,
    CatalogError: 500,
}

_TITLES = {
    400: "That cannot be understood",
    401: "Log in first",
    403: "Not allowed",
    404: "Not found",
    405: "Not that way",
    409: "That does not fit",
    413: "Too large",
    415: "Not in that form",
    422: "Parameters are wrong",
    429: "Too often",
    503: "Not now",
}
_HELP = {
    404: "It may have another name, or it may not exist at this commit.",
    405: "This address does not answer that kind of request.",
    422: "Not all parameters can be taken; `errors` says which, and why.",
}


def register_errors(app: Flask) -> None:
    """Answer every error with a page."""
    app.register_error_handler(CatalogError, _catalog_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _no_database)
    app.register_error_handler(PoolTimeout, _no_database)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: CatalogError) -> int:
    """Return the HTTP status that stands for an error of the catalog."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def _error_page(status: int, message: str, error: Exception | None = None) -> Response:
    """Make the page that tells of an error, or the document of it where a program asked."""
    title = _TITLES.get(status, "Something went wrong")
    if is_for_api():
        return problem(status, title, message, error)
    asked = (request.view_args or {}).get("key", "").rpartition(":")[2]
    page = render_template("error.html", status=status, title=title, message=message, asked=asked)
    return make_response(page, status)


def _catalog_error(error: CatalogError) -> Response:
    return _error_page(status_of(error), str(error), error)


def _csrf_error(_error: CSRFError) -> Response:
    return _error_page(400, "This form is out of date. Go back, reload the page, and send it again.")


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    help = _too_large() if code == 413 else _HELP.get(code)
    answer = _error_page(code, help or error.description or "", error)
    if (again := getattr(error, "retry_after", None)) is not None:
        answer.headers["Retry-After"] = str(again)
    return answer


def _too_large() -> str:
    """Say how much the address takes; where files are asked for, more than elsewhere."""
    most = request.max_content_length or 0
    if most <= current_app.config["MAX_CONTENT_LENGTH"]:
        return "A form or a body may hold up to one megabyte."
    return (
        f"What is sent here may hold up to {most // 1_048_576:,} MB in all. Send a smaller file: fewer rows "
        "or columns, or as Parquet, which is compressed."
    )


def _no_database(error: SQLAlchemyError) -> Response:
    logging.getLogger(__name__).error("The database does not answer: %s", error)
    return _error_page(503, "The database does not answer. Try again soon; the server's log tells why.")


def _unexpected(error: Exception) -> Response:
    logging.getLogger(__name__).exception("A page failed", exc_info=error)
    return _error_page(500, "The page could not be made. The server's log tells why.")
