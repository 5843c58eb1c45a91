"""Values of fields that are compared: numbers, days and ages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["COUNT_HINT", "TIME_HINT", "read_count", "read_time"]

COUNT_HINT: Final = "a number such as 3, >3, <=3 or 2..5"
TIME_HINT: Final = "an age such as <30d or >1y, a day such as >2024-01-31, or a month such as 2024-01"

_COMPARED = re.compile(r"(<=|>=|<|>|=)?(.+)", re.DOTALL)
_AGE = re.compile(r"(\d{1,5})([hdwmy])", re.ASCII)
_PERIOD = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_HOUR, _DAY = 3600, 86_400
_UNITS = {"h": _HOUR, "d": _DAY, "w": 7 * _DAY, "m": 30 * _DAY, "y": 365 * _DAY}

Test = Callable[[int], bool]


def read_count(text: str) -> Test:
    """Return the test that a number must pass.

    Raises:
        ValueError: The text says none.
    """
    low, dots, high = text.partition("..")
    if dots:
        first, last = _number(low), _number(high)
        return lambda value: first <= value <= last
    sign, rest = _split(text)
    number = _number(rest)
    return _within(sign, number, number + 1)


def read_time(text: str, now: int) -> Test:
    """Return the test that an instant must pass, in seconds since 1970.

    Args:
        text: An age, counted back from `now`, or a year, month or day in UTC, maybe with `<`, `<=`, `>`
            or `>=` before it; or two of these days with `..` between.
        now: The instant that ages count from.

    Raises:
        ValueError: The text says none.
    """
    low, dots, high = text.partition("..")
    if dots:
        (start, _), (_, end) = _period(low), _period(high)
        return lambda value: start <= value < end
    sign, rest = _split(text)
    if age := _AGE.fullmatch(rest):
        return _younger(sign, now - int(age[1]) * _UNITS[age[2]])
    return _within(sign, *_period(rest))


def _younger(sign: str, then: int) -> Test:
    """Return the comparison of ages: one that is less is an instant that is later."""
    tests: dict[str, Test] = {
        "<": lambda value: value > then,
        ">": lambda value: value < then,
        ">=": lambda value: value <= then,
    }
    return tests.get(sign, lambda value: value >= then)


def _within(sign: str, start: int, end: int) -> Test:
    """Return the comparison with all that lies from `start` up to `end`, the end left out."""
    tests: dict[str, Test] = {
        "<": lambda value: value < start,
        "<=": lambda value: value < end,
        ">": lambda value: value >= end,
        ">=": lambda value: value >= start,
    }
    return tests.get(sign, lambda value: start <= value < end)


def _split(text: str) -> tuple[str, str]:
    match = _COMPARED.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return match[1] or "", match[2]


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _period(text: str) -> tuple[int, int]:
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        if day:
            end = start + timedelta(days=1)
        else:
            end = datetime(year + (month in (0, 12)), month % 12 + 1 if month else 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(text) from error
    return int(start.timestamp()), int(end.timestamp())
