"""How tables and columns of polars are written for a fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.fingerprints.encoder import Encoder, Unknown, Writer
from headwater.fingerprints.numpy_values import write_array

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WRITERS", "writer_of"]

WRITERS: dict[type, Writer] = {}
"""Nothing is known without looking at the class."""


def writer_of(of: type) -> Writer:
    """Return the writer of a class of polars; a lazy table, for one, is refused: it may read anything."""
    import polars as pl

    known: dict[type, Writer] = {pl.DataFrame: _frame, pl.Series: _series}
    return known.get(of, _refuse)


def _refuse(value: Any, encoder: Encoder) -> None:
    raise Unknown(f"{type(value)} is not known")


def _frame(value: pl.DataFrame, encoder: Encoder) -> None:
    encoder.write_all(b"polars", value.get_columns())


def _series(value: pl.Series, encoder: Encoder) -> None:
    import polars as pl

    dtype = value.dtype
    encoder.write_all(b"column", (value.name, repr(dtype), len(value)))
    write_array(value.is_null().to_numpy(), encoder)
    if dtype.is_temporal() or dtype.is_nested():
        _require_plain_parts(dtype)
        value = value.to_physical()  # Python's own moments have no nanoseconds
    if value.dtype == pl.Boolean:
        write_array(value.fill_null(False).to_numpy(), encoder)
    elif _is_number(value.dtype):
        write_array(value.fill_null(0).to_numpy(), encoder)
    elif isinstance(dtype, (pl.Object, pl.Unknown)):
        raise Unknown("objects in a column of polars are not looked at")
    else:
        encoder.write(value.to_list())


def _require_plain_parts(dtype: pl.DataType) -> None:
    # Categories inside of lists would be written as their numbers, which mean nothing without them.
    if any(kind in repr(dtype) for kind in ("Categorical", "Enum", "Object")):
        raise Unknown(f"{dtype!r} is not told")


def _is_number(dtype: pl.DataType) -> bool:
    # Numbers of 128 bits are not numpy's.
    return dtype.is_numeric() and not dtype.is_decimal() and "128" not in repr(dtype)
