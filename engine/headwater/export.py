"""A graph, or the part of it that an execution needs, as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from headwater.graph import Graph
from headwater.graph_types import HamiltonNode
from headwater.node import Role

__all__ = ["executed", "export_nodes"]


def executed(graph: Graph, outputs: Iterable[str], given: Iterable[str]) -> list[str]:
    """Return the names that an execution computes or is given, in the order of the graph.

    Args:
        graph: The graph.
        outputs: The names that are asked for.
        given: The names whose values come from outside: configuration, inputs and overrides. What only
            they need is left out, as are optional inputs that are not given.

    Raises:
        UnknownNode: No node has one of the outputs' names.
    """
    supplied = set(given)
    found: set[str] = set()
    pending = list(outputs)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        variants = graph.variants(name)
        found.add(name)
        if name not in supplied:
            arguments = [argument for node in variants for argument in node.arguments]
            pending += [
                argument.node
                for argument in arguments
                if argument.node is not None
                and (not argument.is_optional or _is_available(graph, argument.node, supplied))
            ]
    return [name for name in graph.names if name in found]


def _is_available(graph: Graph, name: str, given: set[str]) -> bool:
    return name in graph and (name in given or graph[name].role is not Role.INPUT)


def export_nodes(graph: Graph, names: Iterable[str]) -> str:
    """Return nodes of a graph as JSON, sorted by name, in the form of Hamilton's `export_execution`.

    Args:
        graph: The graph.
        names: What to export: for an execution, the nodes that are computed and the values they are given.

    Raises:
        UnknownNode: No node has one of the names.
    """
    import json

    nodes = [node for name in sorted(set(names)) for node in graph.variants(name)]
    return json.dumps({"nodes": [node.as_dict() for node in HamiltonNode.all_of(nodes, graph)]})
