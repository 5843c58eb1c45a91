"""Fingerprints of the content of tables: the same however a table is stored, another where a value is.

The scheme `headwater-content-1`. A column is hashed by SHA-256 in blocks of 65,536 rows, after its kind of
values. A block holds which values are missing, then all values in one form, with zeros in place of what is
missing. So it makes no difference how rows are grouped, how values are encoded and compressed, or which
format the file has. Rules:

- NaN of any bits is missing, as null is; -0.0 is 0.0.
- Numbers of other widths are other kinds; a dictionary's values, large texts and views are plain ones.
- Instants, durations and times of day are counted in nanoseconds, whatever unit they have; an instant with a
  time zone is one of UTC.
- The order of rows counts. The fingerprint of a table is made of the names and fingerprints of its columns
  in the order of their names: their own order does not count, and a column that is renamed keeps its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from headwater.errors import InvalidInput
from headwater_catalog.arrow_types import is_bytes, is_list
from headwater_catalog.fingerprint_scheme import SCHEME

__all__ = ["BLOCK_ROWS", "SCHEME", "THREADS", "TableFingerprint", "blocks_of", "fingerprint_of", "kind_of"]

BLOCK_ROWS: Final = 65_536

THREADS: Final = 4
"""How many threads go through a table, column by column."""
_NANOS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


@dataclass(frozen=True, slots=True)
class TableFingerprint:
    """What a table holds.

    Attributes:
        table: The fingerprint of all of it.
        columns: The fingerprint of each column by its name.
        rows: How many rows there are.
    """

    table: str
    columns: Mapping[str, str]
    rows: int


def fingerprint_of(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> TableFingerprint:
    """Return the fingerprints of a table that comes in pieces of any size.

    Raises:
        InvalidInput: A column holds what has no fingerprint, or two have one name.
    """
    names = schema.names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"Column '{twice[0]}' is there twice, so that nobody can tell which is meant.")
    hashes = [_begun(field.name, field.type) for field in schema]
    rows = 0
    with ThreadPoolExecutor(THREADS) as pool:  # hashing lets other threads work
        for block in blocks_of(schema, batches):
            rows += block.num_rows
            list(pool.map(_feed, hashes, block.columns))
    columns = {name: _ended(hashed, rows) for name, hashed in zip(names, hashes, strict=True)}
    return TableFingerprint(_together(columns, rows), columns, rows)


def _begun(name: str, kind: pa.DataType) -> Any:
    try:
        return hashlib.sha256(f"{SCHEME}\n{kind_of(kind)}\n".encode())
    except InvalidInput as error:
        raise InvalidInput(f"Column '{name}' has no fingerprint: {error}") from None


def _ended(hashed: Any, rows: int) -> str:
    hashed.update(rows.to_bytes(8, "little"))
    return str(hashed.hexdigest())


def _together(columns: Mapping[str, str], rows: int) -> str:
    whole = hashlib.sha256(f"{SCHEME}\n{rows}\n".encode())
    for name in sorted(columns):
        text = name.encode("utf-8", "surrogatepass")
        whole.update(len(text).to_bytes(8, "little") + text + bytes.fromhex(columns[name]))
    return whole.hexdigest()


def blocks_of(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield a table in blocks of `BLOCK_ROWS` rows, the last one as it comes, in memory for one or two."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        while count >= BLOCK_ROWS:
            whole = _joined(schema, waiting)
            yield whole.slice(0, BLOCK_ROWS)
            count -= BLOCK_ROWS
            waiting = [whole.slice(BLOCK_ROWS)] if count else []
    if count:
        yield _joined(schema, waiting)


def _joined(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    # Pieces may each have a dictionary of their own, which are not put together but left aside.
    plain = [
        pa.RecordBatch.from_arrays([_decoded(c) for c in b.columns], names=schema.names) for b in batches
    ]
    return pa.concat_batches(plain)


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def kind_of(kind: pa.DataType) -> str:
    """Return the name by which values of a type are hashed: types that hold the same values share one.

    Raises:
        InvalidInput: The type has no fingerprint.
    """
    types = pa.types
    if types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return kind_of(kind.storage_type)
    if types.is_null(kind) or types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return str(kind)
    for name, matches in _SHARED:
        if any(match(kind) for match in matches):
            return name
    if types.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamp UTC"
    if types.is_decimal(kind):
        return f"decimal {kind.scale}"
    return _nested_kind(kind)


_SHARED: Final = (
    ("string", (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)),
    ("binary", (is_bytes,)),
    ("date", (pa.types.is_date,)),
    ("time", (pa.types.is_time,)),
    ("duration", (pa.types.is_duration,)),
)


def _nested_kind(kind: pa.DataType) -> str:
    if pa.types.is_map(kind):
        return f"map<{kind_of(kind.key_type)}, {kind_of(kind.item_type)}>"
    if is_list(kind):
        return f"list<{kind_of(kind.value_type)}>"
    if pa.types.is_struct(kind):
        parts = (f"{field.name!r}: {kind_of(field.type)}" for field in kind)
        return f"struct<{', '.join(parts)}>"
    raise InvalidInput(f"values of the type {kind} cannot be told apart.")


# One block of one column


def _feed(hashed: Any, array: pa.Array) -> None:
    """Add a block of values to a hash."""
    array = _decoded(array)
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        _feed(hashed, array.storage)
    elif pa.types.is_floating(kind):
        _feed_floats(hashed, array)
    else:
        _feed_missing(hashed, array.is_valid() if array.null_count else None, len(array))
        _feed_values(hashed, array)


def _feed_missing(hashed: Any, valid: pa.Array | None, length: int) -> None:
    """Say how many values there are, and which of them are missing."""
    hashed.update(length.to_bytes(8, "little") + (b"all" if valid is None else b"some"))
    if valid is not None:
        hashed.update(np.packbits(valid.to_numpy(zero_copy_only=False), bitorder="little"))


def _feed_floats(hashed: Any, array: pa.Array) -> None:
    values = array.to_numpy(zero_copy_only=False)  # null becomes NaN
    missing = np.isnan(values)
    values = values + 0.0  # a copy, in which -0.0 is 0.0
    if not missing.any():
        _feed_missing(hashed, None, len(values))
    else:
        _feed_missing(hashed, pa.array(~missing), len(values))
        values[missing] = 0.0
    hashed.update(_little(values.astype(f"f{array.type.bit_width // 8}", copy=False)))


def _feed_values(hashed: Any, array: pa.Array) -> None:
    kind, types = array.type, pa.types
    if types.is_null(kind):
        return
    if kind_of(kind) in ("string", "binary"):
        _feed_texts(hashed, array)
    elif types.is_boolean(kind):
        bits = pc.fill_null(array, False).to_numpy(zero_copy_only=False)
        hashed.update(np.packbits(bits, bitorder="little"))
    elif types.is_decimal(kind):
        wide = array.cast(pa.decimal256(76, kind.scale))
        wide = pc.fill_null(wide, pa.scalar(0).cast(wide.type)) if wide.null_count else wide
        hashed.update(_fixed_bytes(wide, 32))
    elif is_list(kind) or types.is_map(kind):
        _feed_lists(hashed, array)
    elif types.is_struct(kind):
        for part in array.flatten():  # by which what is in a missing one is missing
            _feed(hashed, part)
    else:
        hashed.update(_little(_whole_numbers(array)))


def _feed_texts(hashed: Any, array: pa.Array) -> None:
    large = pa.large_binary()
    plain = array.type in (pa.string(), pa.binary(), pa.large_string(), large)
    array = array if plain else array.cast(large)
    lengths = pc.binary_length(array)
    lengths = pc.fill_null(lengths, 0) if lengths.null_count else lengths
    hashed.update(_little(lengths.to_numpy(zero_copy_only=False).astype("u4", copy=False)))
    if array.null_count:
        array = array.drop_null()  # whose bytes may be anything
    wide = array.type in (pa.large_string(), large)
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return
    ends = np.frombuffer(offsets, "i8" if wide else "i4")
    first, last = int(ends[array.offset]), int(ends[array.offset + len(array)])
    hashed.update(memoryview(data)[first:last])


def _feed_lists(hashed: Any, array: pa.Array) -> None:
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.large_list(array.type.value_type))
    elif pa.types.is_map(array.type):
        keys = pa.field("key", array.type.key_type, nullable=False)
        entry = pa.struct([keys, pa.field("value", array.type.item_type)])
        array = array.cast(pa.list_(entry))
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    hashed.update(_little(lengths.to_numpy(zero_copy_only=False).astype("u4")))
    _feed(hashed, array.flatten())  # without what missing lists hold


def _whole_numbers(array: pa.Array) -> np.ndarray[Any, Any]:
    """Return numbers, dates, instants and lengths of time as whole numbers, zero where one is missing."""
    kind, types = array.type, pa.types
    if types.is_integer(kind):
        width = f"{'i' if types.is_signed_integer(kind) else 'u'}{kind.bit_width // 8}"
        return np.asarray(_filled(array).to_numpy(zero_copy_only=False).astype(width, copy=False))
    if types.is_date(kind):
        days = array.cast(pa.date32()).cast(pa.int32())
        return np.asarray(_filled(days).to_numpy(zero_copy_only=False).astype("i4", copy=False))
    unit = _NANOS[kind.unit]
    counted = array.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    counts = _filled(counted).to_numpy(zero_copy_only=False).astype("i8", copy=False)
    # Seconds and nanoseconds apart, since their product may be too large for one number.
    seconds, rest = np.divmod(counts, 1_000_000_000 // unit)
    return np.concatenate([seconds, rest * unit])


def _filled(array: pa.Array) -> pa.Array:
    return pc.fill_null(array, 0) if array.null_count else array


def _fixed_bytes(array: pa.Array, width: int) -> memoryview:
    data = array.buffers()[1]
    return memoryview(data)[array.offset * width : (array.offset + len(array)) * width]


def _little(values: np.ndarray[Any, Any]) -> memoryview:
    ordered = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return ordered.data.cast("B") if ordered.size else memoryview(b"")
