"""Days, by which barriers and exceptions end."""

from __future__ import annotations

import datetime

__all__ = ["today"]


def today() -> str:
    """Return this day in UTC, as YYYY-MM-DD."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
