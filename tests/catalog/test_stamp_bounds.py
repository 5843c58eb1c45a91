"""Descriptions of files that were made to be slow or large: work and memory are bounded, whatever they say."""

import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.errors import InvalidInput
from headwater_catalog import stamp_files
from headwater_catalog.stamp_files import find_stamp
from headwater_catalog.stamps import parse_stamp

STEPS = 20_000
"""What is looked at in these tests; each part of it takes less than this many lines of our code."""
LINES = 40


@contextmanager
def _few_lines() -> Iterator[None]:
    """Hold what is done inside to as many lines of the reader as its steps allow."""
    lines = 0

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != stamp_files.__file__:
            return None
        lines += 1
        assert lines < STEPS * LINES, "a file has more work done on it than its steps allow"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.fixture(autouse=True)
def _fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp_files, "_MOST_STEPS", STEPS)


def _varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def _list(kind: int, count: int, field: int = 1) -> bytes:
    """Return the begin of a field that is a list, in Thrift's compact form."""
    return bytes([field << 4 | 9, 0xF0 | kind]) + _varint(count)


def _parquet(path: Path, footer: bytes) -> Path:
    path.write_bytes(b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1")
    return path


def _arrow(path: Path, pairs: int, key: bytes, value: bytes = b"v") -> Path:
    """Write a schema of Arrow whose pairs of metadata are all the same one."""
    data = bytearray(struct.pack("<I", 0))

    def put(content: bytes) -> int:
        data.extend(content)
        return len(data) - len(content)

    def refer(place: int, to: int) -> None:
        struct.pack_into("<I", data, place, to - place)

    def table(entries: bytes, *fields: bytes) -> int:
        form = put(struct.pack("<HH", 4 + len(entries), 4 + 4 * len(fields)) + entries)
        at = put(struct.pack("<i", len(data) - form))
        for field in fields:
            put(field)
        return at

    message = table(struct.pack("<HHH", 0, 4, 8), struct.pack("<I", 1), b"\0" * 4)
    refer(0, message)
    schema = table(struct.pack("<HHH", 0, 0, 4), b"\0" * 4)
    refer(message + 8, schema)
    vector = put(struct.pack("<I", pairs) + b"\0" * 4 * pairs)
    refer(schema + 4, vector)
    pair = table(struct.pack("<HH", 4, 8), b"\0" * 4, b"\0" * 4)
    for place in range(vector + 4, vector + 4 + 4 * pairs, 4):
        refer(place, pair)
    for place, text in ((pair + 4, key), (pair + 8, value)):
        refer(place, put(struct.pack("<I", len(text)) + text))
    path.write_bytes(b"ARROW1\0\0\xff\xff\xff\xff" + struct.pack("<i", len(data)) + data + b"ARROW1")
    return path


FOOTERS: dict[str, Callable[[], bytes]] = {
    "a list of bytes": lambda: _list(3, 500_000) + bytes(500_000) + b"\0",
    "a list of numbers": lambda: _list(7, 100_000) + bytes(800_000) + b"\0",
    "a list of flags": lambda: _list(1, 500_000) + bytes(500_000) + b"\0",
    "a list of whole numbers": lambda: _list(5, 500_000) + bytes(500_000) + b"\0",
    "a list of empty structures": lambda: _list(12, 500_000) + bytes(500_000) + b"\0",
    "a list of empty lists": lambda: _list(9, 500_000) + b"\x03" * 500_000 + b"\0",
    "lists within lists": lambda: b"\x19" + b"\x19" * 500_000,
    "structures within structures": lambda: b"\x1c" * 500_000,
    "fields without end": lambda: b"\x15\0" * 250_000,
    "pairs without end": lambda: _list(12, 200_000, 5) + b"\x18\0\0" * 200_000 + b"\0",
    "a pair of fields without end": lambda: _list(12, 1, 5) + b"\x18\0" * 250_000,
    "more pairs than there are": lambda: _list(12, 2**60, 5),
}


@pytest.mark.parametrize("name", FOOTERS)
def test_no_footer_is_much_work(tmp_path: Path, name: str):
    path = _parquet(tmp_path / "x.parquet", FOOTERS[name]())
    with _few_lines():
        try:
            find_stamp(path)
        except InvalidInput as refused:
            assert "its description cannot be read" in str(refused)


@pytest.mark.parametrize("name", FOOTERS)
def test_no_footer_takes_much_more_memory_than_it_is_long(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stamp_files, "_MOST_STEPS", 4_000_000)
    path = _parquet(tmp_path / "x.parquet", FOOTERS[name]())
    tracemalloc.start()
    try:
        find_stamp(path)
    except InvalidInput:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2 * path.stat().st_size + 200_000


def test_many_pairs_of_one_long_key_are_little_work(tmp_path: Path):
    path = _arrow(tmp_path / "x.arrow", pairs=1_000, key=b"k" * 1_000_000)
    tracemalloc.start()
    with _few_lines():
        assert find_stamp(path) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * path.stat().st_size
    assert find_stamp(_arrow(tmp_path / "y.arrow", pairs=3, key=b"headwater")) == b"v"


def test_pairs_without_end_are_told(tmp_path: Path):
    path = _arrow(tmp_path / "x.arrow", pairs=300_000, key=b"k")
    with _few_lines(), pytest.raises(InvalidInput, match="too many parts"):
        find_stamp(path)


def _real(folder: Path, format: str) -> bytes:
    path = folder / f"real.{format}"
    table = pa.table({f"c{n}": [{"a": [float(n)], "b": "x"}] * 8 for n in range(3)})
    table = table.replace_schema_metadata({"other": "o" * 50, "headwater": "here"})
    if format == "parquet":
        pq.write_table(table, path, row_group_size=2)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    assert find_stamp(path) == b"here"
    return path.read_bytes()


_CHANGE = st.tuples(st.integers(0, 100_000), st.binary(min_size=1, max_size=9))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(
    format=st.sampled_from(["parquet", "arrow"]),
    changes=st.lists(_CHANGE, max_size=6),
    again=st.integers(0, 5_000),
)
def test_no_change_of_a_real_file_makes_it_much_work(
    tmp_path: Path, format: str, changes: list[tuple[int, bytes]], again: int
):
    whole = _real(tmp_path, format)
    if format == "parquet":
        (length,) = struct.unpack("<I", whole[-8:-4])
        part = bytearray(whole[-8 - length : -8])
    else:
        part = bytearray(whole[8:-6])
    for at, content in changes:
        at %= len(part)
        part[at : at + len(content)] = content
    if again:
        part[again % len(part) : again % len(part)] = bytes(part[: again % len(part)]) * 50
    path = tmp_path / f"changed.{format}"
    if format == "parquet":
        _parquet(path, bytes(part))
    else:
        path.write_bytes(b"ARROW1\0\0" + bytes(part) + b"ARROW1")
    with _few_lines():
        try:
            found = find_stamp(path)
        except InvalidInput as refused:
            assert "its description cannot be read" in str(refused)
        else:
            assert found is None or isinstance(found, bytes)


@pytest.mark.parametrize("part", [b"[],", b"{},", b"0,"])
def test_a_stamp_of_too_many_parts_is_not_made(part: bytes):
    data = b'{"scheme":"headwater-stamp-1","x":[' + part * 2_000_000 + b"0]}"
    tracemalloc.start()
    with pytest.raises(InvalidInput, match=r"more than 300,000 objects or 1,000,000 items"):
        parse_stamp(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1_000_000
