"""Schedules in the words of cron, as far as all orchestrators understand them alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.errors import InvalidInput

__all__ = ["require_schedule"]

_NAMED: Final = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # Argo knows no seventh one
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)


def require_schedule(schedule: str | None) -> str | None:
    """Return a schedule as all orchestrators understand it.

    Raises:
        InvalidInput: It is none.
    """
    if schedule is None:
        return None
    words = schedule.split()
    if words not in [[name] for name in _NAMED]:
        wrong = next(_faults(words), None)
        if wrong is not None:
            raise InvalidInput(
                f"{schedule!r:.80} is no schedule in the words of cron: {wrong}. One is '0 6 * * 1' (minute, "
                "hour, day of the month, month, day of the week from 0, Sunday, to 6), or "
                f"{', '.join(_NAMED)}."
            )
    return " ".join(words)


def _faults(words: list[str]) -> Iterator[str]:
    if len(words) != len(_FIELDS):
        yield f"it has {len(words)} parts and not {len(_FIELDS)}"
        return
    for word, (field, low, high, names) in zip(words, _FIELDS, strict=True):
        for item in word.split(","):
            span, slash, step = item.partition("/")
            if slash and not (step.isascii() and step.isdecimal() and 0 < int(step) <= high):
                yield f"{step!r} is no step of its {field}"
            if span == "*":
                continue
            ends = [_number(end, low, names) for end in span.split("-")]
            if len(ends) > 2 or ends != sorted(ends) or not all(low <= end <= high for end in ends):
                yield f"{span!r} is no {field} and no range of them"
            elif slash and len(ends) == 1:
                yield f"{item!r} has a step and no range"


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    """Return a number, or that of a name; less than any where it is neither."""
    if text.lower() in names:
        return names.index(text.lower()) + low
    return int(text) if text.isascii() and text.isdecimal() else -1
