"""A graph as it is shown to the people and programs that ask about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from headwater.errors import UnknownNode
from headwater.graph import Graph
from headwater.node import Node, Role

if TYPE_CHECKING:
    from headwater.versions import Versions

__all__ = ["HamiltonGraph", "HamiltonNode"]


class _Shared:
    """What the descriptions of one graph's nodes share."""

    def __init__(self, graph: Graph | None) -> None:
        self.graph = graph

    @cached_property
    def versions(self) -> Versions:
        from headwater.versions import Versions

        return Versions()


class HamiltonNode:
    """What is to be known of a node; nothing is worked out before it is asked for.

    Attributes:
        node: The node of the graph that is described.
    """

    __slots__ = ("_shared", "node")

    def __init__(self, node: Node, shared: _Shared) -> None:
        self.node = node
        self._shared = shared

    @classmethod
    def of(cls, node: Node, graph: Graph | None = None) -> HamiltonNode:
        """Describe one node; with the graph, an input also tells which function asks for it."""
        return cls(node, _Shared(graph))

    @classmethod
    def all_of(cls, nodes: Iterable[Node], graph: Graph) -> list[HamiltonNode]:
        """Describe several nodes of a graph, which share what is worked out for them."""
        shared = _Shared(graph)
        return [cls(node, shared) for node in nodes]

    @property
    def name(self) -> str:
        """Its name in the graph."""
        return self.node.name

    @property
    def type(self) -> Any:
        """The Python type of its value."""
        from headwater.live_types import live_type

        return live_type(self.node.type)

    @property
    def tags(self) -> dict[str, Any]:
        """Its tags; several values of one are a list."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in self.node.tags.items()
        }

    @property
    def is_external_input(self) -> bool:
        """Whether its value comes from outside."""
        return self.node.role is Role.INPUT

    @property
    def originating_functions(self) -> tuple[Callable[..., Any], ...] | None:
        """The functions it comes from, in a tuple: its own, then those that its part belongs to.

        A node inside of sub-graphs belongs to the functions that take them in, from the inside out, and a
        step to the function with the chain. An input comes from where the first node does that asks for it.
        """
        node = next(self._origins(), None)
        nodes = () if node is None else (node, *self._around(node))
        calls = [each.function.callable for each in nodes if each.function is not None]
        return tuple({id(call): call for call in calls if call is not None}.values()) or None

    def _around(self, node: Node) -> Iterator[Node]:
        """Yield what a part belongs to: the nodes that its name is under, and its feature."""
        graph, under = self._shared.graph, node.name
        while graph is not None and under != node.feature:
            under = under.rpartition(".")[0] or node.feature
            if under in graph and (found := graph.variants(under)[0]).feature == node.feature:
                yield found

    def _origins(self) -> Iterator[Node]:
        graph = self._shared.graph
        if self.node.function is not None:
            yield self.node
        elif graph is not None and self.name in graph:
            yield from (node for reader in graph.readers[self.name] for node in graph.variants(reader))

    @property
    def documentation(self) -> str:
        """Its documentation; empty where there is none."""
        return self.node.doc

    @property
    def required_dependencies(self) -> set[str]:
        """The nodes that it cannot do without."""
        return {a.node for a in self.node.arguments if a.node is not None and not a.is_optional}

    @property
    def optional_dependencies(self) -> set[str]:
        """The nodes in whose place it has a default."""
        return set(self.optional_dependencies_default_values)

    @property
    def optional_dependencies_default_values(self) -> dict[str, Any]:
        """The defaults, by node."""
        return {a.node: a.value for a in self.node.arguments if a.node is not None and a.is_optional}

    @property
    def version(self) -> str | None:
        """The hash of its function's code and of what that reaches; of an input its name.

        None where the function was only read from source, or reaches what cannot be told.
        """
        if self.is_external_input:
            return self.name
        return self._shared.versions.of(self.node.function) if self.node.function else None

    @property
    def source(self) -> str | None:
        """The source of its originating function; None where there is none."""
        origin = next(self._origins(), None)
        return self._shared.versions.source_of(origin.function) if origin and origin.function else None

    def as_dict(self, include_optional_dependencies_default_values: bool = False) -> dict[str, Any]:
        """Return what JSON can hold of it.

        Args:
            include_optional_dependencies_default_values: Whether to give the defaults too, which may be
                anything.
        """
        from headwater.live_types import type_name

        found: dict[str, Any] = {
            "name": self.name,
            "tags": self.tags,
            "output_type": type_name(self.type),
            "required_dependencies": sorted(self.required_dependencies),
            "optional_dependencies": sorted(self.optional_dependencies),
            "source": self.source,
            "documentation": self.documentation,
            "version": self.version,
        }
        if include_optional_dependencies_default_values:
            found["optional_dependencies_default_values"] = self.optional_dependencies_default_values
        return found

    def __eq__(self, other: object) -> bool:
        return self.node == other.node if isinstance(other, HamiltonNode) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        from headwater.live_types import type_name

        return f'Node("{self.name}": {type_name(self.type)})'


class HamiltonGraph:
    """The nodes of a graph, described.

    Attributes:
        nodes: The nodes, in the order in which the graph has them.
    """

    def __init__(self, nodes: list[HamiltonNode]) -> None:
        self.nodes = nodes

    @classmethod
    def of(cls, graph: Graph) -> HamiltonGraph:
        """Describe a graph."""
        return cls(HamiltonNode.all_of(graph.nodes, graph))

    @classmethod
    def from_graph(cls, fn_graph: Graph) -> HamiltonGraph:
        """Describe a graph; the name under which code written for Hamilton asks for it."""
        return cls.of(fn_graph)

    @cached_property
    def version(self) -> str:
        """The hash of the versions of all nodes that have one."""
        from headwater.normal_form import digest

        return digest(sorted(version for node in self.nodes if (version := node.version) is not None))

    @cached_property
    def _by_name(self) -> dict[str, HamiltonNode]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, key: str) -> HamiltonNode:
        """Return the node of a name.

        Raises:
            UnknownNode: There is none.
        """
        try:
            return self._by_name[key]
        except KeyError:
            raise UnknownNode(key, self._by_name) from None

    def filter_nodes(self, filter: Callable[[HamiltonNode], bool]) -> list[HamiltonNode]:
        """Return the nodes for which a function says True."""
        return [node for node in self.nodes if filter(node)]
