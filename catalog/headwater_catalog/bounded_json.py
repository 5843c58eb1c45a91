"""JSON that anybody may have written, counted before it is read: a little text makes many objects."""

from __future__ import annotations

from typing import Final

__all__ = ["TooMuch", "require_few"]

_OBJECTS: Final = 300_000  # and lists: empty ones take two bytes in a file, and sixty in memory


class TooMuch(ValueError):
    """A text tells more than is read."""


def require_few(text: bytes, items: int) -> None:
    """Raise TooMuch where a text may hold more objects and lists, or more items of them, than it should.

    They are counted without reading it, by the signs between them, whatever of these may stand in texts.
    """
    if text.count(b"{") + text.count(b"[") > _OBJECTS or text.count(b",") > items:
        raise TooMuch(f"it has more than {_OBJECTS:,} objects or {items:,} items")
