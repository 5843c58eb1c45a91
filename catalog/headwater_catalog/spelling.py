"""Names near to a misspelled one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache

from headwater_catalog.tokens import fold, name_parts

__all__ = ["Vocabulary", "distance", "nearest_keys", "nearest_names"]

_FAR = 1000  # more than any number of slips or parts
_MOST_PARTS = 50  # of what was asked; no name has as many


def nearest_names(asked: str, names: Collection[str], limit: int = 5) -> list[str]:
    """Return the names that differ from `asked` by the fewest slips, as a whole or in their parts.

    Words of up to four letters may differ by one slip, longer ones by two. Names that are near as a whole
    come first; then those that have the most parts near to a part of what was asked.
    """
    whole, parts = fold(asked), frozenset(name_parts(asked)[:_MOST_PARTS])
    near_parts: dict[str, bool] = {}
    ranked: list[tuple[int, int, str]] = []
    for name in names:
        lower, pieces = _parts(name)
        slips = _slips(whole, lower)
        if slips is not None:
            ranked.append((slips, len(name), name))
            continue
        count = 0
        for part in pieces:
            if part not in near_parts:
                near_parts[part] = any(_slips(word, part) is not None for word in parts)
            count += near_parts[part]
        if count:
            ranked.append((_FAR - count, len(name), name))
    return [name for *_, name in sorted(ranked)[:limit]]


def nearest_keys(asked: str, keys: Mapping[str, Sequence[str]], limit: int = 3) -> str:
    """Return " Did you mean 'a' or 'b'?" for the nearest keys, else an empty text.

    Args:
        asked: A key `module:name`, or a name; a name is answered by names.
        keys: The keys of each name.
        limit: How many to tell at most.
    """
    module, _, name = asked.rpartition(":")
    near = nearest_names(name, keys, limit)
    if module:
        # Those of the same module come first, of them the nearest.
        near = sorted(
            (key for other in near for key in keys[other]), key=lambda k: k.rpartition(":")[0] != module
        )
    return f" Did you mean {' or '.join(map(repr, near[:limit]))}?" if near else ""


class Vocabulary:
    """Words that a misspelled one may mean.

    Of a word cut into five pieces two slips leave at least one whole, since a slip touches two pieces at
    most, and no more than two places from where it was. So a word is looked for by its pieces (the idea of
    Pass-Join: Li, Deng, Wang and Feng 2011), and only few are compared letter by letter.

    Args:
        words: The words, each with how often it is used.
    """

    def __init__(self, words: Iterable[tuple[str, int]]) -> None:
        self._counts = dict(words)
        self._letters = _Letters()

    def has(self, word: str) -> bool:
        """Tell whether a word is one of them."""
        return word in self._counts

    def nearest(self, word: str) -> tuple[int, int, str] | None:
        """Return the word with the fewest slips, of several the most frequent: `(slips, -count, word)`."""
        letters, known = _letters(word), self._letters
        alike = [o for o in self._alike(word) if (letters ^ known[o]).bit_count() <= 2 * _SLIPS]
        found = (
            (slips, -self._counts[other], other)
            for other in alike
            if (slips := _slips(word, other)) is not None
        )
        return min(found, default=None)

    def _alike(self, word: str) -> set[str]:
        found: set[str] = set()
        for length in range(max(len(word) - _SLIPS, 1), len(word) + _SLIPS + 1):
            pieces = self._pieces.get(length)
            if pieces is None:
                continue
            for known, (start, end) in zip(pieces, _borders(length), strict=True):
                size = end - start
                for at in range(max(start - _SLIPS, 0), min(start + _SLIPS, len(word) - size) + 1):
                    found.update(known.get(word[at : at + size], ()))
        return found

    @cached_property
    def _pieces(self) -> Mapping[int, Sequence[Mapping[str, Sequence[str]]]]:
        """The words by length, piece and the letters of that piece; made for the first misspelled word."""
        words: dict[int, list[str]] = {}
        for word in self._counts:
            words.setdefault(len(word), []).append(word)
        return {length: [_by_piece(alike, *at) for at in _borders(length)] for length, alike in words.items()}


def _by_piece(words: Iterable[str], start: int, end: int) -> Mapping[str, Sequence[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        found[word[start:end]].append(word)
    return found


_SLIPS = 2
_PIECES = 2 * _SLIPS + 1


@lru_cache(maxsize=1024)
def _borders(length: int) -> tuple[tuple[int, int], ...]:
    """Return where each piece of a word begins and ends; those of a very short one may be empty."""
    return tuple((length * n // _PIECES, length * (n + 1) // _PIECES) for n in range(_PIECES))


def _slips(word: str, other: str) -> int | None:
    """Return the distance of two words, or None if it is more than they may have."""
    most = 1 if len(word) <= 4 else 2
    if len(word) < 3 or abs(len(word) - len(other)) > most:
        return None
    # One slip changes at most two members of the set of letters, and to compare sets is quick.
    if (_letters(word) ^ _letters(other)).bit_count() > 2 * most:
        return None
    slips = distance(word, other, most)
    return slips if slips <= most else None


class _Letters(dict[str, int]):
    """The sets of letters of words that have been looked at."""

    def __missing__(self, word: str) -> int:
        found = self[word] = _letters(word)
        return found


@lru_cache(maxsize=65_536)  # every misspelled word meets the same names
def _letters(word: str) -> int:
    """Return the set of letters as bits, some of which letters may share."""
    bits = 0
    for letter in word:
        bits |= 1 << ord(letter) % 128
    return bits


@lru_cache(maxsize=65_536)
def _parts(name: str) -> tuple[str, tuple[str, ...]]:
    lower = name.casefold()
    return lower, tuple(lower.split("_"))


def distance(a: str, b: str, most: int) -> int:
    """Return how many letters must be added, left out, replaced or swapped with the next to get from a to b.

    This is the restricted Damerau-Levenshtein distance; beyond `most` it only says "more".
    """
    # What both begin and end with never changes the distance.
    start, end = 0, 0
    shorter = min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if len(a) == 1 == len(b) or not a or not b:
        return max(len(a), len(b))
    if abs(len(a) - len(b)) > most:
        return most + 1
    # What is further from the diagonal than `most` needs more slips than that to get there and back.
    far = most + 1
    before: list[int] = []
    last: list[int] = [*range(min(most, len(b)) + 1), *[far] * (len(b) - most)]
    for i, letter in enumerate(a, 1):
        row = [far] * (len(b) + 1)
        row[0] = min(i, far)
        for j in range(max(i - most, 1), min(i + most, len(b)) + 1):
            other = b[j - 1]
            cost = last[j - 1] if letter == other else last[j - 1] + 1
            if last[j] < cost:
                cost = last[j] + 1
            if row[j - 1] < cost:
                cost = row[j - 1] + 1
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other and before[j - 2] < cost:
                cost = before[j - 2] + 1
            row[j] = cost if cost < far else far
        if min(row) > most and (not before or min(last) > most):
            return far
        before, last = last, row
    return last[-1]
