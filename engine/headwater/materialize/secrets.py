"""What addresses and options say that nobody else is to read: passwords, tokens, signatures."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote

from headwater.errors import HeadwaterError, InvalidInput, in_words

__all__ = ["hidden", "hiding_secrets_of", "secrets_in"]

# As SQLAlchemy reads addresses: a password may hold anything but an at sign.
_USER = re.compile(r"[\w+.-]+://([^:/@?]*)(?::([^@]*))?@")
_NAMES = re.compile(r"password|passwd|pwd|secret|token|sig|credential|key|auth", re.IGNORECASE)
_SHORTEST = 4  # characters; a shorter secret is hidden only where it is part of an address


def hidden(text: str, secrets: Iterable[str]) -> str:
    """Return a text with stars in the place of secrets."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = text.replace(secret, re.sub(r"[^:@]+", "***", secret))
    return text


def secrets_in(told: Any) -> set[str]:
    """Return the secrets in an address, also one within another, or in options by their names."""
    if isinstance(told, Mapping):
        named = {str(value) for name, value in told.items() if _NAMES.search(str(name)) and value is not None}
        inner = {secret for value in told.values() for secret in secrets_in(value)}
        return {secret for secret in named if len(secret) >= _SHORTEST} | inner
    if not isinstance(told, str):
        return set()
    return {secret for part in told.split("::") for secret in _secrets_of(part)}


def _secrets_of(address: str) -> Iterator[str]:
    found = _USER.match(address)
    if found:
        user, password = found.groups()
        secret = user if password is None else password  # a name alone may be a token
        if secret:
            yield f"{'' if password is None else ':'}{secret}@"
        if len(secret) >= _SHORTEST and password is not None:
            yield from (secret, unquote(secret))
    if "://" in address:
        query = address.partition("?")[2]
        for name, value in parse_qsl(query):
            if _NAMES.search(name) and len(value) >= _SHORTEST:
                yield value
        # As they stand there, too.
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            if _NAMES.search(name) and len(value) >= _SHORTEST:
                yield value


@contextmanager
def hiding_secrets_of(adapter: Any) -> Iterator[None]:
    """Let no error tell the secrets that a loader or saver was given.

    Raises:
        HeadwaterError: An error had some in its text, or in that of its causes, which are left out.
    """
    try:
        yield
    except Exception as error:
        given = [getattr(adapter, field.name, None) for field in dataclasses.fields(adapter)]
        secrets = {secret for value in given for secret in secrets_in(value)}
        if not any(secret in text for text in map(in_words, _with_causes(error)) for secret in secrets):
            raise
        if type(error) in _KEPT:
            raise type(error)(hidden(str(error), secrets)) from None
        raise HeadwaterError(hidden(in_words(error), secrets)) from None


_KEPT = (FileNotFoundError, PermissionError, OSError, InvalidInput)
"""Classes that are kept where a text is changed; those of others may take more than a text."""


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
