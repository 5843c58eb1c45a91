"""Cursors: where a list goes on, and as of which commits, in a text that only the server reads."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from flask import request
from webargs.flaskparser import abort

__all__ = ["MOST", "Cursor", "cursor_of"]

MOST: Final = 2**31 - 1
_NOT_ASKED: Final = frozenset(("cursor", "limit"))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on.

    Attributes:
        asked: What the list is a list of, shortened: a cursor of another question is refused.
        after: How many items came before, or the number before which the next page begins, or the name after
            which it does.
        commits: The commits as of which the list is, by the number of their repository.
    """

    asked: str
    after: int | str
    commits: Mapping[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The cursor as it is handed out."""
        commits = {str(number): _short(sha) for number, sha in self.commits.items()}
        plain = json.dumps([self.asked, self.after, commits], separators=(",", ":"))
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    def moved(self, after: int | str, commits: Mapping[int, str] | None = None) -> Cursor:
        """Return the cursor of another page of the same list."""
        return Cursor(self.asked, after, self.commits if commits is None else commits)


def cursor_of(args: Mapping[str, Any], first: int | str = 0) -> Cursor:
    """Return the cursor of this request; where it gives none, the one of the first page.

    Args:
        args: The parameters of the request.
        first: Where the first page begins.
    """
    text = args.get("cursor")
    asked = _question()
    if text is None:
        return Cursor(asked, first)
    try:
        cursor = _read(text)
    except (ValueError, TypeError, AttributeError, RecursionError):
        _refuse("It is no cursor. Give the 'next' of an answer, or leave it out to begin anew.")
    if cursor.asked != asked or type(cursor.after) is not type(first):
        _refuse("It belongs to another list. Keep the other parameters as they were, or leave it out.")
    return cursor


def _question() -> str:
    """Return what this request asks for but for the place in the list."""
    parameters = sorted(item for item in request.args.items() if item[0] not in _NOT_ASKED)
    return hashlib.sha256(json.dumps([request.path, parameters]).encode()).hexdigest()[:12]


def _read(text: str) -> Cursor:
    asked, after, commits = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    if type(after) is int and not 0 <= after <= MOST:
        raise ValueError("not of ours")
    return Cursor(asked, after, {int(number): _long(sha) for number, sha in commits.items()})


def _short(sha: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(sha)).decode().rstrip("=")


def _long(text: str) -> str:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).hex()


def _refuse(why: str) -> NoReturn:
    abort(422, messages={"query": {"cursor": [why]}})
