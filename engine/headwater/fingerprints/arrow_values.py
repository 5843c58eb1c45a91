"""How arrays and tables of Arrow are written for a fingerprint."""

from __future__ import annotations

from typing import Any

from headwater.fingerprints.encoder import Encoder, Unknown, Writer
from headwater.fingerprints.numpy_values import write_array

__all__ = ["WRITERS", "writer_of"]

WRITERS: dict[type, Writer] = {}
"""Nothing is known without looking at the class."""


def writer_of(of: type) -> Writer:
    """Return the writer of a class of Arrow; others than arrays and tables are refused."""
    import pyarrow as pa  # type: ignore[import-untyped]

    if issubclass(of, (pa.Array, pa.ChunkedArray)) and not issubclass(of, pa.ExtensionArray):
        return _array
    return {pa.Table: _table, pa.RecordBatch: _table}.get(of, _refuse)


def _refuse(value: Any, encoder: Encoder) -> None:
    raise Unknown(f"{type(value)} is not known")


def _table(value: Any, encoder: Encoder) -> None:
    schema = value.schema
    encoder.add_text(b"arrow", type(value).__name__)
    encoder.write(schema.metadata)
    for field, column in zip(schema, value.columns, strict=True):
        encoder.write_all(b"field", (field.name, field.nullable, field.metadata))
        _array(column, encoder)


def _array(value: Any, encoder: Encoder) -> None:
    """Write an array whatever its chunks and offsets; what stands where a value is missing means nothing."""
    import pyarrow as pa

    if isinstance(value, pa.ChunkedArray):
        value = value.combine_chunks() if value.num_chunks != 1 else value.chunk(0)
    if isinstance(value, pa.ChunkedArray):  # too large for one array of its type
        value = pa.concat_arrays(value.chunks)
    type_ = value.type
    encoder.add_text(b"arrow type", str(type_))
    encoder.write(len(value))
    write_array(value.is_null().to_numpy(zero_copy_only=False), encoder)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        _strings(value, encoder)
    elif pa.types.is_dictionary(type_):
        _array(value.indices, encoder)
        _array(value.dictionary, encoder)
    elif pa.types.is_temporal(type_) and type_.bit_width in (32, 64):
        whole = pa.int64() if type_.bit_width == 64 else pa.int32()
        write_array(value.view(whole).fill_null(0).to_numpy(zero_copy_only=False), encoder)
    elif pa.types.is_integer(type_) or pa.types.is_float32(type_) or pa.types.is_float64(type_):
        write_array(value.fill_null(0).to_numpy(zero_copy_only=False), encoder)
    elif pa.types.is_boolean(type_):
        write_array(value.fill_null(False).to_numpy(zero_copy_only=False), encoder)
    elif "dictionary" in str(type_):
        raise Unknown("dictionaries inside of other types are not told")
    else:
        encoder.write(value.to_pylist())


def _strings(value: Any, encoder: Encoder) -> None:
    import numpy as np
    import pyarrow as pa

    filled = value.fill_null("").cast(pa.large_string())
    _, offsets, content = filled.buffers()
    if len(filled) == 0 or content is None:
        write_array(np.zeros(len(filled), np.int64), encoder)
        return
    places = np.frombuffer(offsets, np.int64)[filled.offset : filled.offset + len(filled) + 1]
    write_array(np.diff(places), encoder)
    encoder.add_large(b"text", memoryview(content)[places[0] : places[-1]])
