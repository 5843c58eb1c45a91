"""The lineage graph: who needs whom among features, and the questions that people ask of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from headwater.errors import did_you_mean
from headwater_catalog.errors import NotFound

__all__ = [
    "INPUT_PREFIX",
    "Closure",
    "Hidden",
    "LineageEdge",
    "LineageGraph",
    "LineageNode",
    "Neighbourhood",
    "input_key",
]

INPUT_PREFIX = "input:"
DRAWABLE = 150
"""How many nodes a neighbourhood has at most: a page never gets more than it can draw."""


def input_key(name: str) -> str:
    """Return the key of an external input."""
    return INPUT_PREFIX + name


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A feature, or an input that no feature makes.

    Attributes:
        key: `module:name`, or `input:name` of an external input.
        name: The name that other features ask for.
        module: Where the feature is defined; empty for an input.
        type: Type of the value, as text.
        summary: First line of the documentation.
        owner: The tag `owner`, or an empty string.
        parts: Names of the nodes folded into the feature, by which others may ask for it.
    """

    key: str
    name: str
    module: str
    type: str
    summary: str = ""
    owner: str = ""
    parts: tuple[str, ...] = ()

    @property
    def is_input(self) -> bool:
        """Tell whether the value comes from outside."""
        return not self.module


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """`target` needs `source`, in the dataflows named."""

    source: str
    target: str
    dataflows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Closure:
    """All that a feature needs and all that needs it, nearest first, each with its distance."""

    focus: str
    up: Mapping[str, int]
    down: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Hidden:
    """How many direct neighbours of a node are not in a neighbourhood."""

    up: int
    down: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A piece of a graph around one node, small enough to draw.

    Attributes:
        focus: Key of the node in the middle.
        nodes: The nodes by key: the focus first, then by distance.
        distances: Steps from the focus by key; negative upstream, positive downstream.
        edges: All edges between these nodes.
        hidden: Counts of direct neighbours left out, for the nodes that have any.
        hidden_up: How many nodes upstream of the focus are left out in all.
        hidden_down: The same downstream.
    """

    focus: str
    nodes: Mapping[str, LineageNode]
    distances: Mapping[str, int]
    edges: tuple[LineageEdge, ...]
    hidden: Mapping[str, Hidden]
    hidden_up: int
    hidden_down: int


@dataclass(frozen=True)
class LineageGraph:
    """Who needs whom among the features of a repository at one commit.

    Attributes:
        nodes: Features and external inputs by key.
        edges: Dataflows in which an edge holds, by (source, target).
        resolved: For each feature, the keys that answer each name it asks for.
    """

    nodes: Mapping[str, LineageNode]
    edges: Mapping[tuple[str, str], tuple[str, ...]]
    resolved: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @cached_property
    def _parents(self) -> Mapping[str, tuple[str, ...]]:
        return _grouped((target, source) for source, target in self.edges)

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        return _grouped(self.edges)

    def __getitem__(self, key: str) -> LineageNode:
        """Return the node with a key.

        Raises:
            NotFound: No node has this key.
        """
        try:
            return self.nodes[key]
        except KeyError:
            hint = did_you_mean(key, self.nodes)
            raise NotFound(f"No feature or input '{key}' in this lineage.{hint}") from None

    def parents(self, key: str) -> tuple[str, ...]:
        """Return the keys that a node needs directly, sorted."""
        return self._parents.get(self[key].key, ())

    def children(self, key: str) -> tuple[str, ...]:
        """Return the keys that need a node directly, sorted."""
        return self._children.get(self[key].key, ())

    def closure(self, key: str) -> Closure:
        """Return all that is upstream and downstream of a node, with distances."""
        focus = self[key].key
        return Closure(focus, _distances(focus, self._parents), _distances(focus, self._children))

    def path(self, source: str, target: str) -> tuple[str, ...]:
        """Return a shortest way downstream from one node to another, ends included, or nothing."""
        start, end = self[source].key, self[target].key
        came_from = {start: start}
        queue = deque([start])
        while queue and end not in came_from:
            here = queue.popleft()
            for child in self._children.get(here, ()):
                if child not in came_from:
                    came_from[child] = here
                    queue.append(child)
        return tuple(reversed(list(_steps_back(end, start, came_from)))) if end in came_from else ()

    def neighbourhood(self, key: str, up: int = 1, down: int = 1, limit: int = DRAWABLE) -> Neighbourhood:
        """Return the nodes within some steps of one, the nearest where there are more than `limit`."""
        whole = self.closure(key)
        distances = {whole.focus: 0} | {k: -steps for k, steps in whole.up.items() if steps <= up}
        for k, steps in whole.down.items():
            # In a cycle a node is on both sides; it is drawn on the side where it is nearer.
            if steps <= down and steps < abs(distances.get(k, -steps - 1)):
                distances[k] = steps
        nearest = sorted(distances, key=lambda k: abs(distances[k]))[: max(limit, 1)]
        shown = {k: distances[k] for k in nearest}
        return Neighbourhood(
            focus=whole.focus,
            nodes={k: self.nodes[k] for k in shown},
            distances=shown,
            edges=tuple(self.edges_among(shown)),
            hidden=dict(self._rims(shown)),
            hidden_up=sum(k not in shown for k in whole.up),
            hidden_down=sum(k not in shown for k in whole.down),
        )

    def edges_among(self, keys: Iterable[str]) -> Iterator[LineageEdge]:
        """Yield the edges between some nodes, in the order of their keys."""
        shown = frozenset(keys)
        for source in sorted(shown):
            for target in self._children.get(source, ()):
                if target in shown:
                    yield LineageEdge(source, target, self.edges[source, target])

    def _rims(self, shown: Mapping[str, int]) -> Iterator[tuple[str, Hidden]]:
        for key in shown:
            up = sum(parent not in shown for parent in self._parents.get(key, ()))
            down = sum(child not in shown for child in self._children.get(key, ()))
            if up or down:
                yield key, Hidden(up, down)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    lists: dict[str, list[str]] = {}
    for key, member in pairs:
        lists.setdefault(key, []).append(member)
    return {key: tuple(sorted(members)) for key, members in lists.items()}


def _distances(start: str, steps: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    found = {start: 0}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for there in steps.get(here, ()):
            if there not in found:
                found[there] = found[here] + 1
                queue.append(there)
    del found[start]
    return found


def _steps_back(end: str, start: str, came_from: Mapping[str, str]) -> Iterator[str]:
    here = end
    while here != start:
        yield here
        here = came_from[here]
    yield start
