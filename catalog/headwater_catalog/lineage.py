"""Lineage questions of the catalog: the graph and its answers, under one name for pages and commands."""

from __future__ import annotations

from headwater_catalog.lineage_graph import (
    DRAWABLE,
    INPUT_PREFIX,
    LISTED,
    Closure,
    Common,
    Distances,
    Hidden,
    LineageDifference,
    LineageEdge,
    LineageGraph,
    LineageNode,
    Neighbourhood,
    Paths,
    difference,
    input_key,
)

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
