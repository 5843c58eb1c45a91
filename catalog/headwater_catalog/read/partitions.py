"""The partitions of a dataflow, as a project file declares them."""

from __future__ import annotations

import datetime
from typing import Any, Final

from headwater.errors import did_you_mean
from headwater_catalog.locations import Reader
from headwater_catalog.partitions import EVERY, Partitions

__all__ = ["read_partitions"]

_KEYS: Final = ("every", "from", "key", "until")


def read_partitions(reader: Reader, dataflow: dict[str, Any], where: str) -> Partitions | None:
    """Read the partitions of a dataflow; None where it has none, or not as they must be.

    Args:
        reader: Notes what is wrong.
        dataflow: The table of the dataflow.
        where: Its place in the file, with a dot at the end.
    """
    if "partitions" not in dataflow:
        return None
    table, inner = reader.table(dataflow, "partitions", where), f"{where}partitions."
    reader.known(table, _KEYS, inner)
    key, every = reader.text(table, "key", inner), reader.text(table, "every", inner) or "day"
    days = {name: _day(reader, table, name, inner) for name in ("from", "until") if name in table}
    if None in days.values():
        return None
    first = days.get("from")
    if not key or not key.isidentifier() or first is None:
        example = 'key = "day", from = "2026-01-01"'
        reader.tell("partitions", f"{inner[:-1]} needs a key and a first day: {example}. It has no effect.")
        return None
    if every not in EVERY:
        near = did_you_mean(every, EVERY) or f" There are: {', '.join(EVERY)}."
        reader.tell("every", f"{inner}every is '{every}', which there is not.{near} It has no effect.")
        return None
    if every == "month" and not first.endswith("-01"):
        reader.tell("from", f"{inner}from must be the first day of a month; what stands there has no effect.")
        return None
    return Partitions(key, every, first, days.get("until"))


def _day(reader: Reader, table: dict[str, Any], key: str, where: str) -> str | None:
    given = table[key]
    if isinstance(given, datetime.date) and not isinstance(given, datetime.datetime):
        return given.isoformat()
    try:
        if isinstance(given, str):
            return datetime.date.fromisoformat(given).isoformat()
    except ValueError:
        pass
    reader.wrong(key, where, "a day such as 2026-01-31")
    return None
