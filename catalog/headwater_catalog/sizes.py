"""Sizes of files as people read them."""

from __future__ import annotations

__all__ = ["size_in_words"]


def size_in_words(size: int) -> str:
    """Return a number of bytes in the unit that suits it: `1.2 MB`."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
