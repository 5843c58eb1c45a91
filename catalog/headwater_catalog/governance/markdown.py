"""Texts of a repository as Markdown that shows them and nothing else: no markup, no link, no mention."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["code", "prose"]

_EMPTY: Final = "(empty)"  # nothing at all would make an item of a list markup for the line above it
_LONGEST: Final = 200  # characters of a text that is shown
_LONGEST_PROSE: Final = 500
_PLAIN: Final = re.compile(r"""[("']?[^\W_]+(?:['-][^\W\d_]+)*[)"'.,;:!?]{0,3}""")
"""A word that means nothing to Markdown, nor to what hosts make of text: no mention, link, issue or emoji."""
_NUMBERED: Final = re.compile(r"\d+[.)]")  # begins a list
_COMMIT: Final = re.compile(r"[0-9a-f]{7,}", re.IGNORECASE)


def code(text: str, most: int = _LONGEST) -> str:
    """Return a text as a code span, in which nothing has a meaning.

    Args:
        text: The text; what is not printable, line ends included, becomes a space.
        most: How many of its characters are shown.
    """
    shown = " ".join("".join(c if c.isprintable() else " " for c in text[: most + 1]).split())
    if len(text) > most:
        shown = f"{shown[: most - 1]}…"
    if not shown:
        return _EMPTY
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    padding = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def prose(text: str, most: int = _LONGEST_PROSE) -> str:
    """Return sentences in which all that is no plain word is a code span.

    Escaping would do for Markdown itself, but hosts look through the finished text once more, for mentions,
    issues and addresses; they leave code alone.

    Args:
        text: The sentences.
        most: How many of their characters are shown.
    """
    words = text[:most].split()
    shown: list[str] = []
    odd: list[str] = []  # neighbours of their kind share a span
    for word in words:
        if _PLAIN.fullmatch(word) and not _COMMIT.search(word) and not _NUMBERED.fullmatch(word):
            shown += [code(" ".join(odd)), word] if odd else [word]
            odd = []
        else:
            odd.append(word)
    shown += [code(" ".join(odd))] if odd else []
    return f"{' '.join(shown) or _EMPTY}{' …' if len(text) > most else ''}"
