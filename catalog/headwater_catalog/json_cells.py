"""The cells of tables in JSON: what may be there, and what is there as what it was saved as."""

from __future__ import annotations

import contextlib
import json
import math
import struct
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]

from headwater.errors import InvalidInput
from headwater_catalog.arrow_types import is_bytes, is_list

__all__ = ["as_json_cells", "cells_of_json", "is_for_json", "object_of_pairs"]

_FLOATS: Final = {16: "e", 32: "f"}


def object_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, of which every reader reads the same."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInput("It is JSON in which an object has a name twice.")
    return found


def cells_of_json(values: list[Any], kind: pa.DataType | None) -> pa.Array:
    """Return a column of the type that it was saved with.

    Where a value is none of that type, somebody has changed the file. Then the column is one of bytes, which
    no column of JSON ever was, and none of its values is bent until it fits.
    """
    if kind is None:
        return pa.array(values)
    if all(_is_of(kind, value) for value in values):
        with contextlib.suppress(pa.ArrowInvalid, OverflowError):
            return _typed(values, kind)
    return pa.array([None if value is None else json.dumps(value).encode() for value in values], pa.binary())


def _typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_time(kind):  # Arrow reads no times of day, but instants
        instants = [None if value is None else f"1970-01-01T{value}" for value in values]
        return pa.array(instants, pa.string()).cast(pa.timestamp(kind.unit)).cast(kind)
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        return pa.array(values, pa.string()).cast(kind)
    if pa.types.is_floating(kind):
        return pa.array([float(value) if value is not None else None for value in values], kind)
    return pa.array(values, kind)


def _is_of(kind: pa.DataType, value: Any) -> bool:
    """Tell whether a value of JSON is one of a type, without being made to fit."""
    types = pa.types
    if value is None:
        return True
    if types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        return type(value) is dict and all(n in fields and _is_of(fields[n], v) for n, v in value.items())
    if is_list(kind):
        return type(value) is list and all(_is_of(kind.value_type, each) for each in value)
    if types.is_boolean(kind):
        return type(value) is bool
    if types.is_integer(kind):
        return type(value) is int
    if types.is_floating(kind):  # other programs write 2.0 as 2, which is the same number
        return type(value) in (int, float) and _is_exact(value, kind.bit_width)
    return type(value) is str


def _is_exact(value: float, bits: int) -> bool:
    """Tell whether a number is one of those that so many bits can hold."""
    try:
        number = float(value)
        held = number if bits == 64 else struct.unpack(_FLOATS[bits], struct.pack(_FLOATS[bits], number))[0]
    except OverflowError:
        return False
    return bool(held == value or math.isnan(number))


def is_for_json(kind: pa.DataType, is_inside: bool = False) -> bool:
    """Tell whether JSON can hold values of a type, within lists and structures too."""
    types = pa.types
    if types.is_struct(kind):
        return all(is_for_json(field.type, True) for field in kind)
    if is_list(kind):
        return is_for_json(kind.value_type, True)
    if is_inside and (types.is_temporal(kind) or types.is_decimal(kind) or types.is_dictionary(kind)):
        return False
    return not (types.is_duration(kind) or types.is_map(kind) or is_bytes(kind))


def as_json_cells(field: pa.Field, column: pa.Array) -> list[Any]:
    """Return the cells of a column as JSON has them.

    Raises:
        InvalidInput: It cannot hold one of them.
    """
    if pa.types.is_temporal(field.type) or pa.types.is_decimal(field.type):
        texts = column.cast(pa.string()).to_pylist()
        return [text if text is None else text.replace(" ", "T", 1) for text in texts]
    values = column.to_pylist()
    if pa.types.is_floating(field.type):
        if any(value is not None and math.isinf(value) for value in values):
            raise InvalidInput(
                f"Column '{field.name}' has infinite numbers, which json cannot hold. Save as parquet, arrow "
                "or csv."
            )
        return [None if value is None or math.isnan(value) else value for value in values]
    return list(values)
