"""Two tables compared cell by cell: exactly, and within a tolerance for numbers with fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headwater_catalog.fingerprints import kind_of
from headwater_catalog.row_matching import PairedRows, RowMatching
from headwater_catalog.table_files import TableFile

__all__ = ["compare_tables"]

_EXAMPLES: Final = 5  # cells of a column
_ROWS: Final = 50  # that differ
_CELLS: Final = 2_000  # of them
_CELL: Final = 100  # characters

_Mask = np.ndarray[Any, Any]


@dataclass(slots=True)
class _Column:
    """What differs in a column, so far."""

    name: str
    unequal: int = 0
    beyond: int = 0
    largest: float = 0.0
    largest_relative: float = 0.0
    kinds: tuple[str, str] | None = None
    is_comparable: bool = True
    examples: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unequal": self.unequal,
            "beyond_tolerance": self.beyond,
            "largest_difference": self.largest if np.isfinite(self.largest) else None,
            "largest_relative": self.largest_relative,
            "types": list(self.kinds) if self.kinds else None,
            "comparable": self.is_comparable,
            "examples": self.examples,
        }


def compare_tables(
    then: TableFile, now: TableFile, tolerance: float, matching: RowMatching
) -> dict[str, Any]:
    """Return how two tables differ.

    That is `rows`, how many each has; `matched_by` and `matching`, by which columns rows were matched, or why
    by position; `both`, how many were; `only`, the first rows that one of them lacks; `added` and `removed`
    columns; `compared`, the columns that both have, and `columns` with what is unequal in those of them that
    differ; `differing`, in how many rows any cell is beyond the tolerance, and the first as `examples`.

    Args:
        then: The first table.
        now: The second.
        tolerance: By how much, relative to the larger of the two, numbers with fractions may differ.
        matching: Which rows belong together.
    """
    names = [name for name in then.schema.names if name in now.schema.names]
    columns = {name: _column(name, then, now) for name in names if name not in matching.keys}
    rows = _Rows(matching.keys, min(_ROWS, max(1, _CELLS // max(1, len(columns)))))
    for pair in matching.pairs():
        beyond = {
            name: _compare_block(column, pair, tolerance)
            for name, column in columns.items()
            if column.is_comparable
        }
        rows.look_at(pair, beyond)
    return {
        "rows": list(matching.rows),
        "matched_by": list(matching.keys),
        "matching": matching.reason,
        "both": matching.both,
        "only": [_named(table) for table in (matching.only_then, matching.only_now)],
        "added": [name for name in now.schema.names if name not in names],
        "removed": [name for name in then.schema.names if name not in names],
        "compared": list(columns),
        "columns": [column.as_json() for column in columns.values() if column.unequal or column.kinds],
        "differing": rows.count,
        "examples": rows.examples,
        "tolerance": tolerance,
    }


@dataclass(slots=True)
class _Rows:
    """The rows in which a cell is beyond the tolerance: how many so far, and the first of them."""

    keys: tuple[str, ...]
    most: int
    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def look_at(self, pair: PairedRows, beyond: Mapping[str, _Mask]) -> None:
        if not beyond:
            return
        places = np.flatnonzero(np.logical_or.reduce(list(beyond.values())))
        self.count += len(places)
        for place in places[: self.most - len(self.examples)].tolist():
            cells = {
                name: [_shown(side.column(name)[place]) for side in (pair.then, pair.now)]
                for name, mask in beyond.items()
                if mask[place]
            }
            key = [_shown(pair.now.column(name)[place]) for name in self.keys]
            self.examples.append({"row": pair.start + place, "key": key, "cells": cells})


def _named(table: pa.Table) -> list[list[str | None]]:
    columns = [[_shown(value) for value in column] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _column(name: str, then: TableFile, now: TableFile) -> _Column:
    was, is_ = then.schema.field(name).type, now.schema.field(name).type
    if kind_of(was) == kind_of(is_):
        return _Column(name)
    # A missing value makes fractions of whole numbers, which are the same numbers all the same.
    return _Column(name, kinds=(str(was), str(is_)), is_comparable=_is_number(was) and _is_number(is_))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _compare_block(column: _Column, pair: PairedRows, tolerance: float) -> _Mask:
    """Note what differs in a block of a column, and return where it is beyond the tolerance."""
    then, now = (side.column(column.name) for side in (pair.then, pair.now))
    equal, near = _equal_and_near(column, then, now, tolerance)
    differing = np.flatnonzero(~equal)
    column.unequal += len(differing)
    column.beyond += int((~near).sum())
    for place in differing[: _EXAMPLES - len(column.examples)].tolist():
        cells = (_shown(then[place]), _shown(now[place]))
        column.examples.append({"row": pair.start + place, "then": cells[0], "now": cells[1]})
    return ~near


def _compare_numbers(column: _Column, then: pa.Array, now: pa.Array, equal: _Mask, tolerance: float) -> _Mask:
    """Note by how much numbers differ, and return where they are equal or near."""
    first, second = _fractions(then), _fractions(now)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(first - second)
        size = np.maximum(np.abs(first), np.abs(second))
        is_told = ~equal & np.isfinite(apart)
        near = equal | (is_told & (apart <= tolerance * size))
        if is_told.any():
            relative = apart[is_told] / np.where(size[is_told] == 0, 1.0, size[is_told])
            column.largest = max(column.largest, float(apart[is_told].max()))
            column.largest_relative = max(column.largest_relative, float(relative.max()))
    has_fractions = pa.types.is_floating(then.type) or pa.types.is_floating(now.type)
    return near if has_fractions else equal


def _fractions(numbers: pa.Array) -> np.ndarray[Any, Any]:
    return np.asarray(numbers.to_numpy(zero_copy_only=False).astype("f8"))  # null becomes NaN


def _equal_and_near(column: _Column, then: pa.Array, now: pa.Array, tolerance: float) -> tuple[_Mask, _Mask]:
    """Return where two arrays are equal, and where they are equal or near; of lists by what is in them."""
    then, now = _decoded(then), _decoded(now)
    if pa.types.is_nested(then.type):
        return _nested(column, then, now, tolerance)
    equal = _same(then, now)
    if _is_number(then.type) and not equal.all():
        return equal, _compare_numbers(column, then, now, equal, tolerance)
    return equal, equal


def _nested(column: _Column, then: pa.Array, now: pa.Array, tolerance: float) -> tuple[_Mask, _Mask]:
    missing = [np.asarray(each.is_null()) for each in (then, now)]
    equal = missing[0] & missing[1]
    near = equal.copy()
    is_told = ~missing[0] & ~missing[1]
    if pa.types.is_struct(then.type):
        places = np.flatnonzero(is_told)
        first, second = then.take(places), now.take(places)
        found = [
            _equal_and_near(
                column, pc.struct_field(first, [place]), pc.struct_field(second, [place]), tolerance
            )
            for place in range(then.type.num_fields)
        ]
        for mask, each in ((equal, 0), (near, 1)):
            mask[places] = np.logical_and.reduce(
                [np.ones(len(places), bool), *(pair[each] for pair in found)]
            )
        return equal, near
    lengths = _lengths(then)
    places = np.flatnonzero(is_told & (lengths == _lengths(now)))
    inner = _equal_and_near(column, _items(then.take(places)), _items(now.take(places)), tolerance)
    owners = np.repeat(np.arange(len(places)), lengths[places])
    for mask, found_inside in zip((equal, near), inner, strict=True):
        mask[places] = np.bincount(owners[~found_inside], minlength=len(places)) == 0
    return equal, near


def _lengths(lists: pa.Array) -> _Mask:
    """Return how long each list is; a missing one is not looked at."""
    if pa.types.is_fixed_size_list(lists.type):
        return np.full(len(lists), lists.type.list_size)
    return np.diff(np.asarray(lists.offsets))


def _items(lists: pa.Array) -> pa.Array:
    """Return what is in lists none of which is missing; of maps, their keys with their values."""
    if pa.types.is_fixed_size_list(lists.type):
        return lists.flatten()
    first, last = (lists.offsets[0].as_py(), lists.offsets[-1].as_py()) if len(lists) else (0, 0)
    if pa.types.is_map(lists.type):
        parts = [part.slice(first, last - first) for part in (lists.keys, lists.items)]
        return pa.StructArray.from_arrays(parts, ["key", "value"])
    return lists.values.slice(first, last - first)


def _same(then: pa.Array, now: pa.Array) -> _Mask:
    """Return where two arrays are equal; NaN and null are both a missing value."""
    if pa.types.is_null(then.type) and pa.types.is_null(now.type):
        return np.ones(len(then), dtype=bool)
    if pa.types.is_floating(then.type) or pa.types.is_floating(now.type):
        first, second = _fractions(then), _fractions(now)
        return np.asarray((first == second) | (np.isnan(first) & np.isnan(second)))
    if pa.types.is_temporal(then.type) and then.type != now.type:
        return np.asarray(_nanoseconds(then) == _nanoseconds(now), dtype=bool)
    both_missing = pc.and_(then.is_null(), now.is_null())
    found = pc.or_(pc.fill_null(pc.equal(then, _as(then, now)), False), both_missing)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def _as(then: pa.Array, now: pa.Array) -> pa.Array:
    # Numbers are brought to a common type by the comparison itself.
    return now if then.type == now.type or _is_number(then.type) else now.cast(then.type)


_NANOSECONDS: Final = {"D": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def _nanoseconds(times: pa.Array) -> np.ndarray[Any, Any]:
    """Return times as whole numbers of Python, so that no unit is too coarse for them and none too fine."""
    is_date = pa.types.is_date(times.type)
    unit = _NANOSECONDS[("ms" if times.type == pa.date64() else "D") if is_date else times.type.unit]
    counts = times.cast(pa.int32() if times.type.bit_width == 32 else pa.int64()).to_pylist()
    return np.array([None if count is None else count * unit for count in counts], dtype=object)


def _decoded(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _shown(value: Any) -> str | None:
    if not value.is_valid:
        return None
    try:
        return str(value.as_py())[:_CELL]
    except (ValueError, OverflowError):  # nanoseconds, which Python's own times do not have
        return str(value.cast(pa.string()) if pa.types.is_temporal(value.type) else value.type)[:_CELL]
