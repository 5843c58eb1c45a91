"""What a text shows at a glance of the drivers in it; most texts show nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["KINDS", "LIBRARIES", "WORDS", "aliases_in", "imports_library", "lines_with", "may_construct"]

LIBRARIES: Final = frozenset({"hamilton", "headwater"})
KINDS: Final = frozenset({"AsyncDriver", "Builder", "Driver"})

_KIND: Final = "|".join(sorted(KINDS))
_IMPORTS: Final = re.compile(rf"\b(?:from|import)\s+(?:{'|'.join(sorted(LIBRARIES))})\b")
_SIGN: Final = re.compile(
    rf"(?<!class )\b(?:{_KIND})(?:\s*\(|\s+as\b|[ \t]*$)|\bwith_(?:config|modules)\s*\(",
    re.MULTILINE,
)
_ALIAS: Final = re.compile(
    rf"\b(?:{_KIND})\s+as\s+(?P<imported>\w+)|\b(?P<set>\w+)\s*=\s*(?:\w+\s*\.\s*){{0,9}}(?:{_KIND})\b(?!\s*\()"
)
WORDS: Final = ("Driver", "Builder", "with_config", "with_modules")
"""One of these is in all code that has to do with drivers, unless it calls their classes by other names."""


def imports_library(text: str) -> bool:
    """Tell whether a text may import a library that has drivers."""
    # To look for a word takes a fraction of what a pattern does.
    return any(library in text for library in LIBRARIES) and _IMPORTS.search(text) is not None


def may_construct(text: str) -> bool:
    """Tell whether a text may construct a driver, or go on with one, or give the class another name."""
    return any(word in text for word in WORDS) and _SIGN.search(text) is not None


def aliases_in(text: str) -> frozenset[str]:
    """Return the names that a text may give to classes of drivers."""
    if not any(kind in text for kind in KINDS):
        return frozenset()
    return frozenset(found["imported"] or found["set"] for found in _ALIAS.finditer(text))


def lines_with(words: Iterable[str], text: str, first: int) -> list[int]:
    """Return the lines of a text that have any of some words, where it begins in the line `first`."""
    places = sorted(place for word in words for place in _places(word, text))
    lines = []
    end = 0
    for place in places:
        first += text.count("\n", end, place)
        end = place
        lines.append(first)
    return lines


def _places(word: str, text: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)
