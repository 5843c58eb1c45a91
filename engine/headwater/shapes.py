"""How a value is named in messages and run records: its type and its shape, never its content."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from headwater.columns import package_of
from headwater.values import Reference, Unevaluated, describe

__all__ = ["plain", "summary"]

_DEPTH = 8
_SHAPED = ("numpy", "pandas", "polars", "pyarrow")


def summary(value: Any) -> str:
    """Return the type and shape of a value, as `Series[float64] (104 rows)` or `float`."""
    name = type(value).__name__
    shape = getattr(value, "shape", None) if package_of(value) in _SHAPED else None
    if isinstance(shape, tuple) and shape:
        dtype = getattr(value, "dtype", None)
        typed = f"{name}[{dtype}]" if dtype is not None else name
        columns = f" x {shape[1]:,} columns" if len(shape) > 1 else ""
        return f"{typed} ({shape[0]:,} rows{columns})"
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"{name} ({len(value):,} items)"
    return name


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return a figure as JSON can hold it.

    What is not a number is None and what is infinite "inf"; times are ISO texts and durations seconds;
    classes and functions are named; of other objects only type and shape are told.
    """
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        return _plain_number(value)
    if depth and isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)  # their order depends on the process
    if depth and isinstance(value, (list, tuple)):
        return [plain(item, depth - 1) for item in value]
    if isinstance(value, (Reference, Unevaluated)) or hasattr(value, "__qualname__"):
        return describe(value)
    return _plain_object(value)


def _plain_number(value: float) -> Any:
    if isinstance(value, int):
        # Readers of JSON take larger ones for floats, and Python refuses to write very long ones.
        return int(value) if value.bit_length() <= 64 else f"about 2**{value.bit_length() - 1}"
    if math.isfinite(value):
        return float(value)
    return None if math.isnan(value) else f"{value:f}"


def _plain_object(value: Any) -> Any:
    from datetime import date, time, timedelta
    from decimal import Decimal
    from numbers import Rational

    if package_of(value) == "numpy" and getattr(value, "shape", None) == ():
        kind = value.dtype.kind
        return plain(value.astype(f"{kind}8[us]").item() if kind in "mM" else value.item(), 0)
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (Rational, Decimal)):
        try:
            return _plain_number(float(value))
        except (OverflowError, ValueError):  # a fraction beyond all floats, a signalling NaN
            return None
    return summary(value)
