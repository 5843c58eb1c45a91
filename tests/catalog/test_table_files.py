"""Table files: what is read of one is what was saved, or tells that it was changed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from headwater.errors import InvalidInput
from headwater_catalog.fingerprints import fingerprint_of
from headwater_catalog.table_files import TableFile, open_table, write_table


def _fingerprint(table: TableFile) -> str:
    return fingerprint_of(table.schema, table.batches()).columns["a"]


def _written(path: Path, column: pa.Array) -> str:
    """Write a table of one column and return its fingerprint."""
    batch = pa.RecordBatch.from_arrays([column, pa.array(["x"] * len(column))], names=["a", "b"])

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch

    table = TableFile(batch.schema, batches)
    write_table(path, path.suffix[1:], table, b"", {"a": b"", "b": b""})
    return _fingerprint(table)


def _read(path: Path, kind: pa.DataType) -> str:
    with open_table(path, path.suffix[1:], pa.schema([("a", kind), ("b", pa.string())])) as table:
        return _fingerprint(table)


@pytest.mark.parametrize(
    ("column", "changed"),
    [
        (pa.array([2, None]), [2.9, 2.0, "2", True, 2**70]),
        (pa.array([1], pa.int8()), [300, 1.0]),
        (pa.array([1.5]), ["1.5", True, 2**53 + 1]),
        (pa.array([1.0]), [True, "1.0", [1.0]]),
        (pa.array([2.0**24], pa.float32()), [2**24 + 1, 16777216.5, 1e300]),
        (pa.array(["5"]), [5, ["5"]]),
        (pa.array([True]), [1, "true"]),
        (pa.array([[1, 2], None]), [[1, 2.9], [1, "2"], "12", {"0": 1}]),
        (pa.array([["a", "b"]]), ["ab", ["a", 5]]),
        (pa.array([{"x": 1}]), [{"x": 1.5}, {"x": 1, "y": 2}, [1]]),
        (pa.array([datetime.date(2026, 1, 5)]), ["2026-01-05 05:00", 5]),
        (pa.array([datetime.time(12, 0, 0, 5)]), ["12:00:00.000005001", "12:00", 43200]),
        (pa.array([datetime.datetime(2026, 1, 5)]), ["2026-01-05T00:00:00.0000001", 0]),
    ],
)
def test_a_value_of_another_kind_in_json_is_never_bent_until_it_fits(
    tmp_path: Path, column: pa.Array, changed: list[Any]
):
    path = tmp_path / "saved.json"
    saved = _written(path, column)
    rows = json.loads(path.read_text())
    assert _read(path, column.type) == saved

    for value in changed:
        path.write_text(json.dumps([{**rows[0], "a": value}, *rows[1:]]))
        assert _read(path, column.type) != saved, value


def test_numbers_that_other_programs_write_in_other_ways_are_the_same(tmp_path: Path):
    path = tmp_path / "saved.json"
    saved = _written(path, pa.array([2.0, 0.5]))
    path.write_text('[{"a": 2, "b": "x"}, {"a": 5e-1, "b": "x"}]')

    assert _read(path, pa.float64()) == saved


def test_an_object_with_a_name_twice_is_refused(tmp_path: Path):
    path = tmp_path / "saved.json"
    path.write_text('[{"a": 1, "a": 2, "b": "x"}]')

    with pytest.raises(InvalidInput, match="a name twice"):
        _read(path, pa.int64())


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (pa.array([2]), "2.9"),
        (pa.array([True]), "1"),
        (pa.array([datetime.date(2026, 1, 5)]), "2026-01-05 05:00"),
        (pa.array([datetime.datetime(2026, 1, 5)]), "2026-01-05 00:00:00.0000001"),
    ],
)
def test_a_cell_of_another_kind_in_csv_is_refused(tmp_path: Path, column: pa.Array, cell: str):
    path = tmp_path / "saved.csv"
    saved = _written(path, column)
    assert _read(path, column.type) == saved

    path.write_text(f"a,b\n{cell},x\n")
    with pytest.raises(InvalidInput, match="cannot be read as csv"):
        _read(path, column.type)


@pytest.mark.parametrize(
    "column", [pa.array([[datetime.date(2026, 1, 5)]]), pa.array([[b"x"]]), pa.array([[float("nan")]])]
)
def test_what_json_cannot_hold_within_a_list_is_an_error_that_says_so(tmp_path: Path, column: pa.Array):
    with pytest.raises(InvalidInput, match=r"json cannot.*Save as parquet"):
        _written(tmp_path / "saved.json", column)
