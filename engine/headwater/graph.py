"""Nodes wired by their names: what is upstream, what is downstream, in which order to compute."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from headwater.errors import HeadwaterError, UnknownNode
from headwater.node import Node, Role
from headwater.types import ANY
from headwater.wiring import Wiring, wire

__all__ = ["Graph", "topological"]


class Graph:
    """Nodes by name, and the edges between them.

    A graph built for one configuration has one node to a name. A graph of all variants may have
    several, each under its condition. Edges run between names.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Index nodes, which must include an input node for every name that no other node makes."""
        self._variants: dict[str, tuple[Node, ...]] = {}
        for node in nodes:
            if node.name in self._variants:
                self._variants[node.name] += (node,)
            else:
                self._variants[node.name] = (node,)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, variants of one name side by side."""
        return tuple(node for variants in self._variants.values() for node in variants)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they were made."""
        return tuple(self._variants)

    def __contains__(self, name: object) -> bool:
        return name in self._variants

    def __len__(self) -> int:
        return len(self._variants)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def variants(self, name: str) -> tuple[Node, ...]:
        """Return the nodes of a name.

        Raises:
            UnknownNode: No node has the name.
        """
        try:
            return self._variants[name]
        except KeyError:
            raise UnknownNode(name, self._variants) from None

    def __getitem__(self, name: str) -> Node:
        """Return the only node of a name.

        Raises:
            UnknownNode: No node has the name.
            HeadwaterError: Several variants have it.
        """
        found = self.variants(name)
        if len(found) > 1:
            raise HeadwaterError(
                f"'{name}' has {len(found)} variants: {'; '.join(str(n.condition) for n in found)}. "
                "Build the graph with a configuration, or ask for variants()."
            )
        return found[0]

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """The names that each name reads, over all its variants."""
        return {
            name: tuple(dict.fromkeys(d for node in variants for d in node.dependencies))
            for name, variants in self._variants.items()
        }

    @cached_property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """The names that read each name."""
        found: dict[str, list[str]] = {name: [] for name in self._variants}
        for name, dependencies in self.sources.items():
            for dependency in dependencies:
                if dependency in found:  # an optional one may be absent
                    found[dependency].append(name)
        return {name: tuple(readers) for name, readers in found.items()}

    @cached_property
    def wiring(self) -> Wiring:
        """The nodes in slots, for plans.

        Raises:
            HeadwaterError: Several variants have one name.
        """
        return wire([self[name] for name in self._variants])

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes whose values come from outside."""
        return tuple(node for node in self.nodes if node.role is Role.INPUT)

    def with_inputs(self, names: Iterable[str]) -> Graph:
        """Return a graph with more inputs, of any type, which no feature reads."""
        return Graph([*self, *(Node(name, ANY, feature=name, role=Role.INPUT) for name in names)])

    def upstream(self, *names: str) -> set[str]:
        """Return the names and everything they need.

        Raises:
            UnknownNode: No node has one of the names.
        """
        return self._closure(names, self.sources)

    def downstream(self, *names: str) -> set[str]:
        """Return the names and everything that needs them.

        Raises:
            UnknownNode: No node has one of the names.
        """
        return self._closure(names, self.readers)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **kwargs: Any
    ) -> dict[str, str]:
        # By its name, since drawings are made of graphs and not the other way round.
        bundle: dict[str, str] = (
            importlib.import_module("headwater.display")
            .draw(self)
            ._repr_mimebundle_(include, exclude, **kwargs)
        )
        return bundle

    def _closure(self, names: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> set[str]:
        pending = [node.name for name in names for node in self.variants(name)]
        found: set[str] = set()
        while pending:
            name = pending.pop()
            if name not in found and name in self._variants:
                found.add(name)
                pending.extend(edges[name])
        return found


def topological(
    names: Iterable[str], needs: Callable[[str], Iterable[str]]
) -> tuple[list[str], list[str] | None]:
    """Order names so that each comes after what it needs, without recursion.

    Args:
        names: Where to start; what they need is included.
        needs: Returns what a name needs.

    Returns:
        The order, and None; or what was ordered so far and one whole cycle, its first name repeated
        at its end.
    """
    done: dict[str, None] = {}
    for start in names:
        path = {} if start in done else {start: iter(needs(start))}
        while path:
            name, pending = next(reversed(path.items()))
            for needed in pending:
                if needed in path:
                    around = list(path)
                    return list(done), [*around[around.index(needed) :], needed]
                if needed not in done:
                    path[needed] = iter(needs(needed))
                    break
            else:
                done[name] = None
                path.popitem()  # unlike `del`, it leaves no gap that the next look at the end must skip
    return list(done), None
