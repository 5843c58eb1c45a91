"""Kinds of Arrow types that several of its types are."""

from __future__ import annotations

import pyarrow as pa  # type: ignore[import-untyped]

__all__ = ["is_bytes", "is_list"]


def is_bytes(kind: pa.DataType) -> bool:
    """Tell whether a type is one of bytes, which no text format holds."""
    types = pa.types
    of_any_length = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(of_any_length or types.is_fixed_size_binary(kind))


def is_list(kind: pa.DataType) -> bool:
    """Tell whether a type is one of lists, of any length or of one."""
    types = pa.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
