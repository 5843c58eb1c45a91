"""A directed graph as numbers: who is next to whom, how far everything is, and the ways between two nodes."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush
from itertools import chain, repeat
from typing import cast

__all__ = ["Adjacency", "Distances", "TooManySteps"]

_MOST_STEPS = 100_000
"""Steps that a search for ways looks at; in a graph with cycles most may lead nowhere."""

_WIDE = 1_000
"""From so many numbers a step is taken as a whole; fewer do not pay for it, nor for importing numpy."""

Steps = Sequence[Sequence[int]]
"""The numbers that each number leads to, in order."""


class Distances(Mapping[str, int]):
    """Nodes by their distance from one, nearest first; those of one distance in the order of their keys.

    It holds numbers, and makes keys of them only when asked: most of a large closure is counted, not read.
    """

    def __init__(self, keys: Sequence[str], rings: Sequence[Sequence[int]]) -> None:
        self._keys = keys
        self._rings = rings

    @cached_property
    def _by_key(self) -> dict[str, int]:
        return dict(self._pairs())

    def _pairs(self) -> Iterator[tuple[str, int]]:
        rings = (
            zip(map(self._keys.__getitem__, ring), repeat(distance), strict=False)
            for distance, ring in enumerate(self._rings, 1)
        )
        return chain.from_iterable(rings)

    def __getitem__(self, key: str) -> int:
        """Return the distance of a node."""
        return self._by_key[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys, nearest first."""
        return map(self._keys.__getitem__, chain.from_iterable(self._rings))

    def __len__(self) -> int:
        """Count the nodes."""
        return sum(map(len, self._rings))

    def __repr__(self) -> str:
        """Return them as they would stand in a dictionary."""
        return repr(self._by_key)

    def items(self) -> ItemsView[str, int]:
        """Return the keys with their distances, nearest first."""
        return _Pairs(self)

    def within(self, steps: int | None) -> Distances:
        """Return those that are at most some steps away; None means all."""
        return Distances(self._keys, self._rings[:steps])


class _Pairs(ItemsView[str, int]):
    _mapping: Distances

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return self._mapping._pairs()


class Adjacency:
    """The nodes of a graph, numbered in the order of their keys, each with its neighbours."""

    def __init__(self, keys: Iterable[str], edges: Iterable[tuple[str, str]]) -> None:
        self.keys = sorted(keys)
        self.numbers = {key: number for number, key in enumerate(self.keys)}
        up: list[list[int]] = [[] for _ in self.keys]
        down: list[list[int]] = [[] for _ in self.keys]
        for source, target in edges:
            a, b = self.numbers[source], self.numbers[target]
            down[a].append(b)
            up[b].append(a)
        self._up = [tuple(sorted(numbers)) for numbers in up]
        self._down = [tuple(sorted(numbers)) for numbers in down]

    @cached_property
    def _wide_up(self) -> _WideSteps:
        return _WideSteps(self._up)

    @cached_property
    def _wide_down(self) -> _WideSteps:
        return _WideSteps(self._down)

    def parents(self, key: str) -> tuple[str, ...]:
        """Return the keys right upstream of one, in order."""
        return tuple(self.keys[number] for number in self._up[self.numbers[key]])

    def children(self, key: str) -> tuple[str, ...]:
        """Return the keys right downstream of one, in order."""
        return tuple(self.keys[number] for number in self._down[self.numbers[key]])

    def upstream(self, key: str) -> Distances:
        """Return all that a node needs, directly or not, with the distance."""
        return Distances(self.keys, _rings(self.numbers[key], self._up, lambda: self._wide_up))

    def downstream(self, key: str) -> Distances:
        """Return all that needs a node, directly or not, with the distance."""
        return Distances(self.keys, _rings(self.numbers[key], self._down, lambda: self._wide_down))

    def ways(self, source: str, target: str) -> Iterator[tuple[str, ...]]:
        """Yield every way downstream that meets no node twice, the shortest first, ends included.

        Raises:
            TooManySteps: There may be more, but the search has become too long.
        """
        start, end = self.numbers[source], self.numbers[target]
        for way in _ways(start, end, self._down, _rings(end, self._up, lambda: self._wide_up)):
            yield tuple(self.keys[number] for number in way)


class TooManySteps(Exception):
    """A search was given up; what it found before holds."""


class _WideSteps:
    """Where numbers lead, as arrays: a step from thousands of them at once is several times as fast."""

    def __init__(self, steps: Steps) -> None:
        import numpy as np

        self._counts = np.fromiter(map(len, steps), np.int64, len(steps))
        self._ends = self._counts.cumsum()
        self._there = np.fromiter(chain.from_iterable(steps), np.int64, int(self._ends[-1]))

    def following(self, ring: Sequence[int], is_new: bytearray) -> list[int]:
        """Return the new numbers that any of a ring lead to, in order, and mark them."""
        import numpy as np

        here, marks = np.array(ring), np.frombuffer(is_new, np.bool_)
        counts = self._counts[here]
        firsts = self._ends[here] - counts  # of each in `_there`
        places = counts.cumsum() - counts  # of each in what comes out
        there = self._there[np.arange(counts.sum()) + np.repeat(firsts - places, counts)]
        found = np.unique(there[marks[there]])
        marks[found] = False
        return cast("list[int]", found.tolist())


def _following(ring: Sequence[int], steps: Steps, is_new: bytearray) -> list[int]:
    """Return the same as `_WideSteps.following`, which costs less for few numbers."""
    found = []
    for here in ring:
        for there in steps[here]:
            if is_new[there]:
                is_new[there] = 0
                found.append(there)
    found.sort()
    return found


def _rings(start: int, steps: Steps, wide_steps: Callable[[], _WideSteps]) -> list[list[int]]:
    """Return the numbers that a number leads to, by distance."""
    is_new = bytearray(b"\1") * len(steps)
    is_new[start] = 0
    ring, rings = [start], []
    while ring:
        if len(ring) < _WIDE:
            ring = _following(ring, steps, is_new)
        else:
            ring = wide_steps().following(ring, is_new)
        if ring:
            rings.append(ring)
    return rings


def _ways(start: int, end: int, steps: Steps, rings: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    """Yield the ways from one number to another, searched by how long they will at least be.

    Args:
        start: Where they begin.
        end: Where they end.
        steps: Where each number leads.
        rings: The numbers that lead to the end, by distance.
    """
    left = {end: 0} | {number: distance for distance, ring in enumerate(rings, 1) for number in ring}
    # Of ways that promise the same length the longer comes first, so that few are open at a time.
    open_ways: list[tuple[int, int, tuple[int, ...]]] = []
    if start in left:
        open_ways.append((left[start], 0, (start,)))
    looked_at = 0
    while open_ways:
        *_, way = heappop(open_ways)
        if way[-1] == end:
            yield way
            continue
        if looked_at > _MOST_STEPS:
            raise TooManySteps
        for there in steps[way[-1]]:
            looked_at += 1
            if there in left and there not in way:
                heappush(open_ways, (len(way) + left[there], -len(way), (*way, there)))
