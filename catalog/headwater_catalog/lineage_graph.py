"""The lineage graph: who needs whom among features, and the questions that people ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from headwater.errors import did_you_mean
from headwater_catalog.adjacency import Adjacency, Distances, TooManySteps
from headwater_catalog.errors import NotFound
from headwater_catalog.table_specs import table_of

__all__ = [
    "DRAWABLE",
    "INPUT_PREFIX",
    "LISTED",
    "Closure",
    "Common",
    "Distances",
    "Hidden",
    "LineageDifference",
    "LineageEdge",
    "LineageGraph",
    "LineageNode",
    "Neighbourhood",
    "Paths",
    "difference",
    "input_key",
]

INPUT_PREFIX = "input:"
DRAWABLE = 150
"""How many nodes a neighbourhood has at most: a page never gets more than it can draw."""
LISTED = 100
"""How many paths are listed unless told otherwise: between two nodes there may be millions."""


def input_key(name: str) -> str:
    """Return the key of an external input."""
    return INPUT_PREFIX + name


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A feature, an input that no feature makes, or a table or column that inputs come from.

    Attributes:
        key: `module:name`, `input:name` of an external input, `table:place` or `table:place#column`.
        name: The name that other features ask for.
        module: Where the feature is defined; empty for all others.
        type: Type of the value, as text.
        summary: First line of the documentation.
        owner: Whom to ask, or an empty string.
        parts: Names of the nodes folded into the feature, by which others may ask for it.
        is_declared: Whether it is an input that code declares, with its type and what it means.
        is_table: Whether it is a table or a column of one.
    """

    key: str
    name: str
    module: str
    type: str
    summary: str = ""
    owner: str = ""
    parts: tuple[str, ...] = ()
    is_declared: bool = False
    is_table: bool = False

    @property
    def is_input(self) -> bool:
        """Tell whether the value comes from outside, and is named by what reads it."""
        return not self.module and not self.is_table

    @property
    def kind(self) -> str:
        """What it is, in a word: feature, input, table or column."""
        if self.is_table:
            return "table" if table_of(self.key) == self.key else "column"
        return "feature" if self.module else "input"


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
    up: Distances
    down: Distances


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways downstream from one node to another, the shortest first, each from end to end.

    Attributes:
        paths: The ways as keys.
        is_cut: Whether there are, or may be, more of them.
    """

    paths: tuple[tuple[str, ...], ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Common:
    """A node that several have upstream, or downstream, of them.

    Attributes:
        key: Its key.
        distances: Steps to each of the several, in their order; 0 to itself where it is one of them.
    """

    key: str
    distances: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LineageDifference:
    """What one graph has that another has not; an edge by the dataflows in which it came or went.

    Attributes:
        added: Keys of the nodes that only the later graph has.
        removed: Keys of the nodes that only the earlier one has.
        added_edges: Edges that only the later graph has.
        removed_edges: Edges that only the earlier one has.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    added_edges: tuple[LineageEdge, ...]
    removed_edges: tuple[LineageEdge, ...]


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
    """

    focus: str
    nodes: Mapping[str, LineageNode]
    distances: Mapping[str, int]
    edges: tuple[LineageEdge, ...]
    hidden: Mapping[str, Hidden]


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
    def _adjacency(self) -> Adjacency:
        return Adjacency(self.nodes, self.edges)

    @cached_property
    def inputs(self) -> frozenset[str]:
        """The keys of what comes from outside."""
        return frozenset(key for key, node in self.nodes.items() if node.is_input)

    @cached_property
    def _modules(self) -> Mapping[str, Sequence[LineageNode]]:
        found: dict[str, list[LineageNode]] = {}
        for node in self.nodes.values():
            found.setdefault(node.module, []).append(node)
        return found

    def defined_in(self, module: str) -> Sequence[LineageNode]:
        """Return the features of a module."""
        return self._modules.get(module, ())

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
        return self._adjacency.parents(self[key].key)

    def children(self, key: str) -> tuple[str, ...]:
        """Return the keys that need a node directly, sorted."""
        return self._adjacency.children(self[key].key)

    def upstream(self, key: str) -> Distances:
        """Return all that a node needs, directly or not, nearest first, each with its distance."""
        return self._adjacency.upstream(self[key].key)

    def downstream(self, key: str) -> Distances:
        """Return all that needs a node, directly or not, nearest first, each with its distance."""
        return self._adjacency.downstream(self[key].key)

    def closure(self, key: str) -> Closure:
        """Return all that is upstream and downstream of a node, with distances."""
        return Closure(key, self.upstream(key), self.downstream(key))

    def path(self, source: str, target: str) -> tuple[str, ...]:
        """Return a shortest way downstream from one node to another, ends included, or nothing."""
        return next(iter(self.paths(source, target, limit=1).paths), ())

    def paths(self, source: str, target: str, *, longer: bool = False, limit: int = LISTED) -> Paths:
        """Return the ways downstream from one node to another that meet no node twice.

        Args:
            source: Where they begin.
            target: Where they end.
            longer: Also those that are longer than the shortest.
            limit: How many at most.
        """
        found: list[tuple[str, ...]] = []
        try:
            for way in self._adjacency.ways(self[source].key, self[target].key):
                if found and not longer and len(way) > len(found[0]):
                    break
                if len(found) == limit:
                    return Paths(tuple(found), is_cut=True)
                found.append(way)
        except TooManySteps:
            return Paths(tuple(found), is_cut=True)
        return Paths(tuple(found), is_cut=False)

    def common_upstream(self, *keys: str) -> tuple[Common, ...]:
        """Return what all of some nodes come from, nearest first; one of them may be it for the others."""
        return _common([{key: 0, **self.upstream(key)} for key in keys])

    def common_downstream(self, *keys: str) -> tuple[Common, ...]:
        """Return what needs all of some nodes, nearest first; one of them may be it for the others."""
        return _common([{key: 0, **self.downstream(key)} for key in keys])

    def neighbourhood(
        self, key: str, up: int | None = 1, down: int | None = 1, limit: int = DRAWABLE
    ) -> Neighbourhood:
        """Return the nodes within some steps of one (None: all), the nearest if more than `limit`."""
        whole = self.closure(key)
        distances = {whole.focus: 0} | {k: -steps for k, steps in whole.up.within(up).items()}
        for k, steps in whole.down.within(down).items():
            # In a cycle a node is on both sides; it is drawn on the side where it is nearer.
            if steps < abs(distances.get(k, -steps - 1)):
                distances[k] = steps
        nearest = sorted(distances, key=lambda k: abs(distances[k]))[: max(limit, 1)]
        shown = {k: distances[k] for k in nearest}
        return Neighbourhood(
            focus=whole.focus,
            nodes={k: self.nodes[k] for k in shown},
            distances=shown,
            edges=tuple(self.edges_among(shown)),
            hidden=self.rims(shown),
        )

    def edges_among(self, keys: Iterable[str]) -> Iterator[LineageEdge]:
        """Yield the edges between some nodes, in the order of their keys."""
        shown = frozenset(keys)
        for source in sorted(shown):
            for target in self._adjacency.children(source):
                if target in shown:
                    yield LineageEdge(source, target, self.edges[source, target])

    def around(self, key: str, up: int | None = None, down: int | None = None) -> LineageGraph:
        """Return the piece of the graph within some steps of a node; it is empty where the node is not."""
        if key not in self.nodes:
            return LineageGraph({}, {})
        keys = (key, *self.upstream(key).within(up), *self.downstream(key).within(down))
        edges = {(edge.source, edge.target): edge.dataflows for edge in self.edges_among(keys)}
        return LineageGraph({key: self.nodes[key] for key in keys}, edges)

    def rims(self, keys: Iterable[str]) -> dict[str, Hidden]:
        """Return how many direct neighbours of some nodes are not among them, for those that have any."""
        shown = frozenset(keys)
        rims = {}
        for key in sorted(shown):
            up = sum(parent not in shown for parent in self._adjacency.parents(key))
            down = sum(child not in shown for child in self._adjacency.children(key))
            if up or down:
                rims[key] = Hidden(up, down)
        return rims


def difference(before: LineageGraph, after: LineageGraph) -> LineageDifference:
    """Return what came into a graph and what went from it."""
    return LineageDifference(
        added=tuple(sorted(after.nodes.keys() - before.nodes.keys())),
        removed=tuple(sorted(before.nodes.keys() - after.nodes.keys())),
        added_edges=tuple(_more(after.edges, before.edges)),
        removed_edges=tuple(_more(before.edges, after.edges)),
    )


def _more(
    edges: Mapping[tuple[str, str], tuple[str, ...]], known: Mapping[tuple[str, str], tuple[str, ...]]
) -> Iterator[LineageEdge]:
    for source, target in sorted(edges):
        dataflows = edges[source, target]
        more = tuple(name for name in dataflows if name not in known.get((source, target), ()))
        if more:
            yield LineageEdge(source, target, more)


def _common(distances: Sequence[Mapping[str, int]]) -> tuple[Common, ...]:
    shared = set.intersection(*(set(each) for each in distances)) if distances else set()
    found = (Common(key, tuple(each[key] for each in distances)) for key in shared)
    return tuple(sorted(found, key=lambda node: (max(node.distances), sum(node.distances), node.key)))
