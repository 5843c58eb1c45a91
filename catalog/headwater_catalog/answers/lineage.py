"""Lineage as plain data: what is around a node, and the ways between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headwater_catalog.lineage import Common, LineageGraph, LineageNode

__all__ = ["Ways", "lineage_json", "node_json", "ways_between", "ways_json"]


def node_json(node: LineageNode) -> dict[str, Any]:
    """Return a feature, an input or a table as JSON has it."""
    return {
        "key": node.key,
        "name": node.name,
        "type": node.type,
        "input": node.is_input,
        "table": node.is_table,
    }


def lineage_json(near: LineageGraph, key: str, up: int | None, down: int | None) -> dict[str, Any]:
    """Return what is around a node, within some steps each way; None means all of them."""
    return {
        "focus": key,
        "upstream": _rows(near, near.upstream(key).within(up)),
        "downstream": _rows(near, near.downstream(key).within(down)),
        "edges": [asdict(edge) for edge in near.edges_among(near.nodes)],
    }


def _rows(graph: LineageGraph, distances: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{**node_json(graph[key]), "distance": steps} for key, steps in distances.items()]


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways from one node downstream to another, or what both come from where there is none.

    Attributes:
        source: Where they begin.
        target: Where they end.
        paths: The ways as keys, the shortest first.
        is_cut: Whether there may be more.
        common: Where neither reaches the other, what both come from, the nearest first.
    """

    source: str
    target: str
    paths: tuple[tuple[str, ...], ...]
    is_cut: bool
    common: tuple[Common, ...]


def ways_between(graph: LineageGraph, a: str, b: str, *, longer: bool, limit: int) -> Ways:
    """Return the ways by which the values of a node reach another; where none does, those back.

    Args:
        graph: The graph.
        a: Key of the one node.
        b: Key of the other.
        longer: Also give the ways that are longer than the shortest.
        limit: How many ways, and common nodes, there are at most.
    """
    ends, found = (a, b), graph.paths(a, b, longer=longer, limit=limit)
    if not found.paths:
        backwards = graph.paths(b, a, longer=longer, limit=limit)
        ends, found = ((b, a), backwards) if backwards.paths else (ends, found)
    common = () if found.paths else graph.common_upstream(*ends)[:limit]
    return Ways(*ends, found.paths, found.is_cut, common)


def ways_json(graph: LineageGraph, ways: Ways) -> dict[str, Any]:
    """Return ways as JSON has them."""
    return {
        "source": ways.source,
        "target": ways.target,
        "paths": [[node_json(graph[key]) for key in way] for way in ways.paths],
        "cut": ways.is_cut,
        "common": [asdict(node) for node in ways.common],
    }
