"""Passwords: which are good enough, and their hashes."""

from __future__ import annotations

from functools import cache
from secrets import token_hex
from typing import Final

from headwater_catalog.errors import Conflict

__all__ = ["LEAST", "hash_password", "is_password"]

LEAST: Final = 12  # characters, none of which has to be of any kind: length is what counts
_MOST: Final = 1000  # so that nobody keeps the server busy with hashing
_METHOD = "scrypt"  # with the cost that werkzeug gives it: some 60 ms and 32 MB


def hash_password(password: str, name: str) -> str:
    """Return the hash of a new password, by scrypt with a salt of its own.

    Raises:
        Conflict: It is too short, too long, or as easy to guess as the name of the account.
    """
    if not LEAST <= len(password) <= _MOST:
        raise Conflict(f"A password has {LEAST} to {_MOST} characters; this one has {len(password)}.")
    if len(set(password)) < LEAST // 3 or name.casefold() in password.casefold():
        raise Conflict(
            "This password is easy to guess: it holds the account's name, or hardly differing characters. "
            "Take a few words that nobody else would put together."
        )
    from werkzeug.security import generate_password_hash

    return generate_password_hash(password, method=_METHOD)


def is_password(password: str, stored: str | None) -> bool:
    """Tell whether a password is that of a hash; where there is none it takes as long, and is not."""
    from werkzeug.security import check_password_hash

    right = len(password) <= _MOST and check_password_hash(stored or _nobody(), password)
    return right and bool(stored)


@cache
def _nobody() -> str:
    from werkzeug.security import generate_password_hash

    return generate_password_hash(token_hex(16), method=_METHOD)
