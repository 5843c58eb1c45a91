"""Which rows of two tables belong together: by their index where that tells rows apart, else by position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from headwater.errors import InvalidInput, did_you_mean
from headwater_catalog.fingerprints import BLOCK_ROWS, blocks_of, kind_of
from headwater_catalog.table_files import TableFile

__all__ = ["PairedRows", "RowMatching", "common_keys", "match_by", "match_rows"]

_MOST_NAMED: Final = 20  # rows of one table only


class PairedRows(NamedTuple):
    """Some rows of both tables that belong together, in the same order; `start` counts those before them."""

    start: int
    then: pa.RecordBatch
    now: pa.RecordBatch


@dataclass(slots=True)
class RowMatching:
    """Which rows of two tables belong together.

    By position, how many there are is known only once all `pairs` were given: nothing is read for that alone.

    Attributes:
        keys: The columns by which they were matched; none: by position.
        reason: Why by position, as a clause; empty where there are keys.
        rows: How many rows the tables have.
        both: How many rows are in both.
        only_then: The first rows of the first table that the second lacks; they have no columns but the keys.
        only_now: The same of the second.
        pairs: Gives the rows that are in both, block by block.
    """

    keys: tuple[str, ...]
    reason: str
    rows: tuple[int, int]
    both: int
    only_then: pa.Table
    only_now: pa.Table
    pairs: Callable[[], Iterator[PairedRows]]


def match_by(then: TableFile, now: TableFile, keys: Sequence[str]) -> RowMatching:
    """Return which rows of two tables belong together by columns that somebody has chosen.

    Raises:
        InvalidInput: A table lacks one of them, or they do not tell its rows apart.
    """
    named = _told(keys)
    for which, table in (("first", then), ("second", now)):
        missing = [key for key in keys if key not in table.schema.names]
        if missing:
            raise InvalidInput(
                f"rows cannot be matched by {named}: the {which} table lacks {_told(missing)}."
                f"{did_you_mean(missing[0], table.schema.names)} Its columns are "
                f"{_told(table.schema.names[:_MOST_NAMED])}."
            )
    found = match_rows(then, now, keys)
    if not found.keys:
        raise InvalidInput(
            f"rows cannot be matched by {named}: {found.reason}. Choose columns of which no two rows "
            "have the same values, and none lacks one; or none, and they are matched by their index."
        )
    return found


def match_rows(then: TableFile, now: TableFile, keys: Sequence[str], reason: str = "") -> RowMatching:
    """Return which rows of two tables belong together.

    Args:
        then: The first table.
        now: The second.
        keys: The columns that name rows, in both tables; none: there are none.
        reason: Why there are none, as a clause.
    """
    if not keys:
        return _by_position(then, now, (), reason)
    first, second = _columns(then, keys), _columns(now, keys)
    named = ", ".join(f"'{key}'" for key in keys)
    for which, table in (("first", first), ("second", second)):
        if not _tells_apart(table):
            clause = f"{named} does not tell the rows of the {which} table apart"
            return _by_position(then, now, (), clause)
    try:
        second = second.cast(first.schema)
    except pa.ArrowException:
        return _by_position(then, now, (), f"{named} is of another type in each of them")
    if first.equals(second):
        return _by_position(then, now, tuple(keys), "")
    return _by_keys(then, now, first, second)


def _columns(table: TableFile, names: Sequence[str]) -> pa.Table:
    fields = pa.schema([table.schema.field(name) for name in names])
    return pa.Table.from_batches([batch.select(list(names)) for batch in table.batches()], fields)


def _tells_apart(keys: pa.Table) -> bool:
    """Tell whether no two rows have the same keys, and none lacks one."""
    if any(column.null_count for column in keys.columns):
        return False
    try:
        return bool(keys.group_by(keys.column_names, use_threads=False).aggregate([]).num_rows == len(keys))
    except pa.ArrowException:  # lists and the like cannot be grouped by
        return False


def _by_position(then: TableFile, now: TableFile, keys: tuple[str, ...], reason: str) -> RowMatching:
    def pairs() -> Iterator[PairedRows]:
        start, was, is_ = 0, 0, 0
        sides = (blocks_of(table.schema, table.batches()) for table in (then, now))
        for first, second in zip_longest(*sides):
            was += 0 if first is None else first.num_rows
            is_ += 0 if second is None else second.num_rows
            if first is not None and second is not None:
                both = min(first.num_rows, second.num_rows)
                yield PairedRows(start, first.slice(0, both), second.slice(0, both))
                start += both
        found.rows, found.both = (was, is_), start

    nothing = pa.table({})
    found = RowMatching(keys, reason, (0, 0), 0, nothing, nothing, pairs)
    return found


def _by_keys(then: TableFile, now: TableFile, first: pa.Table, second: pa.Table) -> RowMatching:
    names = first.column_names
    mine, theirs = (
        table.rename_columns([f"key {place}" for place in range(len(names))]).append_column(
            at, pa.array(np.arange(len(table)))
        )
        for table, at in ((first, "then"), (second, "now"))
    )
    joined = mine.join(theirs, mine.column_names[:-1], join_type="inner", use_threads=False)
    places = np.asarray(joined["then"]), np.asarray(joined["now"])
    order = np.argsort(places[1], kind="stable")
    at_then, at_now = (each[order] for each in places)

    def pairs() -> Iterator[PairedRows]:
        tables = [_whole(table) for table in (then, now)]
        for start in range(0, len(order), BLOCK_ROWS):
            blocks = (
                table.take(pa.array(at[start : start + BLOCK_ROWS])).combine_chunks().to_batches()[0]
                for table, at in zip(tables, (at_then, at_now), strict=True)
            )
            yield PairedRows(start, *blocks)

    only = _left_over(first, at_then), _left_over(second, at_now)
    counts = len(first), len(second)
    return RowMatching(tuple(names), "", counts, len(order), only[0], only[1], pairs)


def _whole(table: TableFile) -> pa.Table:
    return pa.Table.from_batches(list(table.batches()), table.schema).combine_chunks()


def _left_over(keys: pa.Table, matched: np.ndarray[Any, Any]) -> pa.Table:
    is_left = np.ones(len(keys), dtype=bool)
    is_left[matched] = False
    return keys.take(pa.array(np.flatnonzero(is_left)[:_MOST_NAMED]))


def common_keys(
    then: Sequence[str], now: Sequence[str], tables: Sequence[TableFile]
) -> tuple[list[str], str]:
    """Return the columns that name rows in both tables, or why there are none."""
    if not then and not now:
        return [], "the rows have no index"
    if list(then) != list(now):
        return [], f"the first table has the index {_told(then)}, and the second {_told(now)}"
    for name in now:
        kinds = {kind_of(table.schema.field(name).type) for table in tables if name in table.schema.names}
        if len(kinds) != 1 or not all(name in table.schema.names for table in tables):
            return [], f"the index '{name}' is of another type in each of them"
    return list(now), ""


def _told(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"
