"""Find the stamp of a file without reading its data, in Python alone, so that no file can do harm.

A Parquet file has it in its footer (in Thrift's compact form), an Arrow file in its schema (a flatbuffer), a
CSV or JSON file in a file beside it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from headwater.errors import InvalidInput
from headwater_catalog.stamps import LARGEST, SIDECAR

__all__ = ["find_stamp", "format_of_content"]

_KEY: Final = b"headwater"
_MOST_FOOTER: Final = 256 * 1024 * 1024
_MOST_STEPS: Final = 4_000_000  # parts of a description that are looked at, some two seconds of work
_DEEPEST: Final = 100  # structures within one another; those of real files are seven deep
_PARQUET: Final = b"PAR1"
_ARROW: Final = b"ARROW1"
_MESSAGE_SCHEMA: Final = 1  # flatbuffers: which member of the union Message.header is


def format_of_content(path: Path) -> str | None:
    """Return what a file is by its first and last bytes: parquet or arrow; None where they do not say.

    Raises:
        InvalidInput: It begins as one of them, and does not end so.
    """
    with path.open("rb") as file:
        begin = file.read(8)
        size = file.seek(0, 2)
        file.seek(max(size - 6, 0))
        end = file.read()
    for name, magic in (("parquet", _PARQUET), ("arrow", _ARROW)):
        if begin.startswith(magic):
            if size < 12 or not end.endswith(magic):
                raise InvalidInput(f"The file begins as {name} and does not end so: a part of it is missing.")
            return name
    return None


def find_stamp(path: Path, sidecar: Path | None = None) -> bytes | None:
    """Return the bytes of a file's stamp; None where it has none.

    Args:
        path: The file.
        sidecar: The file beside it; by default the one of its name.

    Raises:
        InvalidInput: The file is not what it says.
    """
    found = format_of_content(path)
    try:
        with path.open("rb") as file:
            if found == "parquet":
                return _in_parquet(file)
            if found == "arrow":
                return _in_arrow(file)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise InvalidInput(
            f"The file says it is {found}, but its description cannot be read: {error}."
        ) from None
    beside = sidecar or path.with_name(path.name + SIDECAR)
    if not beside.is_file():
        return None
    with beside.open("rb") as file:
        return file.read(LARGEST + 1)


def _is(part: memoryview | None, key: bytes) -> bool:
    """Tell whether a part is a key, without making another of what is longer than that."""
    return part is not None and len(part) == len(key) and bytes(part) == key


# Parquet: FileMetaData at the end; field 5 is a list of KeyValue{1: key, 2: value}.


def _in_parquet(file: IO[bytes]) -> bytes | None:
    size = file.seek(0, 2)
    file.seek(size - 8)
    (length,) = struct.unpack("<I", file.read(4))
    if length > min(size - 12, _MOST_FOOTER):
        raise ValueError(f"its footer would have {length:,} bytes")
    file.seek(size - 8 - length)
    return _Compact(file.read(length)).metadata(_KEY)


_WIDTHS: Final = {1: 1, 2: 1, 3: 1, 7: 8}
"""The bytes of those items of a list that have always as many: booleans, bytes, numbers with fractions."""


class _Compact:
    """Reads Thrift's compact protocol, as far as is needed to skip what comes before the metadata."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._steps = 0

    def metadata(self, key: bytes) -> bytes | None:
        """Return the value of a key of the file's metadata."""
        field = 0
        while True:
            kind, field = self._field(field)
            if kind == 0:
                return None
            if field == 5 and kind == 9:
                return self._among(key)
            self._skip(kind)

    def _among(self, key: bytes) -> bytes | None:
        _, count = self._list()
        found = None
        for _ in range(count):
            name, value = self._pair()
            if _is(name, key):
                found = value
        return None if found is None else bytes(found[: LARGEST + 1])

    def _pair(self) -> tuple[memoryview | None, memoryview | None]:
        """Return the key and the value of a pair; nothing of the rest is kept."""
        name = value = None
        field = 0
        while True:
            kind, field = self._field(field)
            if kind == 0:
                return name, value
            if kind != 8 or field not in (1, 2):
                self._skip(kind)
            elif field == 1:
                name = self._bytes()
            else:
                value = self._bytes()

    def _byte(self) -> int:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise ValueError("it has too many parts")
        value = self._data[self._at]
        self._at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number in it has too many digits")

    def _bytes(self) -> memoryview:
        length = self._varint()
        begin = self._at
        self._forward(length)
        return self._data[begin : self._at]

    def _forward(self, length: int) -> None:
        self._at += length
        if self._at > len(self._data):
            raise ValueError("a part of it would go beyond its end")

    def _field(self, before: int) -> tuple[int, int]:
        """Return the type and the number of the next field; the type 0 ends a structure."""
        head = self._byte()
        kind, delta = head & 0x0F, head >> 4
        if head == 0:
            return 0, before
        if delta:
            return kind, before + delta
        number = self._varint()
        return kind, (number >> 1) ^ -(number & 1)

    def _list(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4
        return head & 0x0F, self._varint() if count == 15 else count

    def _skip(self, kind: int) -> None:
        """Go past a value; those within one another wait in a list, not on Python's stack."""
        # Each entry is what is left to skip: a structure by the field before, or a list by kind and count.
        pending: list[tuple[int, int, int]] = []
        self._skip_one(kind, pending)
        while pending:
            if len(pending) > _DEEPEST:
                raise ValueError("its parts are too deep within one another")
            what, inner, left = pending.pop()
            if what == 12:
                found, number = self._field(left)
                if found:
                    pending.append((12, 0, number))
                    self._skip_one(found, pending)
            elif left:
                pending.append((9, inner, left - 1))
                self._skip_one(inner, pending)

    def _skip_one(self, kind: int, pending: list[tuple[int, int, int]]) -> None:
        if kind in (1, 2):
            return
        if kind == 3:
            self._forward(1)
        elif kind in (4, 5, 6):
            self._varint()
        elif kind == 7:
            self._forward(8)
        elif kind == 8:
            self._forward(self._varint())
        elif kind in (9, 10):
            inner, count = self._list()
            if count > len(self._data):
                raise ValueError("a list in it is longer than all of it")
            if inner in _WIDTHS:  # so that a list costs no step for each of them
                self._forward(count * _WIDTHS[inner])
            else:
                pending.append((9, inner, count))
        elif kind == 12:
            pending.append((12, 0, 0))
        else:
            raise ValueError(f"a part of it is of the unknown kind {kind}")


# Arrow: after the magic the schema's message; flatbuffers refer to tables by offsets.


def _in_arrow(file: IO[bytes]) -> bytes | None:
    size = file.seek(0, 2)
    file.seek(8)
    first = file.read(4)
    # Files of old have no mark before the length.
    (length,) = struct.unpack("<i", file.read(4) if first == b"\xff\xff\xff\xff" else first)
    if not 0 < length <= min(size, _MOST_FOOTER):
        raise ValueError(f"its schema would have {length:,} bytes")
    buffer = _Flat(file.read(length))
    message = buffer.indirect(0)
    if buffer.field(message, 1, "<B") != _MESSAGE_SCHEMA:
        raise ValueError("it does not begin with a schema")
    schema = buffer.reference(message, 2)
    pairs = buffer.reference(schema, 2) if schema is not None else None
    for pair in buffer.tables(pairs) if pairs is not None else ():
        if _is(buffer.text(pair, 0), _KEY):
            value = buffer.text(pair, 1)
            return None if value is None else bytes(value[: LARGEST + 1])
    return None


class _Flat:
    """Reads a flatbuffer, refusing what leads out of it.

    Its parts may be one another's: any number of pairs may have the same long key. So nothing is copied.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._steps = 0

    def _unpack(self, form: str, at: int) -> int:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise ValueError("it has too many parts")
        if not 0 <= at <= len(self._data) - struct.calcsize(form):
            raise ValueError("a part of it would go beyond its end")
        return int(struct.unpack_from(form, self._data, at)[0])

    def indirect(self, at: int) -> int:
        return at + self._unpack("<I", at)

    def _place(self, table: int, number: int) -> int | None:
        """Return where a field of a table stands; None where the table lacks it."""
        entries = table - self._unpack("<i", table)
        slot = 4 + 2 * number
        if slot >= self._unpack("<H", entries):
            return None
        offset = self._unpack("<H", entries + slot)
        return table + offset if offset else None

    def field(self, table: int, number: int, form: str) -> int | None:
        place = self._place(table, number)
        return None if place is None else self._unpack(form, place)

    def reference(self, table: int, number: int) -> int | None:
        place = self._place(table, number)
        return None if place is None else self.indirect(place)

    def tables(self, vector: int) -> Iterator[int]:
        count = self._unpack("<I", vector)
        if count * 4 > len(self._data):
            raise ValueError("a list in it is longer than all of it")
        return (self.indirect(vector + 4 + 4 * each) for each in range(count))

    def text(self, table: int, number: int) -> memoryview | None:
        at = self.reference(table, number)
        if at is None:
            return None
        length = self._unpack("<I", at)
        if at + 4 + length > len(self._data):
            raise ValueError("a part of it would go beyond its end")
        return self._data[at + 4 : at + 4 + length]
