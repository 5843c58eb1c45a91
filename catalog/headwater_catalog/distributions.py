"""How the values of the columns of two tables are spread: statistics, and histograms over common edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headwater.profiles import profile
from headwater_catalog.table_files import TableFile

__all__ = ["distributions"]

_BINS: Final = 24
_MOST_COLUMNS: Final = 500
_FREQUENT: Final = 8
_LONGEST: Final = 60  # characters of a frequent value
_STATISTICS: Final = ("dtype", "kind", "nulls", "distinct", "min", "max", "mean", "quantiles")

_Numbers = np.ndarray[Any, Any]


def distributions(then: TableFile, now: TableFile, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return how the values of some columns are spread, in the order of these.

    Each has `name`; `then` and `now`, the statistics, or None where a table lacks it; `histogram`, with the
    edges that both share and the counts of each, for numbers, instants and durations; and `frequent`, the
    most frequent values with their counts, for texts and booleans.

    Args:
        then: The first table.
        now: The second.
        columns: Names of columns that one of them has.
    """
    return list(_told(then, now, columns[:_MOST_COLUMNS]))


def _told(then: TableFile, now: TableFile, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    tables = [pa.Table.from_batches(table.batches(), table.schema) for table in (then, now)]
    for name in columns:
        first, second = (_column(table, name) for table in tables)
        sides = [side for side in (first, second) if side is not None]
        yield {
            "name": name,
            "then": None if first is None else _statistics(first),
            "now": None if second is None else _statistics(second),
            "histogram": _histogram(sides),
            "frequent": _frequent(first, second),
        }


def _column(table: pa.Table, name: str) -> pa.ChunkedArray | None:
    if name not in table.column_names:
        return None
    found = table.column(name)
    return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found


def _statistics(column: pa.ChunkedArray) -> dict[str, Any]:
    (described,) = profile(pa.table({"": column})).as_dict()["columns"]
    found = {key: described[key] for key in _STATISTICS}
    if pa.types.is_floating(column.type):  # a missing value, as in all comparisons
        found["nulls"] = column.null_count + int(pc.sum(pc.is_nan(column)).as_py() or 0)
    return found


def _histogram(sides: Sequence[pa.ChunkedArray]) -> dict[str, Any] | None:
    measured = [found for found in map(_measured, sides) if found is not None]
    if len(measured) < len(sides) or len({write for _, write in measured}) != 1:
        return None
    numbers, write = [found for found, _ in measured], measured[0][1]
    together = np.concatenate(numbers)
    if not together.size:
        return None
    lowest, highest = float(together.min()), float(together.max())
    if not np.isfinite(highest - lowest):
        return None
    edges = np.linspace(lowest, highest, _BINS + 1) if lowest < highest else np.array([lowest, highest])
    counts = [_counts(side, edges) for side in numbers]
    return {"edges": [write(edge) for edge in edges.tolist()], "counts": counts}


def _counts(numbers: _Numbers, edges: _Numbers) -> list[int]:
    if len(edges) == 2:
        return [len(numbers)]
    found: list[int] = np.histogram(numbers, edges)[0].tolist()
    return found


def _measured(column: pa.ChunkedArray) -> tuple[_Numbers, Callable[[float], Any]] | None:
    """Return the values of a column that can be measured as numbers, and how a number is written."""
    kind = column.type
    present = column.drop_null()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = present.to_numpy().astype("f8")
        return numbers[np.isfinite(numbers)], _number
    if pa.types.is_decimal(kind):
        return present.cast(pa.float64()).to_numpy(), _number
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        at = present.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return at.to_numpy().astype("f8") / 1e6, _instant
    if pa.types.is_duration(kind):
        return present.cast(pa.duration("us"), safe=False).cast(pa.int64()).to_numpy() / 1e6, _number
    return None


def _number(value: float) -> float:
    return value


def _instant(seconds: float) -> str:
    return str(np.datetime64(round(seconds), "s"))


def _frequent(first: pa.ChunkedArray | None, second: pa.ChunkedArray | None) -> list[dict[str, Any]]:
    """Return the most frequent values of texts or booleans, and how often they are there then and now."""
    sides = [side for side in (first, second) if side is not None]
    if not all(_is_word(side.type) for side in sides):
        return []
    counted = [None if side is None else side.drop_null().value_counts() for side in (first, second)]
    if all(len(found) == 0 or pc.max(found.field("counts")).as_py() == 1 for found in filter(None, counted)):
        return []  # all are different, and none says more than another
    candidates = dict.fromkeys(value for found in filter(None, counted) for value in _most(found))
    told = [(value, *(_count(found, value) for found in counted)) for value in candidates]
    told.sort(key=lambda each: (-each[1] - each[2], str(each[0])))
    return [
        {"value": str(value)[:_LONGEST], "then": before, "now": after}
        for value, before, after in told[:_FREQUENT]
    ]


def _is_word(kind: pa.DataType) -> bool:
    types = pa.types
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    return bool(types.is_boolean(kind) or any(is_text(kind) for is_text in texts))


def _most(found: pa.StructArray) -> list[Any]:
    counts = np.asarray(found.field("counts"))
    places = np.argsort(-counts, kind="stable")[:_FREQUENT]
    values: list[Any] = found.field("values").take(pa.array(places)).to_pylist()
    return values


def _count(found: pa.StructArray | None, value: Any) -> int:
    if found is None:
        return 0
    place = pc.index(found.field("values"), value).as_py()
    return 0 if place < 0 else int(found.field("counts")[place].as_py())
