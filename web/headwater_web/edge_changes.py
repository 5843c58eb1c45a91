"""The edges of lineage that came and went between two commits, as a list and as a drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from headwater_catalog.compared import Compared
from headwater_catalog.lineage import LineageNode
from headwater_web.drawing import Drawing, draw_changes
from headwater_web.links import feature_url, lineage_url

__all__ = ["EdgeChange", "EdgeChanges", "edge_changes"]

_DRAWN: Final = 40  # nodes
_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge that is there on one side only, in the dataflows named."""

    source: LineageNode
    target: LineageNode
    is_new: bool
    dataflows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EdgeChanges:
    """Edges that came and went.

    Attributes:
        came: How many came.
        went: How many went.
        listed: The first of them; those of features that are on both sides stand first.
        left_out: How many more there are.
        drawing: They with their ends; None where there are too many.
        is_whole: Whether the drawing has all of them, also those of features that came or went whole.
    """

    came: int
    went: int
    listed: tuple[EdgeChange, ...]
    left_out: int
    drawing: Drawing | None
    is_whole: bool


def edge_changes(compared: Compared, repository: str, before_sha: str | None) -> EdgeChanges:
    """Return the edges that two commits have not in common; what is gone leads to the first of them."""
    whole = {change.key for change in compared.found.features if not (change.before and change.after)}
    edges = sorted(_edges(compared), key=lambda edge: (edge.target.key in whole, *_order(edge)))
    kept = [edge for edge in edges if edge.target.key not in whole]
    drawn = next((some for some in (edges, kept) if some and len(_ends(some)) <= _DRAWN), [])

    def href(node: LineageNode) -> str:
        at = {} if node.key in compared.after.graph.nodes else {"at": before_sha}
        address = lineage_url if node.is_input else feature_url
        return address(repository, node.key, **at)

    return EdgeChanges(
        came=sum(edge.is_new for edge in edges),
        went=sum(not edge.is_new for edge in edges),
        listed=tuple(edges[:_LISTED]),
        left_out=max(0, len(edges) - _LISTED),
        drawing=_draw(compared, drawn, href) if drawn else None,
        is_whole=len(drawn) == len(edges),
    )


def _order(edge: EdgeChange) -> tuple[str, str, bool]:
    return edge.target.key, edge.source.key, edge.is_new


def _edges(compared: Compared) -> Iterator[EdgeChange]:
    nodes = {compared.found.moved.get(key, key): node for key, node in compared.before.graph.nodes.items()}
    nodes.update(compared.after.graph.nodes)
    for is_new, edges in ((True, compared.found.added_edges), (False, compared.found.removed_edges)):
        dataflows: dict[tuple[str, str], list[str]] = {}
        for edge in edges:
            dataflows.setdefault((edge.source, edge.target), []).append(edge.dataflow)
        for (source, target), names in dataflows.items():
            yield EdgeChange(nodes[source], nodes[target], is_new, tuple(names))


def _ends(edges: Iterable[EdgeChange]) -> dict[str, LineageNode]:
    return {node.key: node for edge in edges for node in (edge.source, edge.target)}


def _draw(compared: Compared, edges: Iterable[EdgeChange], href: Callable[[LineageNode], str]) -> Drawing:
    """Draw edges that came or went, and between their ends those that stayed."""
    nodes = _ends(edges)
    was = {compared.found.moved.get(key, key) for key in compared.before.graph.nodes}
    now = compared.after.graph
    marks = {key: "is-added" for key in nodes if key not in was}
    marks |= {key: "is-removed" for key in nodes if key not in now.nodes}
    stayed = {(edge.source, edge.target): "" for edge in now.edges_among(nodes.keys() & now.nodes.keys())}
    changed = {
        (edge.source.key, edge.target.key): "is-added" if edge.is_new else "is-removed" for edge in edges
    }
    return draw_changes(nodes, marks, {**stayed, **changed}, href)
