"""Sends a report to a catalog: JSON by HTTP, with a token, a few times if need be, and never elsewhere."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from headwater.errors import HeadwaterError, InvalidInput
from headwater.redirects import NoRedirects

__all__ = ["NotReported", "Sender"]

_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.5
_LARGEST: Final = 900_000  # bytes; a catalog takes a megabyte
_LONGEST_ANSWER: Final = 10_000_000


class NotReported(HeadwaterError):
    """A run could not be reported."""


class Sender:
    """Sends reports to one catalog.

    Args:
        url: Where it is served.
        token: A token of an account there; None where it has no accounts.
        timeout: Seconds that it may be silent.

    Raises:
        InvalidInput: The address is none, or a token would travel in the clear.
    """

    def __init__(self, url: str, token: str | None, timeout: float = 10) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise InvalidInput(f"{url!r} is no address of a catalog. Give one such as http://127.0.0.1:8000")
        if token is not None and parts.scheme == "http" and not _is_here(parts.hostname):
            raise InvalidInput(f"A token must not travel to {parts.hostname} in the clear. Use https.")
        self._address = f"{url.rstrip('/')}/api/v1/runs/report"
        self._token, self._timeout = token, timeout
        self._opener = build_opener(NoRedirects)

    def send(self, report: Mapping[str, Any]) -> dict[str, Any]:
        """Send a report, and return what the catalog makes of it.

        Raises:
            NotReported: It does not take it, or does not answer.
        """
        body = _body(report)
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE_SECONDS * 2**attempt)
            try:
                return self._once(body)
            except HTTPError as refused:
                with refused:
                    why = _told(refused)
                if refused.code < 500:
                    raise NotReported(
                        f"The catalog at {self._address} does not take the run: {why}"
                    ) from None
            except (OSError, ValueError) as error:
                why = str(error)
        raise NotReported(f"The catalog at {self._address} could not be told of the run: {why}")

    def _once(self, body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        request = Request(self._address, body, headers)  # noqa: S310  it was looked at above
        with self._opener.open(request, timeout=self._timeout) as answer:
            found = json.loads(answer.read(_LONGEST_ANSWER))
        if not isinstance(found, dict):
            raise ValueError("what answers there is no catalog of Headwater")
        return found


def _body(report: Mapping[str, Any]) -> bytes:
    """Return a report as bytes that a catalog takes: where it is too large, what is least needed goes."""
    body = _bytes(report)
    for name in ("graph", "patch", "nodes"):
        if len(body) <= _LARGEST:
            return body
        if name == "patch":
            report = {**report, "origin": {**report["origin"], "patch": "", "is_patch_whole": False}}
        else:
            report = {**report, name: []}
        body = _bytes(report)
    return body


def _bytes(report: Mapping[str, Any]) -> bytes:
    return json.dumps(report, allow_nan=False).encode()


def _told(refused: HTTPError) -> str:
    try:
        return str(json.loads(refused.read(_LONGEST_ANSWER))["detail"])
    except (ValueError, TypeError, KeyError, OSError):
        return f"{refused.code} {refused.reason}"


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
