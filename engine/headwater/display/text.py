"""Texts of a graph made fit for drawings: names, docs and values may hold anything."""

from __future__ import annotations

import re

__all__ = ["printable", "wide"]

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return a text with the characters that no drawing can hold replaced."""
    return _FORBIDDEN.sub("\ufffd", text)


def wide(text: str) -> int:
    """Return how many columns of a monospaced font a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
