"""Telling whether two values are the same, and where they are not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from numbers import Number
from typing import Any

from headwater.testing.tables import Table, as_table

__all__ = ["assert_same"]

_SHOWN = 5


def assert_same(
    actual: Any,
    expected: Any,
    *,
    rtol: float = 1e-6,
    atol: float = 0.0,
    types: bool = True,
    index: bool = True,
    order: bool = True,
) -> None:
    """Raise an AssertionError that tells where two values differ.

    Tables and columns of pandas and polars, arrays, numbers, text, and lists and dictionaries of them are
    compared alike. Missing values equal each other. The name of a column that stands alone does not count,
    since a feature is named by its function.

    Args:
        actual: What was computed.
        expected: What should have been.
        rtol: How far numbers may be apart, relative to the larger one.
        atol: How far numbers may be apart, in all.
        types: Whether the types of columns and arrays must be equal.
        index: Whether the labels of rows must be equal.
        order: Whether the columns of a table must stand in the same order.
    """
    __tracebackhide__ = True  # so that pytest shows the test's own line
    comparison = _Comparison(rtol, atol, types, index, order)
    found = list(islice(comparison.differences("", actual, expected), _SHOWN + 1))
    if found:
        lines = found[:_SHOWN] + (["..."] if len(found) > _SHOWN else [])
        raise AssertionError("\n- ".join(["The value is not the expected one:", *lines]))


@dataclass(frozen=True, slots=True)
class _Comparison:
    rtol: float
    atol: float
    types: bool
    index: bool
    order: bool

    def differences(self, at: str, actual: Any, expected: Any) -> Iterator[str]:
        """Yield one sentence for each thing that differs; `at` says where in the value this is."""
        mine, theirs = as_table(actual), as_table(expected)
        if mine is not None and theirs is not None:
            yield from self._tables(at, mine, theirs)
        elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
            yield from self._mappings(at, actual, expected)
        elif isinstance(actual, (list, tuple)) and isinstance(expected, (list, tuple)):
            yield from self._sequences(at, actual, expected)
        elif mine is not None or theirs is not None or not self._equal(actual, expected):
            yield f"{_place(at)}{_shown(actual)}, expected {_shown(expected)}"

    def _mappings(self, at: str, actual: Mapping[Any, Any], expected: Mapping[Any, Any]) -> Iterator[str]:
        yield from _names(at, "key", list(actual), list(expected))
        for key in expected:
            if key in actual:
                yield from self.differences(f"{at}[{key!r}]", actual[key], expected[key])

    def _sequences(self, at: str, actual: Any, expected: Any) -> Iterator[str]:
        if type(actual) is not type(expected):
            yield f"{_place(at)}a {type(actual).__name__}, expected a {type(expected).__name__}"
        if len(actual) != len(expected):
            yield f"{_place(at)}{len(actual)} items, expected {len(expected)}"
            return
        for number, (one, other) in enumerate(zip(actual, expected, strict=True)):
            yield from self.differences(f"{at}[{number}]", one, other)

    def _tables(self, at: str, actual: Table, expected: Table) -> Iterator[str]:
        if actual.kind != expected.kind:
            yield f"{_place(at)}a {actual.kind}, expected a {expected.kind}"
            return
        if actual.shape != expected.shape:
            yield f"{_place(at)}shape {actual.shape}, expected {expected.shape}"
            return
        names, wanted = [c.name for c in actual.columns], [c.name for c in expected.columns]
        yield from _names(at, "column", names, wanted)
        if self.order and names != wanted and sorted(names) == sorted(wanted):
            yield f"{_place(at)}columns in the order {', '.join(names)}, expected {', '.join(wanted)}"
        if actual.rows != expected.rows:
            yield f"{_place(at)}{actual.rows} rows, expected {expected.rows}"
            return
        if self.index and actual.index is not None and expected.index is not None:
            yield from self._cells(f"{at} index", actual.index, expected.index, range(len(expected.index)))
        yield from self._columns(at, actual, expected)

    def _columns(self, at: str, actual: Table, expected: Table) -> Iterator[str]:
        labels = expected.index if expected.index is not None else range(expected.rows)
        # Columns of one name are paired in their order.
        left = list(actual.columns)
        for wanted in expected.columns:
            column = next((c for c in left if c.name == wanted.name), None)
            if column is None:
                continue
            left.remove(column)
            place = f"{at} column '{wanted.name}'" if wanted.name else at
            if self.types and column.dtype != wanted.dtype:
                yield f"{_place(place)}type {column.dtype}, expected {wanted.dtype}"
            yield from self._cells(place, column.values, wanted.values, labels)

    def _cells(
        self, at: str, actual: Sequence[Any], expected: Sequence[Any], labels: Sequence[Any]
    ) -> Iterator[str]:
        pairs = zip(labels, actual, expected, strict=True)
        apart = [(label, one, other) for label, one, other in pairs if not self._equal(one, other)]
        if not apart:
            return
        shown = [f"row {label!r}: {_shown(one)}, expected {_shown(other)}" for label, one, other in apart[:3]]
        more = ["..."] if len(apart) > len(shown) else []
        yield f"{_place(at)}{len(apart)} of {len(expected)} rows differ ({'; '.join([*shown, *more])})"

    def _equal(self, actual: Any, expected: Any) -> bool:
        if _is_missing(actual) or _is_missing(expected):
            return _is_missing(actual) and _is_missing(expected)
        if _is_number(actual) and _is_number(expected):
            return _close(actual, expected, self.rtol, self.atol)
        if isinstance(actual, (list, tuple, Mapping)):
            return next(self.differences("", actual, expected), None) is None
        return _equal_objects(actual, expected)


def _close(one: Any, other: Any, rtol: float, atol: float) -> bool:
    if isinstance(one, complex) or isinstance(other, complex):
        return bool(abs(one - other) <= max(rtol * max(abs(one), abs(other)), atol))
    try:
        return one == other or math.isclose(one, other, rel_tol=rtol, abs_tol=atol)
    except (OverflowError, TypeError):  # integers beyond any float, and decimals beside floats
        return bool(one == other)


def _equal_objects(one: Any, other: Any) -> bool:
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return one is other


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA answers neither yes nor no; arrays answer for each item
        return type(value).__name__ == "NAType"


def _names(at: str, what: str, actual: list[Any], expected: list[Any]) -> Iterator[str]:
    missing = [name for name in expected if name not in actual]
    extra = [name for name in actual if name not in expected]
    if missing:
        yield f"{_place(at)}no {what} {', '.join(map(repr, missing))}"
    if extra:
        yield f"{_place(at)}{what} {', '.join(map(repr, extra))} not expected"


def _place(at: str) -> str:
    return f"{at.strip()}: " if at else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
