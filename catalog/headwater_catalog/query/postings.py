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
        values: The values.
        flat: The numbers of the features of the first value, then those of the next, and so on.
        starts: Where the features of each value begin there; at last, where the last ones end.
        size: How many features there are.
    """

    def __init__(self, values: Sequence[Any], flat: array[int], starts: array[int], size: int) -> None:
        self.values = values
        self._flat = flat
        self._starts = starts
        self._size = size
        self._kept: dict[tuple[int, int], int] = {}

    @classmethod
    def collect(cls, numbers: Mapping[Any, Sequence[int]], size: int) -> Postings:
        """Return the features of each value, given by their numbers in any order, none twice."""
        values = sorted(numbers)
        lists = [numbers[value] for value in values]
        starts = array("I", accumulate(map(len, lists), initial=0))
        return cls(values, array("I", chain.from_iterable(lists)), starts, size)

    def moved(
        self,
        places: Sequence[int],
        gone: Mapping[Any, Sequence[int]],
        come: Mapping[Any, Sequence[int]],
        size: int,
    ) -> Postings:
        """Return the features of each value after a few have changed.

        Args:
            places: For each of the features its number now; any number if it is among the `gone` of all
                of its values.
            gone: For some values features that do not have them any more.
            come: For some values features that have them now, by the numbers of now.
            size: How many features there are now.
        """
        values: list[Any] = []
        flat, starts = array("I"), array("I", [0])
        done = 0  # of the values there were

        def take(until: int) -> None:
            begin, end = self._starts[done], self._starts[until]
            values.extend(self.values[done:until])
            starts.extend(map((len(flat) - begin).__add__, self._starts[done + 1 : until + 1]))
            flat.extend(map(places.__getitem__, self._flat[begin:end]))

        for value in sorted(gone.keys() | come.keys()):
            at = bisect_left(self.values, value, done)
            take(at)
            done = at + (at < len(self.values) and self.values[at] == value)
            left = self._flat[self._starts[at] : self._starts[done]]
            for number in gone.get(value, ()):
                left.remove(number)
            flat.extend(map(places.__getitem__, left))
            flat.extend(come.get(value, ()))
            if len(flat) > starts[-1]:
                values.append(value)
                starts.append(len(flat))
        take(len(self.values))
        return Postings(values, flat, starts, size)

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
        if len(self._kept) > _KEPT:
            # Another thread may look at the same time; to begin anew needs no order among them.
            self._kept = {(first, last): bits}
        return bits

    def _is_dense(self, count: int) -> bool:
        """Tell whether so many features are worth a set of bits that is kept."""
        return count > self._size // 32
