"""Instants as people read them: a day, a moment, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["ago", "day", "duration", "iso", "moment"]

_UNITS = (
    ("year", 365 * 86400),
    ("month", 30 * 86400),
    ("week", 7 * 86400),
    ("day", 86400),
    ("hour", 3600),
    ("minute", 60),
)


def ago(then: int, now: int) -> str:
    """Say how long before `now` something was, in its largest unit."""
    seconds = now - then
    for unit, length in _UNITS:
        count = seconds // length
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def iso(instant: int) -> str:
    """Write an instant for the `datetime` attribute."""
    return _utc(instant).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(instant: int) -> str:
    """Write the day of an instant."""
    return _utc(instant).strftime("%Y-%m-%d")


def moment(instant: int) -> str:
    """Write an instant to the minute."""
    return _utc(instant).strftime("%Y-%m-%d %H:%M UTC")


def duration(microseconds: int) -> str:
    """Write a stretch of time in the unit that suits its size."""
    if microseconds < 1000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.3g} ms"
    if microseconds < 60_000_000:
        return f"{microseconds / 1_000_000:.3g} s"
    minutes, seconds = divmod(microseconds // 1_000_000, 60)
    return f"{minutes} min {seconds} s"


def _utc(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, tz=UTC)
