"""Lineage graphs of any size: modular like real repositories, or deep as the worst case."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from headwater_catalog.lineage import LineageGraph, LineageNode

__all__ = ["SHAPES", "synthetic_graph"]

_MODULE = 40  # features
_NEAR = 50  # nodes before one that a deep graph draws from


def synthetic_graph(shape: str, size: int) -> LineageGraph:
    """Return a graph of some size, the same each time."""
    chance = random.Random(size)
    keys = [f"features.module_{number // _MODULE:05}:feature_{number}" for number in range(size)]
    nodes = {key: LineageNode(key, key.partition(":")[2], key.partition(":")[0], "float") for key in keys}
    flow = ("main",)
    return LineageGraph(nodes, {(keys[a], keys[b]): flow for a, b in SHAPES[shape](size, chance)})


def _modular(size: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Yield edges that mostly stay in a module, with some from any module before it."""
    for node in range(1, size):
        first = node - node % _MODULE
        for _ in range(chance.choice((0, 1, 2, 3, 4, 5))):
            is_inside = node > first and chance.random() < 0.85
            yield (chance.randrange(first, node) if is_inside else chance.randrange(node)), node


def _deep(size: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Yield edges from the nodes right before each, so that half of the graph is upstream of a node."""
    for node in range(1, size):
        for _ in range(chance.choice((2, 2, 3, 3))):
            yield chance.randrange(max(0, node - _NEAR), node), node


SHAPES: Mapping[str, Callable[[int, random.Random], Iterator[tuple[int, int]]]] = {
    "modular": _modular,
    "deep": _deep,
}
