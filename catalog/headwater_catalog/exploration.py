"""What a reader has unfolded of a lineage graph, in the order in which it came, so that all stays put."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headwater_catalog.lineage_graph import DRAWABLE, Hidden, LineageEdge, LineageGraph, LineageNode

__all__ = [
    "GROUP_PREFIX",
    "Exploration",
    "Group",
    "Opening",
    "Side",
    "Wave",
    "explore",
    "folded",
]

Side = Literal["up", "down"]

GROUP_PREFIX = ":"
"""Begins the key of a node that stands for several; no other key does, since modules have names."""

_AT_ONCE = 12
"""Neighbours that one opening brings; a thousand at once would be more than anyone can look through."""


@dataclass(frozen=True, slots=True)
class Opening:
    """More neighbours of a node were asked for."""

    key: str
    side: Side


@dataclass(frozen=True, slots=True)
class Wave:
    """Nodes that came together: first those around the focus, then the neighbours of one node each time."""

    keys: tuple[str, ...]
    origin: Opening | None = None


@dataclass(frozen=True, slots=True)
class Exploration:
    """The nodes that are unfolded around a focus.

    Attributes:
        focus: Key of the node in the middle.
        waves: All keys in the order in which they came, those that are put away too: they keep their places.
        nodes: The nodes to draw, by key.
        edges: All edges between them.
        rims: Direct neighbours that are not drawn, for the nodes that have any.
        route: Where a way to another node is shown, the keys of a shortest one, from end to end.
        left_out: How many nodes were asked for and do not fit.
    """

    focus: str
    waves: tuple[Wave, ...]
    nodes: Mapping[str, LineageNode]
    edges: tuple[LineageEdge, ...]
    rims: Mapping[str, Hidden]
    route: tuple[str, ...] = ()
    left_out: int = 0


def explore(
    graph: LineageGraph,
    focus: str,
    up: int | None,
    down: int | None,
    *,
    to: str | None = None,
    openings: Iterable[Opening] = (),
    hidden: Iterable[str] = (),
    limit: int = DRAWABLE,
) -> Exploration:
    """Return what is drawn around a focus once a reader has opened some nodes and put some away.

    Args:
        graph: The graph.
        focus: Key of the node in the middle.
        up: Steps upstream that are there from the start; None means all.
        down: The same downstream.
        to: Key of another node; then the start is all ways between the two instead.
        openings: Whose neighbours were asked for, in order; the same one again brings its next neighbours.
        hidden: Keys that were put away. The focus cannot be.
        limit: How many nodes there are at most.

    Raises:
        NotFound: The focus or the other end is not in the graph.
    """
    route = _route(graph, focus, to) if to else ()
    first, left_out = _ways(graph, route, limit) if route else _around(graph, focus, up, down, limit)
    waves = (Wave(first), *_waves(graph, first, openings, limit))
    away = frozenset(hidden) - {focus}
    drawn = [key for wave in waves for key in wave.keys if key not in away]
    return Exploration(
        focus=graph[focus].key,
        waves=waves,
        nodes={key: graph.nodes[key] for key in drawn},
        edges=tuple(graph.edges_among(drawn)),
        rims=graph.rims(drawn),
        route=route,
        left_out=left_out,
    )


def _around(
    graph: LineageGraph, focus: str, up: int | None, down: int | None, limit: int
) -> tuple[tuple[str, ...], int]:
    near = graph.neighbourhood(focus, up, down, limit)
    if len(near.nodes) < limit:
        return tuple(near.nodes), 0
    asked = {focus, *graph.upstream(focus).within(up), *graph.downstream(focus).within(down)}
    return tuple(near.nodes), len(asked) - len(near.nodes)


def _route(graph: LineageGraph, focus: str, to: str) -> tuple[str, ...]:
    """Return a shortest way between two nodes, downstream from one to the other, or nothing."""
    return graph.path(focus, to) or graph.path(to, focus)


def _ways(graph: LineageGraph, route: Sequence[str], limit: int) -> tuple[tuple[str, ...], int]:
    """Return what lies on any way between the ends of a route, the shortest ways first."""
    source, target = route[0], route[-1]
    after, before = graph.downstream(source), graph.upstream(target)
    between = {key: steps + before[key] for key, steps in after.items() if key in before}
    on_route = frozenset(route)
    others = sorted((key for key in between if key not in on_route), key=between.__getitem__)
    keys = (*route, *others)[: max(limit, len(route))]
    return keys, len(route) + len(others) - len(keys)


def _waves(
    graph: LineageGraph, first: Sequence[str], openings: Iterable[Opening], limit: int
) -> Iterator[Wave]:
    there = set(first)
    for opening in openings:
        if opening.key not in there:
            continue  # of a node that an earlier link knew, at another commit
        neighbours = graph.parents(opening.key) if opening.side == "up" else graph.children(opening.key)
        new = [key for key in neighbours if key not in there][: min(_AT_ONCE, limit - len(there))]
        if new:
            there.update(new)
            yield Wave(tuple(new), opening)


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are drawn as one.

    Attributes:
        key: Key of the node that stands for them.
        label: What they have in common.
        side: On which side of the focus they are.
        members: Their keys, in order.
    """

    key: str
    label: str
    side: Side
    members: tuple[str, ...]


def folded(
    graph: LineageGraph, focus: str, label_of: Callable[[str], str], unfolded: Iterable[str] = ()
) -> tuple[LineageGraph, Mapping[str, Group]]:
    """Return all that a focus needs and feeds, with the nodes of one label as one, and those groups by key.

    What is upstream of the focus and what is downstream of it are groups of their own, so that folding makes
    no circles around it. A group of one is the node itself.

    Args:
        graph: The graph.
        focus: Key of the node in the middle, which stays itself.
        label_of: Gives the label of a key; an empty one means that it stays itself.
        unfolded: Keys of groups whose nodes stay themselves.
    """
    sides: dict[str, Side] = dict.fromkeys(graph.downstream(focus), "down")
    sides.update(dict.fromkeys(graph.upstream(focus), "up"))
    sides.pop(focus, None)
    gathered: dict[tuple[Side, str], list[str]] = {}
    for key, side in sides.items():
        gathered.setdefault((side, label_of(key)), []).append(key)
    apart = frozenset(unfolded)
    made = (
        Group(f"{GROUP_PREFIX}{side}:{label}", label, side, tuple(sorted(members)))
        for (side, label), members in gathered.items()
        if label and len(members) > 1
    )
    groups = {group.key: group for group in made if group.key not in apart}
    return _quotient(graph, focus, sides, groups), groups


def _quotient(
    graph: LineageGraph, focus: str, sides: Iterable[str], groups: Mapping[str, Group]
) -> LineageGraph:
    stands_for = {member: group.key for group in groups.values() for member in group.members}
    keys = [focus, *sides]
    edges: dict[tuple[str, str], tuple[str, ...]] = {}
    for edge in graph.edges_among(keys):
        ends = stands_for.get(edge.source, edge.source), stands_for.get(edge.target, edge.target)
        if ends[0] != ends[1]:
            edges[ends] = tuple(dict.fromkeys((*edges.get(ends, ()), *edge.dataflows)))
    nodes = {key: graph.nodes[key] for key in keys if key not in stands_for}
    nodes |= {group.key: _as_node(graph, group) for group in groups.values()}
    return LineageGraph(nodes, edges)


def _as_node(graph: LineageGraph, group: Group) -> LineageNode:
    """Return the node that stands for a group; it is an input where all of it is."""
    are_inputs = all(graph.nodes[key].is_input for key in group.members)
    are_tables = all(graph.nodes[key].is_table for key in group.members)
    module = "" if are_inputs or are_tables else group.label
    what = "inputs" if are_inputs else "tables and columns" if are_tables else "features"
    summary = f"{len(group.members)} {what}"
    return LineageNode(group.key, group.label, module, "", summary, is_table=are_tables)
