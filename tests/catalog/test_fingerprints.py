"""Fingerprints: the same for the same content, whatever it is stored in, and another for any other."""

import datetime
import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import InvalidInput
from headwater_catalog.fingerprints import BLOCK_ROWS, SCHEME, TableFingerprint, fingerprint_of
from headwater_catalog.table_files import TableFile, open_table, write_table

_DAY = datetime.datetime(2026, 1, 5)
_KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.uint8(), st.integers(0, 255)),
    "number": (pa.float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "single": (pa.float32(), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "text": (pa.string(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    "yes": (pa.bool_(), st.booleans()),
    "at": (pa.timestamp("us"), st.datetimes(_DAY, _DAY + datetime.timedelta(9))),
    "in utc": (
        pa.timestamp("us", "UTC"),
        st.datetimes(_DAY, _DAY + datetime.timedelta(9), timezones=st.just(datetime.UTC)),
    ),
    "day": (pa.date32(), st.dates()),
    "price": (pa.decimal128(9, 2), st.decimals(-999, 999, places=2)),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    names = draw(st.lists(st.sampled_from(sorted(_KINDS)), min_size=1, max_size=4, unique=True))
    columns = {
        name: pa.array(
            draw(st.lists(st.none() | _KINDS[name][1], min_size=rows, max_size=rows)), _KINDS[name][0]
        )
        for name in names
    }
    return pa.table(columns)


def _of(table: pa.Table, rows: int = 1000) -> TableFingerprint:
    return fingerprint_of(table.schema, table.to_batches(max_chunksize=rows))


def _column(values: list[Any], kind: pa.DataType | None = None) -> str:
    return _of(pa.table({"x": pa.array(values, kind)})).columns["x"]


@given(tables(), st.integers(1, 5))
def test_chunks_and_dictionaries_make_no_difference(table: pa.Table, rows: int):
    encoded = pa.table(
        {
            name: pa.chunked_array([c.dictionary_encode() for c in column.chunks] or [], None)
            if pa.types.is_string(column.type) and len(table)
            else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )

    assert _of(table, rows) == _of(table) == _of(encoded)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(table=tables(), format=st.sampled_from(["parquet", "arrow", "csv", "json"]))
def test_every_format_gives_back_what_was_written(tmp_path: Path, table: pa.Table, format: str):
    path = tmp_path / f"table.{format}"
    said = dict.fromkeys(table.column_names, b"{}")
    write_table(path, format, TableFile(table.schema, lambda: iter(table.to_batches())), b"{}", said)
    with open_table(path, format, table.schema) as read:
        found = fingerprint_of(read.schema, read.batches())

    assert found == _of(table)


@pytest.mark.parametrize(
    "options",
    [{"row_group_size": 7}, {"compression": "zstd"}, {"compression": "none", "use_dictionary": False}],
)
def test_the_layout_of_a_parquet_file_makes_no_difference(tmp_path: Path, options: dict[str, Any]):
    rows = BLOCK_ROWS + 100
    table = pa.table({"a": np.arange(rows) / 7, "b": [f"t{n % 50}" for n in range(rows)]})
    pq.write_table(table, tmp_path / "x.parquet", **options)
    with open_table(tmp_path / "x.parquet", "parquet") as read:
        assert fingerprint_of(read.schema, read.batches()) == _of(table)


@pytest.mark.parametrize(
    "one, other",
    [
        (pa.array([1.0, None]), pa.array([1.0, float("nan")])),
        (pa.array([0.0, 1.0]), pa.array([-0.0, 1.0])),
        (pa.array(["a", None]), pa.array(["a", None], pa.large_string())),
        (pa.array(["a"]), pa.array(["a"], pa.string_view())),
        (pa.array([5], pa.timestamp("s")), pa.array([5_000_000_000], pa.timestamp("ns"))),
        (pa.array([5], pa.timestamp("s", "UTC")), pa.array([5], pa.timestamp("s", "Asia/Tokyo"))),
        (pa.array([7], pa.duration("ms")), pa.array([7_000], pa.duration("us"))),
        (pa.array([86_400_000], pa.date64()), pa.array([1], pa.date32())),
        (pa.array([[1], None], pa.list_(pa.int64())), pa.array([[1], None], pa.large_list(pa.int64()))),
        (pa.array([decimal.Decimal("1.5")], pa.decimal128(5, 1)), pa.array([decimal.Decimal("1.5")], pa.decimal256(40, 1))),
    ],
)  # fmt: skip
def test_the_same_values_in_another_dress_are_the_same(one: pa.Array, other: pa.Array):
    assert _of(pa.table({"x": one})) == _of(pa.table({"x": other}))


@pytest.mark.parametrize(
    "one, other",
    [
        (pa.array([1, 2]), pa.array([2, 1])),
        (pa.array([1]), pa.array([1.0])),
        (pa.array([1], pa.int32()), pa.array([1], pa.int64())),
        (pa.array([0.0]), pa.array([None], pa.float64())),
        (pa.array([0]), pa.array([None], pa.int64())),
        (pa.array(["", "ab"]), pa.array(["a", "b"])),
        (pa.array([""]), pa.array([None], pa.string())),
        (pa.array(["a"]), pa.array([b"a"])),
        (pa.array([[1], [2, 3]]), pa.array([[1, 2], [3]])),
        (pa.array([[]], pa.list_(pa.int64())), pa.array([None], pa.list_(pa.int64()))),
        (pa.array([{"a": None}], pa.struct([("a", pa.int64())])), pa.array([{"a": 0}])),
        (pa.array([True, False]), pa.array([False, True])),
        (pa.array([5], pa.timestamp("s")), pa.array([5], pa.timestamp("s", "UTC"))),
        (pa.nulls(1), pa.nulls(2)),
        (pa.array([1.0]), pa.array([np.nextafter(1.0, 2)])),
    ],
)  # fmt: skip
def test_other_values_are_others(one: pa.Array, other: pa.Array):
    assert _of(pa.table({"x": one})).table != _of(pa.table({"x": other})).table


def test_what_stands_in_place_of_missing_values_makes_no_difference():
    bitmap = pa.py_buffer(b"\x01")
    for kind, first, second in (("i8", [1, 2], [1, 3]), ("f8", [1, 2], [1, 3])):
        kinds = {"i8": pa.int64(), "f8": pa.float64()}[kind]
        one, other = (
            pa.Array.from_buffers(kinds, 2, [bitmap, pa.py_buffer(np.array(v, kind).tobytes())])
            for v in (first, second)
        )
        assert _of(pa.table({"x": one})) == _of(pa.table({"x": other}))


def test_the_order_of_columns_makes_no_difference_and_a_new_name_keeps_the_column():
    table = pa.table({"a": [1], "b": ["x"]})
    renamed = _of(table.rename_columns(["a", "c"]))

    assert _of(table) == _of(table.select(["b", "a"]))
    assert renamed.table != _of(table).table
    assert renamed.columns["c"] == _of(table).columns["b"]


def test_the_scheme_stays_what_it_is():
    """Fingerprints are kept for years: if this fails, give the scheme a new name, not this a new value."""
    table = pa.table(
        {"n": [1.5, None], "t": ["ä", None], "l": [[1], None], "d": pa.array([1, None], pa.timestamp("ms"))}
    )

    assert SCHEME == "headwater-content-1"
    assert _of(table).table == "52d8244572b12aed4dfa86b35d4bbfce9550e5b2fcc8fcfbd54a8f50ad9596f0"


def test_a_name_that_is_there_twice_is_refused():
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(InvalidInput, match="'a' is there twice"):
        fingerprint_of(batch.schema, [batch])


def test_what_cannot_be_told_apart_is_refused_by_name():
    kind = pa.dense_union([pa.field("a", pa.int64())])
    table = pa.schema([pa.field("odd", kind)])
    with pytest.raises(InvalidInput, match="'odd' has no fingerprint"):
        fingerprint_of(table, [])


@pytest.mark.parametrize(
    ("format", "values", "told"),
    [
        ("json", pa.array([float("inf")]), "has infinite numbers"),
        ("json", pa.array([b"x"]), "holds binary, which json cannot"),
        ("csv", pa.array([[1]]), "which csv cannot"),
        ("csv", pa.array([1], pa.duration("s")), "which csv cannot"),
    ],
)
def test_a_format_refuses_what_it_cannot_hold(tmp_path: Path, format: str, values: pa.Array, told: str):
    table = pa.table({"x": values})
    source = TableFile(table.schema, lambda: iter(table.to_batches()))
    with pytest.raises(InvalidInput, match=told) as refused:
        write_table(tmp_path / "x", format, source, b"{}", {"x": b"{}"})
    assert "Column 'x'" in str(refused.value)


def test_csv_looks_as_people_expect_it(tmp_path: Path):
    table = pa.table(
        {
            "day": pa.array([_DAY, None], pa.timestamp("ns")),
            "n": [10.0, -0.5],
            "who, why": ['say "hi"', ""],
            "ok": [True, None],
        }
    )
    source = TableFile(table.schema, lambda: iter(table.to_batches()))
    write_table(tmp_path / "x.csv", "csv", source, b"{}", dict.fromkeys(table.column_names, b"{}"))

    assert (tmp_path / "x.csv").read_text() == (
        'day,n,"who, why",ok\n2026-01-05,10.0,"say ""hi""",True\n,-0.5,"",\n'
    )


@pytest.mark.parametrize("make", [lambda n: [n], lambda n: [None, n]])
def test_columns_of_many_blocks_are_hashed_in_blocks(make: Callable[[int], list[Any]]):
    values = make(1) * BLOCK_ROWS
    whole = pa.table({"x": values})

    assert _of(whole, len(values)) == _of(whole, 1000) == _of(whole, BLOCK_ROWS)
