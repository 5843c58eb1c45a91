"""Graphs of nodes that only differ in what they read, for tests of how these are put into tasks."""

from collections.abc import Sequence

from hypothesis import strategies as st

from headwater.function import Argument
from headwater.graph import Graph
from headwater.node import Node, Role
from headwater.types import Type

__all__ = ["graph_of", "reads_of_nodes"]

_INT = Type("int")


def graph_of(reads: Sequence[Sequence[int]]) -> Graph:
    """Return a graph of nodes n0, n1, ..., each of which reads those of the given numbers and `start`."""
    nodes = [Node("start", _INT, role=Role.INPUT)]
    for number, read in enumerate(reads):
        names = ["start", *(f"n{other}" for other in read)]
        arguments = tuple(Argument(name, _INT, name) for name in names)
        nodes.append(Node(f"n{number}", _INT, arguments, f"n{number}", call=_add))
    return Graph(nodes)


@st.composite
def reads_of_nodes(draw: st.DrawFn, most: int) -> list[list[int]]:
    """Return which of the few nodes before it each of some nodes reads, by their numbers."""
    size = draw(st.integers(1, most))
    return [
        sorted(draw(st.sets(st.integers(max(0, number - 6), number - 1), max_size=3))) if number else []
        for number in range(size)
    ]


def _add(*values: int) -> int:
    return sum(values) % 1_000_003 + 1
