"""A directed graph as numbers: who is next to whom, how far everything is, and the ways between two nodes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush
from itertools import chain, repeat
from typing import TYPE_CHECKING

from headwater_catalog.breadth_first import Rings, search
from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from rustworkx import PyDiGraph

__all__ = ["Adjacency", "Distances", "TooManySteps"]

_MOST_STEPS = 100_000
"""Steps that a search for ways looks at; in a graph with cycles most may lead nowhere."""


class Distances(Mapping[str, int]):
    """Nodes by their distance from one, nearest first; those of one distance in the order of their keys.

    It holds numbers, and makes keys of them only when asked, and in order only then: most of a large closure
    is counted, not read.

    Args:
        keys: The keys by number, sorted.
        rings: The nodes that are 1, 2, 3... steps away, in any order.
    """

    def __init__(self, keys: Sequence[str], rings: Sequence[Sequence[int]]) -> None:
        self._keys = keys
        self._rings = rings

    @cached_property
    def _by_key(self) -> dict[str, int]:
        return dict(self._pairs())

    @cached_property
    def _length(self) -> int:
        return sum(map(len, self._rings))

    @cached_property
    def _numbers(self) -> frozenset[int]:
        return frozenset(chain.from_iterable(self._rings))

    def _pairs(self) -> Iterator[tuple[str, int]]:
        return chain.from_iterable(
            zip(map(self._keys.__getitem__, sorted(ring)), repeat(distance))
            for distance, ring in enumerate(self._rings, 1)
        )

    def by_number(self) -> dict[int, int]:
        """Return the distances by the numbers of the nodes."""
        return {number: distance for distance, ring in enumerate(self._rings, 1) for number in ring}

    def __getitem__(self, key: str) -> int:
        """Return the distance of a node."""
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        """Tell whether a node is among them, without making keys of all."""
        number = bisect_left(self._keys, key) if isinstance(key, str) else len(self._keys)
        return number < len(self._keys) and self._keys[number] == key and number in self._numbers

    def __iter__(self) -> Iterator[str]:
        """Yield the keys, nearest first."""
        return map(self._keys.__getitem__, chain.from_iterable(map(sorted, self._rings)))

    def __len__(self) -> int:
        """Count the nodes."""
        return self._length

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
        with without_collection():
            pairs = [(self.numbers[source], self.numbers[target]) for source, target in edges]
            self._down = _graph(len(self.keys), pairs)
        self._parents: dict[str, tuple[str, ...]] = {}

    @cached_property
    def _rings_down(self) -> Rings:
        return search(self._down)

    @cached_property
    def _rings_up(self) -> Rings:
        with without_collection():
            turned = [(target, source) for source, target in self._down.edge_list()]
            return search(_graph(len(self.keys), turned))

    def parents(self, key: str) -> tuple[str, ...]:
        """Return the keys right upstream of one, in order."""
        known = self._parents.get(key)
        if known is None:  # ways up are asked for again and again
            known = self._in_order(self._down.predecessor_indices(self.numbers[key]))
            self._parents[key] = known
        return known

    def children(self, key: str) -> tuple[str, ...]:
        """Return the keys right downstream of one, in order."""
        return self._in_order(self._down.successor_indices(self.numbers[key]))

    def _in_order(self, numbers: Iterable[int]) -> tuple[str, ...]:
        return tuple(map(self.keys.__getitem__, sorted(numbers)))

    def upstream(self, key: str) -> Distances:
        """Return all that a node needs, directly or not, with the distance."""
        return Distances(self.keys, self._rings_up(self.numbers[key]))

    def downstream(self, key: str) -> Distances:
        """Return all that needs a node, directly or not, with the distance."""
        return Distances(self.keys, self._rings_down(self.numbers[key]))

    def ways(self, source: str, target: str) -> Iterator[tuple[str, ...]]:
        """Yield every way downstream that meets no node twice, the shortest first, ends included.

        Raises:
            TooManySteps: There may be more, but the search has become too long.
        """
        left = {self.numbers[target]: 0} | self.upstream(target).by_number()
        for way in _ways(self.numbers[source], left, self._down.successor_indices):
            yield tuple(self.keys[number] for number in way)


def _graph(size: int, pairs: list[tuple[int, int]]) -> PyDiGraph[None, None]:
    """Return a graph whose steps from one node lie side by side: large closures take a quarter less time."""
    from rustworkx import PyDiGraph

    graph: PyDiGraph[None, None] = PyDiGraph()
    graph.add_nodes_from([None] * size)
    graph.add_edges_from_no_data(sorted(pairs, reverse=True))  # the last one that is added is the first step
    return graph


class TooManySteps(Exception):
    """A search was given up; what it found before holds."""


def _ways(
    start: int, left: Mapping[int, int], steps: Callable[[int], Iterable[int]]
) -> Iterator[tuple[int, ...]]:
    """Yield the ways from one number to another, searched by how long they will at least be.

    Args:
        start: Where they begin.
        left: The numbers that lead to the end, the end too, with the steps that are left from there.
        steps: Tells where a number leads.
    """
    # Of ways that promise the same length the longer comes first, so that few are open at a time.
    open_ways: list[tuple[int, int, tuple[int, ...]]] = []
    if start in left:
        open_ways.append((left[start], 0, (start,)))
    looked_at = 0
    while open_ways:
        *_, way = heappop(open_ways)
        if not left[way[-1]]:
            yield way
            continue
        if looked_at > _MOST_STEPS:
            raise TooManySteps
        for there in steps(way[-1]):
            looked_at += 1
            if there in left and there not in way:
                heappush(open_ways, (len(way) + left[there], -len(way), (*way, there)))
