"""What a text shows at a glance of the drivers in it; most texts show nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["KINDS", "LIBRARIES", "aliases_in", "imports_library", "lines_with", "signs_in"]

LIBRARIES: Final = frozenset({"hamilton", "headwater"})
KINDS: Final = frozenset({"AsyncDriver", "Builder", "Driver"})

_KIND: Final = "|".join(sorted(KINDS))
_IMPORTS: Final = re.compile(r"\b(?:from|import)\s+$")
_SIGN: Final = re.compile(
    r"(?:Builder|Driver)(?:\s*\(|\s+as\b|[ \t]*$)|with_(?:config|modules)\s*\(", re.MULTILINE
)
_ALIAS: Final = re.compile(
    rf"\b(?:{_KIND})\s+as\s+(?P<imported>\w+)|\b(?P<set>\w+)\s*=\s*(?:\w+\s*\.\s*){{0,9}}(?:{_KIND})\b(?!\s*\()"
)
_STEMS: Final = ("Driver", "Builder")
"""One of these is in each of the names of the classes."""

_INDENT: Final = 50
"""Characters that may stand between an `import` and what it imports, those of that word included."""

_WINDOW: Final = 200
"""Characters around the name of a class in which another name for it stands."""

_DEFINES: Final = ("class ", "class Async")

_WORDS: Final = ("Driver", "Builder", "with_config", "with_modules")
"""One of these is in all code that has to do with drivers, unless it calls their classes by other names."""


def imports_library(text: str) -> bool:
    """Tell whether a text may import a library that has drivers."""
    # To look for a word takes a fraction of what a pattern does.
    places = (place for library in LIBRARIES for place in _places(library, text))
    return any(_IMPORTS.search(text[max(0, place - _INDENT) : place]) for place in places)


def signs_in(text: str) -> tuple[int, ...]:
    """Return the lines where a text may construct a driver, or go on with one, or name the class anew."""
    found = {place for word in _WORDS for place in _places(word, text) if _SIGN.match(text, place)}
    return _lines(text, (place for place in found if not text[max(0, place - 11) : place].endswith(_DEFINES)))


def lines_with(words: Iterable[str], text: str) -> tuple[int, ...]:
    """Return the lines of a text that have any of some words."""
    return _lines(text, {place for word in words for place in _places(word, text)})


def aliases_in(text: str) -> frozenset[str]:
    """Return the names that a text may give to classes of drivers."""
    found: set[str] = set()
    # The pattern begins with a name, as all code does: it looks only around what it is about.
    for place in (place for stem in _STEMS for place in _places(stem, text)):
        around = text[max(0, place - _WINDOW) : place + _WINDOW]
        found.update(alias["imported"] or alias["set"] for alias in _ALIAS.finditer(around))
    return frozenset(found)


def _lines(text: str, places: Iterable[int]) -> tuple[int, ...]:
    lines = []
    line, end = 1, 0
    for place in sorted(places):
        line += text.count("\n", end, place)
        end = place
        lines.append(line)
    return tuple(lines)


def _places(word: str, text: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)
