"""Fan-outs whose elements are made inside their own node, so that what fails there is told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headwater.node import Node

__all__ = ["Listed", "unlisted"]


@dataclass(frozen=True, slots=True)
class Listed:
    """Calls a function and goes through what it yields."""

    call: Any

    def __call__(self, *values: Any) -> list[Any]:
        """Return the elements that the function makes."""
        return list(self.call(*values))


def unlisted(node: Node) -> Node:
    """Return a node that makes its elements one by one, as its function does."""
    return replace(node, call=node.call.call) if isinstance(node.call, Listed) else node
