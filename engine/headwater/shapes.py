"""How a value is named in messages and run records: its type and its shape, never its content."""

from __future__ import annotations

from typing import Any

from headwater.columns import package_of

__all__ = ["summary"]


def summary(value: Any) -> str:
    """Return the type and shape of a value, as `Series[float64] (104 rows)` or `float`."""
    name = type(value).__name__
    shape = getattr(value, "shape", None)
    if package_of(value) in ("pandas", "polars", "numpy", "pyarrow") and isinstance(shape, tuple) and shape:
        dtype = getattr(value, "dtype", None)
        typed = f"{name}[{dtype}]" if dtype is not None else name
        columns = f" x {shape[1]:,} columns" if len(shape) > 1 else ""
        return f"{typed} ({shape[0]:,} rows{columns})"
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"{name} ({len(value):,} items)"
    return name
