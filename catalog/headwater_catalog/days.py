"""Days, by which barriers and exceptions end, and partitions begin."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["is_day", "on_day", "today"]

_DAY: Final = ContextVar[str | None]("day", default=None)


def today() -> str:
    """Return this day in UTC, as YYYY-MM-DD."""
    return _DAY.get() or datetime.datetime.now(datetime.UTC).date().isoformat()


def is_day(text: str) -> bool:
    """Tell whether a text is a day as YYYY-MM-DD."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@contextmanager
def on_day(day: str) -> Iterator[None]:
    """Let another day count as this one, as where a catalog is shown as of a commit."""
    before = _DAY.set(day)
    try:
        yield
    finally:
        _DAY.reset(before)
