"""Stamps: written into files, found without reading data, and read with suspicion."""

import json
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import InvalidInput
from headwater_catalog.stamp_files import find_stamp, format_of_content
from headwater_catalog.stamps import LARGEST, SIDECAR, completed, parse_stamp, stamp_bytes
from headwater_catalog.table_files import TableFile, write_table

DRAFT = {
    "version": "0" * 32,
    "dataset": "d",
    "repository": "shop",
    "commit": "a" * 40,
    "patch": None,
    "run": 1,
    "made_at": "2026-01-05T00:00:00+00:00",
    "made_by": "ana",
    "dataflow": "d",
    "config": {},
    "outputs": ["x"],
    "inputs": {},
    "environment": {},
    "recipe": {},
    "lineage_scheme": "l",
    "columns": {"x": {"kind": "feature", "feature": "m:x", "node": "x", "lineage": "h", "opaque": []}},
}
WHOLE = completed(DRAFT, 2, "s:f", {"x": {"type": "int64", "fingerprint": "c"}}, "")


def _written(folder: Path, format: str, stamp: bytes = b'{"a": 1}') -> Path:
    table = pa.table({"x": [1, 2]})
    path = folder / f"table.{format}"
    source = TableFile(table.schema, lambda: iter(table.to_batches()))
    write_table(path, format, source, stamp, {"x": b'{"b": 2}'})
    return path


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize("size", [0, 1, 100, 70_000, 3_000_000])
def test_a_stamp_is_found_in_the_file(tmp_path: Path, format: str, size: int):
    path = _written(tmp_path, format, b"s" * size)

    assert find_stamp(path) == b"s" * size
    assert format_of_content(path) == format


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_each_column_says_what_made_it(tmp_path: Path, format: str):
    path = _written(tmp_path, format)
    if format == "parquet":
        schema = pq.read_schema(path)
    else:
        with pa.ipc.open_file(path) as file:
            schema = file.schema

    assert schema.field("x").metadata[b"headwater"] == b'{"b": 2}'
    assert schema.metadata[b"headwater"] == b'{"a": 1}'


def test_the_stamp_of_a_text_file_is_beside_it(tmp_path: Path):
    path = _written(tmp_path, "csv")
    assert find_stamp(path) is None

    (tmp_path / f"table.csv{SIDECAR}").write_bytes(b"{}")
    assert find_stamp(path) == b"{}"


def test_a_file_of_somebody_else_has_none(tmp_path: Path):
    table = pa.table({"x": [1]}).replace_schema_metadata({"other": "y"})
    pq.write_table(table, tmp_path / "x.parquet")
    with pa.ipc.new_file(str(tmp_path / "x.arrow"), table.schema) as writer:
        writer.write_table(table)

    assert find_stamp(tmp_path / "x.parquet") is None
    assert find_stamp(tmp_path / "x.arrow") is None


def test_stamps_are_found_behind_many_row_groups_with_statistics(tmp_path: Path):
    table = pa.table({f"c{n}": [float(n)] * 100 for n in range(20)} | {"ok": [True, False] * 50})
    pq.write_table(
        table.replace_schema_metadata({"headwater": "here"}), tmp_path / "x.parquet", row_group_size=1
    )

    assert find_stamp(tmp_path / "x.parquet") == b"here"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(format=st.sampled_from(["parquet", "arrow"]), at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_damage_to_a_file_is_more_than_an_error(tmp_path: Path, format: str, at: int, byte: int):
    path = _written(tmp_path, format)
    data = bytearray(path.read_bytes())
    data[at % len(data)] = byte
    path.write_bytes(data)
    try:
        found = find_stamp(path)
    except InvalidInput:
        return
    assert found is None or isinstance(found, bytes)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_footer_is_more_than_an_error(tmp_path: Path, footer: bytes):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")
    try:
        find_stamp(path)
    except InvalidInput as refused:
        assert "its description cannot be read" in str(refused)


@pytest.mark.parametrize("magic", [b"PAR1", b"ARROW1\0\0"])
def test_half_a_file_is_told(tmp_path: Path, magic: bytes):
    path = tmp_path / "half"
    path.write_bytes(magic + b"x" * 50)
    with pytest.raises(InvalidInput, match="a part of it is missing"):
        find_stamp(path)


def test_a_footer_that_would_be_larger_than_the_file_is_told(tmp_path: Path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + b"x" * 50 + struct.pack("<I", 2**31) + b"PAR1")
    with pytest.raises(InvalidInput, match="its footer would have"):
        find_stamp(path)


def test_a_deeply_nested_footer_takes_no_stack(tmp_path: Path):
    path = tmp_path / "x.parquet"
    footer = b"\x1c" * 200_000  # field 1, a structure, in it field 1, a structure, ...
    path.write_bytes(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")
    with pytest.raises(InvalidInput):
        find_stamp(path)


def test_a_stamp_is_read_as_it_was_written():
    stamp = parse_stamp(stamp_bytes(WHOLE))

    assert stamp.content == WHOLE
    assert (stamp.rows, stamp.fingerprint, stamp.fingerprint_scheme) == (2, "f", "s")
    assert stamp.columns[0]["feature"] == "m:x"


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "headwater-stamp-9"},
        {"rows": "2"},
        {"rows": True},
        {"rows": 1.5},
        {"commit": None},
        {"commit": "nul \0"},
        {"config": []},
        {"outputs": [1]},
        {"inputs": {"weekly": "x"}},
        {"inputs": {"weekly": {"rows": "many"}}},
        {"inputs": {"weekly": {"sha256": 7}}},
        {"columns": {}},
        {"columns": ["x"]},
        {"columns": [{"name": 1}]},
        {"columns": [{**WHOLE["columns"][0], "feature": 7}]},
        {"fingerprint": "f"},
        {"fingerprint": {"scheme": "s"}},
    ],
)
def test_a_stamp_of_another_form_is_damaged(change: dict[str, Any]):
    with pytest.raises(InvalidInput, match="is damaged"):
        parse_stamp(json.dumps({**WHOLE, **change}).encode())


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"[]", b"null", b"{}", b'{"rows": NaN}', b"[" * 100_000, b"9" * 5_000),
        json.dumps({**WHOLE, "config": json.loads("[" * 90 + "]" * 90)}).encode(),
    ],
)
def test_what_is_no_stamp_is_damaged(data: bytes):
    with pytest.raises(InvalidInput, match="is damaged"):
        parse_stamp(data)


def test_a_stamp_beyond_all_measure_is_not_read():
    with pytest.raises(InvalidInput, match="is larger than 32 MB"):
        parse_stamp(b" " * (LARGEST + 1))
