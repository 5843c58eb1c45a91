"""All that two nodes must have in common to be one: for comparing graphs of live and of read code."""

from typing import Any

from headwater.node import Node
from headwater.values import describe

__all__ = ["facts_of"]


def facts_of(node: Node) -> dict[str, Any]:
    """Return everything about a node but what computes it."""
    return {
        "name": node.name,
        "type": str(node.type),
        "arguments": [(a.parameter, str(a.type), a.node, describe(a.value)) for a in node.arguments],
        "feature": node.feature,
        "role": node.role,
        "tags": dict(node.tags),
        "doc": node.doc,
        "condition": str(node.condition),
        "partial": node.partial,
    }
