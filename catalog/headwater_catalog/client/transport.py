"""Requests to the REST API of a catalog, and its errors as those of this package."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, Final, NoReturn
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import OpenerDirector, Request, build_opener

from headwater.redirects import NoRedirects
from headwater_catalog.errors import (
    CatalogError,
    Conflict,
    Forbidden,
    NotFound,
    QueryError,
    RepositoryError,
    SchemaOutdated,
    SettingError,
    Unauthenticated,
)

__all__ = ["Transport"]

_KINDS: Final[Mapping[str, type[CatalogError]]] = {
    "not-found": NotFound,
    "repository-error": RepositoryError,
    "conflict": Conflict,
    "ambiguous-name": Conflict,
    "forbidden": Forbidden,
    "unauthenticated": Unauthenticated,
    "schema-outdated": SchemaOutdated,
}
_STATUSES: Final[Mapping[int, type[CatalogError]]] = {403: Forbidden, 404: NotFound, 409: Conflict}
_CHUNK: Final = 1 << 20
_LONGEST_ANSWER: Final = 256 * 1024 * 1024


class Transport:
    """Sends requests to one catalog.

    Args:
        url: Where the catalog is served, such as http://127.0.0.1:8000.
        token: What says who asks, where the catalog wants to know.
        timeout: Seconds that the server may be silent.

    Raises:
        SettingError: The address is none of the web.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise SettingError(f"{url!r} is no address of a catalog. Give one such as http://127.0.0.1:8000")
        self._base = f"{url.rstrip('/')}/api/v1"
        self._token, self._timeout = token, timeout
        self._opener: OpenerDirector = build_opener(NoRedirects)

    def get(self, *path: str, **query: Any) -> Any:
        """Return the answer at an address; parameters that are None are left out."""
        return self._send(Request(self._address(path, query)))  # noqa: S310  it was looked at above

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a body that is sent to an address."""
        data = json.dumps(body, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        return self._send(Request(self._address(path, {}), data, headers))  # noqa: S310  as above

    def patch(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to what is to be different at an address."""
        data = json.dumps(body, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        return self._send(Request(self._address(path, {}), data, headers, method="PATCH"))  # noqa: S310  as above

    def delete(self, *path: str) -> Any:
        """Return what was at an address, and is there no more."""
        return self._send(Request(self._address(path, {}), method="DELETE"))  # noqa: S310  as above

    def send_file(self, *path: str, file: IO[bytes], **query: Any) -> Any:
        """Return the answer to the bytes of a file, which are read as they are sent."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        return self._send(Request(self._address(path, query), file, headers))  # noqa: S310  as above

    def receive_file(self, *path: str, into: IO[bytes], **query: Any) -> None:
        """Write the bytes at an address into a file."""
        with self._answer(Request(self._address(path, query))) as answer:  # noqa: S310  as above
            shutil.copyfileobj(answer, into, _CHUNK)
            if answer.length:  # the connection has ended before, which reading in parts does not tell
                raise CatalogError(
                    f"The catalog at {self._base} has not sent all of the file: {answer.length:,} bytes are "
                    "missing. Ask again."
                )

    def items(self, *path: str, **query: Any) -> Iterator[Any]:
        """Yield the items of a list, page by page, each asked for when it is needed."""
        for page in self.pages(*path, **query):
            yield from page["items"]

    def pages(self, *path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, each asked for when it is needed."""
        cursor = None
        while True:
            page = self.get(*path, **query, cursor=cursor)
            yield page
            cursor = page["next"]
            if cursor is None:
                return

    def _address(self, path: tuple[str, ...], query: Mapping[str, Any]) -> str:
        steps = "/".join(quote(step, safe=":") for step in path)
        given = {name: _written(value) for name, value in query.items() if value is not None}
        return f"{self._base}/{steps}{'?' + urlencode(given) if given else ''}"

    def _send(self, request: Request) -> Any:
        request.add_header("Accept", "application/json")
        with self._answer(request) as answer:
            text = answer.read(_LONGEST_ANSWER + 1)
        return self._read(text)

    @contextmanager
    def _answer(self, request: Request) -> Iterator[HTTPResponse]:
        if self._token is not None:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                yield answer
        except HTTPError as refused:
            with refused:
                _raise(refused)
        except (OSError, HTTPException, UnicodeError) as error:
            raise CatalogError(
                f"The catalog at {self._base} does not answer: {error}. Is it served there?"
            ) from error

    def _read(self, text: bytes) -> Any:
        if len(text) > _LONGEST_ANSWER:
            raise CatalogError(f"The catalog at {self._base} sends more than anyone asked for.")
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CatalogError(
                f"What answers at {self._base} is no JSON. Is a catalog of Headwater served there?"
            ) from error


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _raise(refused: HTTPError) -> NoReturn:
    """Raise what a problem document tells of."""
    try:
        told = json.loads(refused.read(_LONGEST_ANSWER))
        detail, kind = str(told["detail"]), str(told["type"]).rpartition("#problem-")[2]
    except (ValueError, TypeError, KeyError, RecursionError, OSError, HTTPException):
        raise CatalogError(
            f"{refused.url} answers {refused.code} ({refused.reason}), and does not say why."
        ) from refused
    faults = told.get("errors") or ()
    detail = " ".join([detail, *(f"{each['parameter']}: {each['detail']}" for each in faults)])
    if kind == "query-error":
        raise QueryError(detail, told.get("position", 0)) from refused
    raise _KINDS.get(kind, _STATUSES.get(refused.code, CatalogError))(detail) from refused
