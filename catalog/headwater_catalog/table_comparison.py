"""Two tables compared cell by cell: exactly, and within a tolerance for numbers with fractions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headwater_catalog.fingerprints import blocks_of, kind_of
from headwater_catalog.table_files import TableFile

__all__ = ["compare_tables"]

_EXAMPLES: Final = 5  # cells of a column
_CELL: Final = 100  # characters


@dataclass(slots=True)
class _Column:
    """What differs in a column, so far."""

    name: str
    unequal: int = 0
    beyond: int = 0
    largest: float = 0.0
    kinds: tuple[str, str] | None = None
    examples: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unequal": self.unequal,
            "beyond_tolerance": self.beyond,
            "largest_difference": self.largest if np.isfinite(self.largest) else None,
            "types": list(self.kinds) if self.kinds else None,
            "examples": self.examples,
        }


def compare_tables(then: TableFile, now: TableFile, tolerance: float) -> dict[str, Any]:
    """Return how two tables differ: `rows`, `added`, `removed` and `columns` with what is unequal in each.

    Args:
        then: The first table.
        now: The second.
        tolerance: By how much, relative to the larger of the two, numbers with fractions may differ.
    """
    names = [name for name in then.schema.names if name in now.schema.names]
    columns = {name: _Column(name, kinds=_other_kinds(name, then, now)) for name in names}
    rows = [0, 0]
    for first, second in _together(then, now):
        start = min(rows)
        rows[0] += first.num_rows if first is not None else 0
        rows[1] += second.num_rows if second is not None else 0
        if first is None or second is None:
            continue
        both = min(first.num_rows, second.num_rows)
        for name, column in columns.items():
            if column.kinds is None:
                parts = first.column(name).slice(0, both), second.column(name).slice(0, both)
                _compare_block(column, *parts, start, tolerance)
    return {
        "rows": rows,
        "added": [name for name in now.schema.names if name not in columns],
        "removed": [name for name in then.schema.names if name not in columns],
        "columns": [column.as_json() for column in columns.values() if column.unequal or column.kinds],
        "tolerance": tolerance,
    }


def _other_kinds(name: str, then: TableFile, now: TableFile) -> tuple[str, str] | None:
    was, is_ = then.schema.field(name).type, now.schema.field(name).type
    return None if kind_of(was) == kind_of(is_) else (str(was), str(is_))


def _together(
    then: TableFile, now: TableFile
) -> Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]:
    return zip_longest(blocks_of(then.schema, then.batches()), blocks_of(now.schema, now.batches()))


def _compare_block(column: _Column, then: pa.Array, now: pa.Array, start: int, tolerance: float) -> None:
    if pa.types.is_floating(then.type):
        equal, near = _compare_floats(column, then, now, tolerance)
    else:
        equal = near = _same(then, now)
    differing = np.flatnonzero(~equal)
    column.unequal += len(differing)
    column.beyond += int((~near).sum())
    for place in differing[: _EXAMPLES - len(column.examples)]:
        cells = (_shown(then[int(place)]), _shown(now[int(place)]))
        column.examples.append({"row": start + int(place), "then": cells[0], "now": cells[1]})


def _compare_floats(
    column: _Column, then: pa.Array, now: pa.Array, tolerance: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    first = then.to_numpy(zero_copy_only=False).astype("f8")  # null becomes NaN, and both are missing
    second = now.to_numpy(zero_copy_only=False).astype("f8")
    equal = (first == second) | (np.isnan(first) & np.isnan(second))
    if equal.all():
        return equal, equal
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(first - second)
        allowed = tolerance * np.maximum(np.abs(first), np.abs(second))
        near = equal | (np.isfinite(apart) & (apart <= allowed))
    found = apart[~equal & np.isfinite(apart)]
    column.largest = max(column.largest, float(found.max()) if len(found) else 0.0)
    return equal, near


def _same(then: pa.Array, now: pa.Array) -> np.ndarray[Any, Any]:
    then, now = (
        each.dictionary_decode() if pa.types.is_dictionary(each.type) else each for each in (then, now)
    )
    if pa.types.is_nested(then.type):
        pairs = zip(then.to_pylist(), now.to_pylist(), strict=True)
        return np.array([first == second for first, second in pairs], dtype=bool)
    now = now if now.type == then.type else now.cast(then.type)
    if pa.types.is_null(then.type):
        return np.ones(len(then), dtype=bool)
    both_missing = pc.and_(then.is_null(), now.is_null())
    found = pc.or_(pc.fill_null(pc.equal(then, now), False), both_missing)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _shown(value: Any) -> str | None:
    plain = value.as_py()
    return None if plain is None else str(plain)[:_CELL]
