"""What the values of a column look like: kinds of personal data, by pattern, check digit and spread.

Values are looked at where a table is read confined (`table_process`), and only what they look like leaves it.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headwater_catalog.governance.check_digits import is_card, is_iban, is_national

__all__ = ["MOST_ROWS", "Likeness", "looks_like"]

MOST_ROWS: Final = 10_000
"""The first rows of a table are enough to look at."""

_MOST_LOOKED_AT: Final = 1_000
_FIRST_LOOK: Final = 50  # values, spread over the others; a kind that hardly any of these has is passed over
_HARDLY: Final = 0.5
_FEWEST: Final = 5  # values of which a share says something
_LONGEST: Final = 320  # characters, as many as an e-mail address may have
_OLDEST: Final = 120  # years
_YEARS_APART: Final = 15  # between early and late dates of birth, the tenth at either end left out
_GROWN: Final = 10  # years that have passed since at least half of them
_EMAIL: Final = re.compile(r"[^\s@<>()\[\],;:\"]{1,64}@(?:[^\W_][\w-]{0,62}\.)+[^\W\d_][\w-]{1,62}")
_PHONE: Final = re.compile(
    r"(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}|\(?0\d{1,4}\)?(?:[ ./-]\d{2,8}){1,4}", re.ASCII
)
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d\d)[./-](\d\d)[./-](\d{4})", re.ASCII)
_PART_OF_DATE: Final = re.compile(r"\d{1,2}[./-]\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", re.ASCII)
_Value = str | datetime.date


@dataclass(frozen=True, slots=True)
class Likeness:
    """What values look like.

    Attributes:
        kind: What, as `kinds_of_data` names it.
        share: The share of the values looked at that fit, from 0 to 1.
        looked_at: How many that were.
    """

    kind: str
    share: float
    looked_at: int


def looks_like(
    column: pa.Array | pa.ChunkedArray, today: datetime.date, *, least: float = 0.8
) -> tuple[Likeness, ...]:
    """Return what the values of a column look like, the best fit first.

    Args:
        column: Texts, whole numbers or dates; of others nothing is told. The first values that are there
            count, as far as they are looked at.
        today: The day after which nobody was born.
        least: The share of them that must fit.
    """
    read = _readable(column)
    if read is None:
        return ()
    there = pc.indices_nonzero(pc.is_valid(read)).slice(0, _MOST_LOOKED_AT).to_pylist()
    first = list(_values(read, there[:: max(1, len(there) // _FIRST_LOOK)]))
    kinds = [kind for kind, fits in _KINDS.items() if _share(fits, first) >= _HARDLY]
    may_be_born = sum(_date(value) is not None for value in first) >= len(first) * _HARDLY
    values = list(_values(read, there)) if kinds or may_be_born else []
    if len(values) < _FEWEST:
        return ()
    shares = {kind: share for kind in kinds if (share := _share(_KINDS[kind], values)) >= least}
    if (born := _births(values, today)) >= least:
        shares["a date of birth"] = born
    found = (Likeness(kind, share, len(values)) for kind, share in shares.items())
    return tuple(sorted(found, key=lambda each: -each.share))


def _share(fits: Callable[[str], bool], values: Sequence[_Value]) -> float:
    return sum(isinstance(value, str) and fits(value) for value in values) / max(1, len(values))


def _readable(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Return a column of texts, whole numbers or dates, also instants that are days; None for any other."""
    type_ = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_timestamp(type_):
        plain = column.cast(pa.timestamp(type_.unit))
        return plain.cast(pa.date32(), safe=False) if _are_days(plain) else None
    is_text = pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    return column if is_text or pa.types.is_integer(type_) or pa.types.is_date(type_) else None


def _values(column: pa.Array | pa.ChunkedArray, places: Iterable[int]) -> Iterator[_Value]:
    """Yield the values at some places: dates, and all else as text; empty ones are none."""
    for place in places:
        try:
            plain = column[place].as_py()
        except (ValueError, OverflowError):  # a date that Python has no room for
            plain = "?"
        if isinstance(plain, datetime.date):
            yield plain
        elif text := str("" if plain is None else plain).strip():
            yield text[: _LONGEST + 1]


def _are_days(instants: pa.Array | pa.ChunkedArray) -> bool:
    """Tell whether instants are all the beginning of a day, as pandas keeps dates."""
    days = instants.cast(pa.date32(), safe=False).cast(instants.type, safe=False)
    return bool(instants.equals(days))


def _births(values: Sequence[_Value], today: datetime.date) -> float:
    """Return the share of dates on which people may have been born, where they are spread as ages are."""
    dates = sorted(date for value in values if (date := _date(value)) is not None)
    alive = [date for date in dates if today.year - _OLDEST <= date.year and date <= today]
    if len(alive) < _FEWEST:
        return 0.0
    tenth = len(alive) // 10
    early, middle, late = alive[tenth], alive[len(alive) // 2], alive[-1 - tenth]
    if late.year - early.year < _YEARS_APART or today.year - middle.year < _GROWN:
        return 0.0
    # What stands for the first of a month, quarter or year is about a time, and about nobody.
    if sum(date.day == 1 for date in alive) > len(alive) / 2:
        return 0.0
    return len(alive) / len(values)


def _date(value: _Value) -> datetime.date | None:
    if isinstance(value, datetime.date):
        return value
    if (found := _DATE.fullmatch(value)) is None:
        return None
    year, month, day = (int(found[a] or found[b]) for a, b in ((1, 6), (2, 5), (3, 4)))
    try:
        return datetime.date(year, month, day)
    except ValueError:
        try:
            return datetime.date(year, day, month) if found[6] else None
        except ValueError:
            return None


def _is_email(text: str) -> bool:
    return len(text) <= _LONGEST and _EMAIL.fullmatch(text) is not None


def _is_phone(text: str) -> bool:
    if _PHONE.fullmatch(text) is None or _PART_OF_DATE.fullmatch(text) is not None:
        return False
    return not is_card(text) and not is_national(text)


def _is_ip(text: str) -> bool:
    if "." not in text and ":" not in text:  # a plain number would do for `ipaddress`, as a name for a number
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_KINDS: Final[dict[str, Callable[[str], bool]]] = {
    "an e-mail address": _is_email,
    "a phone number": _is_phone,
    "a number that identifies a person": is_national,
    "the number of a payment card": is_card,
    "a bank account": is_iban,
    "an IP address": _is_ip,
}
