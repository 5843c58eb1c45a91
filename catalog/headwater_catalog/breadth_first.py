"""What is one, two, three... steps from a node, by rustworkx or, in very large graphs, by scipy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from rustworkx import PyDiGraph

__all__ = ["VERY_LARGE", "Rings", "rings_by_rustworkx", "rings_by_scipy", "search"]

VERY_LARGE = 100_000
"""Nodes from which on scipy, where it is installed, is worth the second that it takes to import."""

Rings: TypeAlias = "Callable[[int], Sequence[Sequence[int]]]"
"""Tells the nodes 1, 2, 3... steps downstream of one, in any order."""


def search(graph: PyDiGraph[None, None]) -> Rings:
    """Return the quickest search there is for a graph that will not change."""
    is_worth_it = len(graph) >= VERY_LARGE and find_spec("scipy") is not None
    return (rings_by_scipy if is_worth_it else rings_by_rustworkx)(graph)


def rings_by_rustworkx(graph: PyDiGraph[None, None]) -> Rings:
    """Return a search that is ready at once."""
    from rustworkx import bfs_layers

    def rings(start: int) -> Sequence[Sequence[int]]:
        # The rings of a long chain are many lists, all gone at the end: looking for cycles among them, and
        # in whatever else there is, takes longer than to make them.
        with without_collection():
            return bfs_layers(graph, [start])[1:]

    return rings


def rings_by_scipy(graph: PyDiGraph[None, None]) -> Rings:
    """Return a search that takes long to prepare, and then less than half the time of the other."""
    import numpy as np
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order

    size = len(graph)
    edges = np.array(graph.edge_list(), dtype=np.int32).reshape(-1, 2)
    matrix = csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(size, size))

    def rings(start: int) -> Sequence[Sequence[int]]:
        with without_collection():
            order, found_from = breadth_first_order(matrix, start)
            place = np.empty(size, dtype=np.intp)
            place[order] = np.arange(len(order))
            parents = place[found_from[order[1:]]]
            found = np.bincount(parents, minlength=len(order)).cumsum()
            # Views: most of a large closure is counted, not read, and to make its numbers takes longest.
            numbers = order.data
            return [numbers[begin:end] for begin, end in _ends(found.data)]

    return rings


def _ends(found: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where each ring begins and ends in a breadth first order.

    Args:
        found: How many nodes were found from the one at each place and all before it.
    """
    begin = end = 1
    while end < len(found):
        begin, end = end, found[end - 1] + 1  # what was found from the ring before is the next
        yield begin, end
