"""Which features have which values: sorted values, and for each the numbers of the features."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any

__all__ = ["Postings", "bits_of", "flags_of", "numbers_of"]

_LAST = chr(sys.maxunicode)  # no token and no name has it
_KEPT = 256  # sets of bits that were asked for last, of each index


def bits_of(numbers: Iterable[int], size: int) -> int:
    """Return a set of numbers below `size` as the bits of one integer."""
    digits = bytearray(b"0") * size
    for number in numbers:
        digits[number] = 49  # "1"
    digits.reverse()
    return int(digits, 2) if digits else 0


def numbers_of(bits: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, from the lowest on."""
    digits = bin(bits)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)


def flags_of(bits: int, size: int) -> bytes:
    """Return a byte for each number below `size`: 1 if its bit is set, else 0."""
    return f"{bits:0{size}b}"[::-1].encode().translate(_FLAGS)


_FLAGS = bytes.maketrans(b"01", b"\0\1")


class Postings:
    """Values in order, each with the features that have it.

    Args:
        numbers: The features of each value, by their numbers in any order, none twice.
        size: How many features there are.
    """

    def __init__(self, numbers: Mapping[Any, Sequence[int]], size: int) -> None:
        self.values: Sequence[Any] = sorted(numbers)
        self._size = size
        self._flat = array("I", chain.from_iterable(numbers[value] for value in self.values))
        self._starts = array("I", accumulate((len(numbers[value]) for value in self.values), initial=0))
        self._kept: dict[tuple[int, int], int] = {}

    def of(self, value: Any) -> int:
        """Return the features that have a value, as bits."""
        at = self.place(value)
        return 0 if at is None else self._between(at, at + 1)

    def place(self, value: Any) -> int | None:
        """Return where a value stands among the values, or None."""
        at = bisect_left(self.values, value)
        return at if at < len(self.values) and self.values[at] == value else None

    def starting(self, prefix: str) -> int:
        """Return the features with any value that begins so."""
        return self._between(bisect_left(self.values, prefix), bisect_left(self.values, prefix + _LAST))

    def accepted(self, accepts: Callable[[Any], bool]) -> int:
        """Return the features with any value that is accepted."""
        found = [at for at, value in enumerate(self.values) if accepts(value)]
        flat, starts = self._flat, self._starts
        return bits_of(chain.from_iterable(flat[starts[at] : starts[at + 1]] for at in found), self._size)

    def counts(self, bits: int) -> list[int]:
        """Return how many of some features have each value, in the order of the values."""
        chosen = flags_of(bits, self._size).__getitem__
        found: list[int] = []
        for at, (start, end) in enumerate(pairwise(self._starts)):
            if self._is_dense(end - start):
                found.append((bits & self._between(at, at + 1)).bit_count())
            else:
                found.append(sum(map(chosen, self._flat[start:end])))
        return found

    def _between(self, first: int, last: int) -> int:
        if first >= last:
            return 0
        start, end = self._starts[first], self._starts[last]
        if not self._is_dense(end - start):
            return bits_of(self._flat[start:end], self._size)
        bits = self._kept.pop((first, last), None)
        if bits is None:
            bits = bits_of(self._flat[start:end], self._size)
        self._kept[first, last] = bits
        while len(self._kept) > _KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        return bits

    def _is_dense(self, count: int) -> bool:
        """Tell whether so many features are worth a set of bits that is kept."""
        return count > self._size // 32
