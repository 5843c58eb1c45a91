"""Statistics of the values that nodes make, as data: what a run keeps where profiles are asked for."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Any, Final, TypeVar

from headwater.columns import Column, column_of, library_class
from headwater.shapes import plain
from headwater.types import public_name

__all__ = ["ColumnProfile", "Histogram", "Kind", "Profile", "profile"]

T = TypeVar("T")

_SAMPLE: Final = 20_000  # elements of a column that are looked at one by one
_CELLS: Final = 1_000_000  # elements of a table that are
_COLUMNS: Final = 1_000  # columns of a table that are described
_BINS: Final = 20
_LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


class Kind(StrEnum):
    """What the elements of a column are, as far as statistics of them go."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    DURATION = "duration"
    TEXT = "text"
    OTHER = "other"
    MIXED = "mixed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many elements lie from one edge up to the next; the last bin holds what equals its upper edge."""

    edges: tuple[Any, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Statistics of one column; what its elements do not have is None.

    Of texts the lengths are described, never what they say; durations are in seconds, times ISO texts.

    Attributes:
        name: Name in its table; empty for a value that is no table.
        dtype: Type of the elements, by the library's name.
        kind: What the elements are.
        nulls: How many elements are missing.
        distinct: How many different elements there are.
        min: The lowest.
        max: The highest.
        mean: The mean; of booleans the fraction that is true.
        quantiles: By level, as "0.25".
        histogram: Bins of equal width.
        bytes: Memory that it takes, as its library tells; of Python objects estimated from the sample.
    """

    name: str
    dtype: str
    kind: Kind = Kind.OTHER
    nulls: int | None = None
    distinct: int | None = None
    min: Any = None
    max: Any = None
    mean: Any = None
    quantiles: Mapping[str, Any] = field(default_factory=dict)
    histogram: Histogram | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Statistics of one value, as data that JSON can hold.

    Attributes:
        type: Class of the value.
        rows: How many rows or elements there are; a value that is no collection is one. None where it is
            not known yet.
        bytes: Memory that the columns described take.
        sample: Number of rows, evenly spread, that distinct, quantiles, histograms and the lengths of texts
            were taken from, and of lists and tuples all but the number of rows; None where it was all rows.
        columns: The columns of a table, or the one that a value is.
        columns_left_out: How many columns of a table are not described.
    """

    type: str
    rows: int | None = None
    bytes: int | None = None
    sample: int | None = None
    columns: tuple[ColumnProfile, ...] = ()
    columns_left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as dictionaries and lists that JSON can hold."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def profile(value: Any) -> Profile:
    """Describe a value by statistics.

    Rows, nulls, extremes and means of a column are exact, at a library's speed; what needs a look at each
    element is taken from a sample. Values are never changed, lazy ones never computed, iterators never read,
    and what has no statistic is told as such: this raises nothing.
    """
    type_ = _attempt(public_name, type(value)) or type(value).__name__
    with _quiet():
        if _is_lazy(value):
            return Profile(type_)
        if isinstance(value, (Mapping, set, frozenset)):
            return Profile(type_, _attempt(len, value), _attempt(sys.getsizeof, value))
        columns = _attempt(_columns, value)
        if columns is None:
            return _profile(type_, [("", lambda: value)], 1, 0)
        return _profile(type_, columns[:_COLUMNS], len(value), max(0, len(columns) - _COLUMNS))


def _profile(
    type_: str, columns: Sequence[tuple[str, Callable[[], Any]]], rows: int, left_out: int
) -> Profile:
    limit = min(_SAMPLE, max(1, _CELLS // max(1, len(columns))))
    described = [_column_profile(name, _attempt(take), limit) for name, take in columns]
    rows = described[0][0] if described else rows
    step = _step(rows, limit)
    return Profile(
        type=type_,
        rows=rows,
        bytes=sum(column.bytes or 0 for _, column in described),
        sample=math.ceil(rows / step) if step > 1 else None,
        columns=tuple(column for _, column in described),
        columns_left_out=left_out,
    )


def _column_profile(name: str, data: Any, limit: int) -> tuple[int, ColumnProfile]:
    """Return the number of rows and the statistics of a column."""
    column = _attempt(column_of, data)
    if column is None:
        return 1, ColumnProfile(name, type(data).__name__)
    rows, step = column.size, _step(column.size, limit)
    sampled = _attempt(column.every, step) if step > 1 else column
    sample = _attempt(sampled.present) if sampled is not None else None
    if isinstance(data, (list, tuple)) and sampled is not None:
        column = sampled  # each element of these costs a call, so even counting is too much for many
    kind = Kind.OTHER if sample is None else _kind(sample)
    return rows, ColumnProfile(
        name=name,
        dtype=_attempt(column.type_name) or type(data).__name__,
        kind=kind,
        nulls=_attempt(column.missing),
        distinct=None if sample is None else _attempt(lambda: len(set(sample))),
        bytes=_attempt(_bytes, data, sample or [], rows),
        **_attempt(_statistics, kind, column, sample) or {},
    )


def _statistics(kind: Kind, column: Column, sample: list[Any]) -> dict[str, Any]:
    """Return those statistics that elements of a kind have."""
    if kind is Kind.TEXT:
        lengths = sorted(map(len, sample))
        mean = sum(lengths) / len(lengths)
        return {"min": lengths[0], "max": lengths[-1], "mean": mean, **_distribution(lengths)}
    if kind in (Kind.OTHER, Kind.MIXED, Kind.EMPTY):
        return {}
    lowest, highest = _attempt(column.extremes) or (None, None)
    found = {"min": plain(lowest), "max": plain(highest)}
    if kind in (Kind.NUMBER, Kind.BOOLEAN):
        found["mean"] = plain(_attempt(column.mean))
    if kind is Kind.BOOLEAN:
        return found
    return {**found, **(_attempt(lambda: _distribution(sorted(_measurable(kind, sample)))) or {})}


def _measurable(kind: Kind, sample: list[Any]) -> Iterator[Any]:
    if kind is not Kind.NUMBER:
        yield from sample
        return
    for item in sample:
        # Differences of numpy's small integers overflow, and those of decimals do not meet floats.
        number = item if type(item) in (int, float) else float(item)
        if isinstance(number, int) or math.isfinite(number):
            yield number


def _distribution(ordered: Sequence[Any]) -> dict[str, Any]:
    if not ordered:
        return {}
    quantiles = {str(level): plain(_quantile(ordered, level)) for level in _LEVELS}
    return {"quantiles": quantiles, "histogram": _attempt(_histogram, ordered)}


def _quantile(ordered: Sequence[Any], level: float) -> Any:
    """Return a quantile, between two elements in proportion."""
    place = level * (len(ordered) - 1)
    below = math.floor(place)
    if place == below:
        return ordered[below]
    lower, upper, part = ordered[below], ordered[below + 1], place - below
    if upper - lower == math.inf:  # beyond the largest float
        return lower * (1 - part) + upper * part
    return lower + (upper - lower) * part


def _histogram(ordered: Sequence[Any]) -> Histogram | None:
    lowest, highest = ordered[0], ordered[-1]
    if lowest == highest:
        return Histogram((plain(lowest), plain(highest)), (len(ordered),))
    width = (highest - lowest) / _BINS
    edges = [lowest + width * index for index in range(_BINS)] + [highest]
    if isinstance(width, float) and not math.isfinite(width):
        return None
    places = [0, *(bisect_left(ordered, edge) for edge in edges[1:-1]), bisect_right(ordered, highest)]
    counts = tuple(upper - lower for lower, upper in pairwise(places))
    return Histogram(tuple(map(plain, edges)), counts)


_KINDS: Final[tuple[tuple[Kind, tuple[type, ...]], ...]] = (
    (Kind.BOOLEAN, (bool,)),
    (Kind.NUMBER, (Real, Decimal)),
    (Kind.TIME, (date,)),
    (Kind.DURATION, (timedelta,)),
    (Kind.TEXT, (str, bytes)),
)


def _kind(sample: list[Any]) -> Kind:
    kinds = {_kind_of(cls) for cls in set(map(type, sample))}
    if len(kinds) > 1:
        return Kind.MIXED
    return kinds.pop() if kinds else Kind.EMPTY


def _kind_of(cls: type) -> Kind:
    if cls.__name__ == "bool" or cls.__name__ == "bool_":  # numpy's is no bool
        return Kind.BOOLEAN
    return next((kind for kind, classes in _KINDS if issubclass(cls, classes)), Kind.OTHER)


def _columns(value: Any) -> list[tuple[str, Callable[[], Any]]] | None:
    """Return the names of a table's columns and how to take each; None for what is no table."""
    name = library_class(type(value), _TABLES)
    if name is not None:
        names = value.schema.names if name.startswith("pyarrow") else value.columns
        return [(str(label), partial(_TABLES[name], value, place)) for place, label in enumerate(names)]
    names = getattr(getattr(value, "dtype", None), "names", None)  # of a structured array of numpy
    return None if names is None else [(label, partial(value.__getitem__, label)) for label in names]


_TABLES: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "pandas.DataFrame": lambda table, place: table.iloc[:, place],
    "polars.DataFrame": lambda table, place: table.to_series(place),
    "pyarrow.RecordBatch": lambda table, place: table.column(place),
    "pyarrow.Table": lambda table, place: table.column(place),
}
"""How to take a column of a table by its place, since a name may be there twice."""


def _is_lazy(value: Any) -> bool:
    cls = type(value)
    return hasattr(cls, "__dask_graph__") or library_class(cls, ("polars.LazyFrame",)) is not None


def _bytes(data: Any, sample: list[Any], rows: int) -> int:
    """Return the memory of a column; that of Python objects is estimated from the sample."""
    counted = data.estimated_size() if hasattr(data, "estimated_size") else getattr(data, "nbytes", None)
    is_object = isinstance(data, (list, tuple)) or str(getattr(data, "dtype", "")) == "object"
    each = sum(map(sys.getsizeof, sample)) / len(sample) if is_object and sample else 0
    return int((sys.getsizeof(data) if counted is None else counted) + each * rows)


def _step(rows: int, limit: int) -> int:
    return max(1, math.ceil(rows / limit))


def _attempt(call: Callable[..., T], *args: Any) -> T | None:
    try:
        return call(*args)
    except Exception:  # a value may do anything when it is asked; then it has no such statistic
        return None


def _quiet() -> AbstractContextManager[Any]:
    """Keep numpy from telling of overflows, which here are results as good as others."""
    numpy = sys.modules.get("numpy")
    return nullcontext() if numpy is None else numpy.errstate(all="ignore")
