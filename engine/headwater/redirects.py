"""Requests that follow nobody elsewhere."""

from __future__ import annotations

from typing import IO, Any
from urllib.request import HTTPRedirectHandler, Request

__all__ = ["NoRedirects"]


class NoRedirects(HTTPRedirectHandler):
    """Takes an answer that leads elsewhere for the refusal it is: what is sent there must not go along."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Refuse to go on."""
