"""How names, text and code become the tokens that search compares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice, pairwise
from typing import NamedTuple

__all__ = [
    "Word",
    "beginning",
    "fold",
    "name_parts",
    "normal",
    "spaced",
    "storable",
    "text_tokens",
    "text_words",
    "word_tokens",
    "words_in",
]

_WORD = re.compile(r"\w+")
_SPACED = bytes(code if _WORD.match(chr(code)) else 32 for code in range(256))
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SIMPLE = re.compile(r"[a-z0-9_]{1,80}")
_RUN = re.compile(r"[a-z]+|[0-9]+")
_PIECE = re.compile(r"[^_]+")
_LONGEST = 80  # bytes of a token that count
_LONGEST_WORD = 1_000  # characters of a word that count; what is longer is data, such as an image in a text


class Word(NamedTuple):
    """A token, with where the word it stands for begins and ends in the text."""

    token: str
    start: int
    end: int


def normal(text: str) -> str:
    """Return the text in the one Unicode form that tokens are cut from."""
    return unicodedata.normalize("NFKC", text)


def storable(text: str) -> str:
    """Return a text that both databases take: PostgreSQL refuses NUL, and none encodes a lone surrogate."""
    return _UNSTORABLE.sub(" ", text)


def fold(word: str) -> str:
    """Return a word as a token: case folded, word characters only, and not overlong."""
    folded = "".join(c for c in word[:_LONGEST_WORD].casefold() if c.isalnum() or c == "_")
    return folded.encode()[:_LONGEST].decode(errors="ignore")


def words_in(text: str) -> Iterator[Word]:
    """Yield the words of a text in normal form, each followed by its parts if it is a compound.

    A word is letters, digits and underscores that stand together. `avg_3wk_spend` gives `avg_3wk_spend`,
    `avg`, `3wk`, `spend`, `3`, `wk`: people write both "3wk" and "3 wk", and neither is a prefix of the
    other. Parts next to each other in the word are so in the list too, so that a phrase finds them.
    """
    for match in _WORD.finditer(text):
        offset = match.start()
        for token, start, end in _inside(match[0]):
            yield Word(token, offset + start, offset + end)


@lru_cache(maxsize=65_536)  # code and docs say the same words over and over
def _inside(word: str) -> tuple[Word, ...]:
    parts = _parts(word)
    fine = [bit for start, end in parts for bit in _cut(word, start, end, _is_digit_edge)]
    found: dict[str, Word] = {}
    for start, end in ((0, len(word)), *parts, *fine):
        token = fold(word[start:end])
        if token.strip("_"):
            found.setdefault(token, Word(token, start, end))
    return tuple(found.values())


@lru_cache(maxsize=65_536)
def word_tokens(word: str) -> tuple[str, ...]:
    """Return the tokens of one of the words of a text: itself, and its parts if it is a compound."""
    if not _SIMPLE.fullmatch(word):
        return tuple(found.token for found in _inside(word))
    # Most words: nothing to fold, and to cut them takes no look at each letter.
    parts = [part for part in word.split("_") if part]
    found = dict.fromkeys((word, *parts)) if parts else {}
    for part in parts:
        if not part.isalpha():
            found.update(dict.fromkeys(_RUN.findall(part)))
    return tuple(found)


def beginning(text: str, most: int) -> str:
    """Return the first words of a text, so many at most, with what stands between them."""
    after = next(islice(_WORD.finditer(text), most, None), None)
    return text if after is None else text[: after.start()]


def spaced(text: str) -> bytes:
    """Return the words of a text in order, with spaces between."""
    if text.isascii():
        # As most are; a table is much faster than an expression.
        return text.encode().translate(_SPACED)
    return " ".join(_WORD.findall(normal(text))).encode()


def text_words(text: str) -> list[str]:
    """Return the words of a text in order, as they are written."""
    return spaced(text).decode().split()


def text_tokens(text: str) -> list[str]:
    """Return the tokens of a text in order: each word, and the parts of words that are compounds."""
    return [token for word in text_words(text) for token in word_tokens(word)]


def name_parts(name: str) -> list[str]:
    """Return the tokens of the snake_case and camelCase parts of a name."""
    name = normal(name)
    return [fold(name[start:end]) for start, end in _parts(name)]


_Edge = Callable[[str, int], bool]


def _parts(word: str) -> list[tuple[int, int]]:
    pieces = _PIECE.finditer(word[:_LONGEST_WORD])
    return [part for piece in pieces for part in _cut(word, *piece.span(), _is_hump)]


def _cut(text: str, start: int, end: int, is_edge: _Edge) -> Iterator[tuple[int, int]]:
    return pairwise([start, *(at for at in range(start + 1, end) if is_edge(text, at)), end])


def _is_hump(text: str, at: int) -> bool:
    if not text[at].isupper():
        return False
    return not text[at - 1].isupper() or text[at + 1 : at + 2].islower()


def _is_digit_edge(text: str, at: int) -> bool:
    return text[at].isdigit() != text[at - 1].isdigit()
