"""What features need in every configuration, as a graph that is followed as quickly as lineage is."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from headwater_catalog.adjacency import Adjacency
from headwater_catalog.lineage_graph import INPUT_PREFIX, LineageGraph, input_key

__all__ = ["CertainNeeds"]


class CertainNeeds:
    """Who certainly needs whom in a dataflow.

    Where a name has several makers, only what all of them need is certain, since the configuration may
    choose any: they stand in the graph as one.

    Args:
        graph: The lineage of the dataflow.
        needed: The names that each feature certainly needs, by its key.
        supplied: Names that the configuration has values for.
    """

    def __init__(
        self, graph: LineageGraph, needed: Mapping[str, frozenset[str]], supplied: Collection[str]
    ) -> None:
        nodes = set(needed)
        edges: list[tuple[str, str]] = []
        waiting: list[tuple[str, ...]] = [(key,) for key in needed]
        while waiting:
            keys = waiting.pop()
            resolved = graph.resolved.get(keys[0], {})  # nothing of what needs nothing
            for name in frozenset.intersection(*map(needed.__getitem__, keys)).difference(supplied):
                makers = resolved[name]
                maker = _joined(makers) if graph.inputs.isdisjoint(makers) else input_key(name)
                edges.append((maker, _joined(keys)))
                if maker not in nodes:
                    nodes.add(maker)
                    if len(makers) > 1 and graph.inputs.isdisjoint(makers):
                        waiting.append(makers)
        self._adjacency = Adjacency(nodes, edges)
        self._found: dict[str, tuple[str, ...]] = {}

    def inputs_of(self, key: str) -> tuple[str, ...]:
        """Return the names of the inputs from outside that a feature certainly needs, directly or not."""
        if key not in self._found:
            self._found[key] = self._inputs_of(key)
        return self._found[key]

    def _inputs_of(self, key: str) -> tuple[str, ...]:
        found = (each for each in self._adjacency.upstream(key) if each.startswith(INPUT_PREFIX))
        return tuple(sorted(each.removeprefix(INPUT_PREFIX) for each in found))


def _joined(keys: tuple[str, ...]) -> str:
    return "\0".join(keys)
