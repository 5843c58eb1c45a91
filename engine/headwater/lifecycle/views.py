"""Nodes as adapters see them: with live types, keyword arguments and a callable that takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cached_property
from typing import Any

from headwater.errors import HeadwaterError
from headwater.graph import Graph, topological
from headwater.listing import unlisted
from headwater.node import Node as GraphNode
from headwater.node import Role
from headwater.types import COLLECT, PARALLELIZABLE, Type
from headwater.values import MISSING

__all__ = ["DependencyType", "KeywordCall", "Node", "NodeType", "NodeView", "execution_path"]


class DependencyType(Enum):
    """Whether a node can do without a value that it reads."""

    REQUIRED = 1
    OPTIONAL = 2


class NodeType(Enum):
    """What a node does with the values that it reads."""

    STANDARD = "standard"
    EXTERNAL = "external"
    EXPAND = "expand"
    COLLECT = "collect"


class KeywordCall:
    """Calls a node with the values that it reads, by the names of the nodes that made them."""

    def __init__(self, node: GraphNode) -> None:
        """Take a node with a call; the call tells itself as the node's function."""
        self._node = node
        if node.function is not None and node.function.callable is not None:
            self.__wrapped__ = node.function.callable
        self.__name__ = node.name
        self.__doc__ = node.doc

    def __call__(self, **values: Any) -> Any:
        """Return what the node computes; what is not given has its default.

        Raises:
            HeadwaterError: A value without default was not given.
        """
        assert self._node.call is not None
        return self._node.call(*_positional(self._node, values))


def _positional(node: GraphNode, values: Mapping[str, Any]) -> list[Any]:
    """Return the arguments of a node's call in order, from values by the names of nodes."""
    found = []
    for argument in node.arguments:
        name = argument.node
        value = argument.value if name is None else values.get(name, argument.value)
        if value is MISSING:
            raise HeadwaterError(
                f"{node.where} cannot be computed without a value for '{name}'. An adapter that computes "
                "nodes must pass on all the keyword arguments that it is given."
            )
        found.append(value)
    return found


class NodeView:
    """A node as hooks and methods see it, under Hamilton's names.

    Attributes:
        node: The node of the graph.
        name: Its name.
        tags: Its tags; several values of one tag are a list.
    """

    def __init__(self, node: GraphNode) -> None:
        """View a node."""
        self.node = node
        self.name = node.name
        self.tags = {key: list(v) if isinstance(v, tuple) else v for key, v in node.tags.items()}
        self._reads = [
            (place, argument.node, argument.value)
            for place, argument in enumerate(node.arguments)
            if argument.node is not None
        ]
        self._is_plain = len(self._reads) == len(node.arguments) and all(
            default is MISSING for _, _, default in self._reads
        )
        self._names = [name for _, name, _ in self._reads]

    def keywords(self, args: Sequence[Any]) -> dict[str, Any]:
        """Return the values that the node reads by the names of the nodes that made them.

        Literals are left out, and so are defaults that stand in for nodes that are not there.
        """
        if self._is_plain:
            return dict(zip(self._names, args, strict=True))
        return {name: args[place] for place, name, default in self._reads if args[place] is not default}

    def positional(self, kwargs: Mapping[str, Any]) -> list[Any]:
        """Return all arguments of the node's call in order, literals and defaults included."""
        return _positional(self.node, kwargs)

    def __call__(self, **kwargs: Any) -> Any:
        """Compute the node from the values that it reads."""
        return self.callable(**kwargs)

    @cached_property
    def callable(self) -> Callable[..., Any]:
        """What computes the node from keyword arguments: the feature function itself where it can be."""
        node = unlisted(self.node)
        own = node.function is not None and node.call is not None and node.call is node.function.callable
        if own and all(argument.parameter == argument.node for argument in node.arguments):
            assert node.call is not None
            return node.call
        return KeywordCall(node)

    @cached_property
    def type(self) -> Any:
        """The live type of the node's value."""
        return _live(self.node.type)

    @cached_property
    def input_types(self) -> dict[str, tuple[Any, DependencyType]]:
        """The type of each value that the node reads, and whether it can do without."""
        return {
            argument.node: (
                _live(argument.type),
                DependencyType.OPTIONAL if argument.is_optional else DependencyType.REQUIRED,
            )
            for argument in self.node.arguments
            if argument.node is not None
        }

    @cached_property
    def plain_input_types(self) -> dict[str, Any]:
        """The type of each value that the node reads."""
        return {name: type_ for name, (type_, _) in self.input_types.items()}

    @cached_property
    def node_role(self) -> NodeType:
        """What the node does with the values that it reads."""
        if self.node.role is Role.INPUT:
            return NodeType.EXTERNAL
        if self.node.type.name == PARALLELIZABLE:
            return NodeType.EXPAND
        if any(argument.type.name == COLLECT for argument in self.node.arguments):
            return NodeType.COLLECT
        return NodeType.STANDARD

    @property
    def user_defined(self) -> bool:
        """Whether the value comes from outside."""
        return self.node.role is Role.INPUT

    @property
    def documentation(self) -> str:
        """The node's documentation."""
        return self.node.doc

    @property
    def originating_functions(self) -> tuple[Callable[..., Any], ...]:
        """The live functions that the node comes from."""
        function = self.node.function
        return () if function is None or function.callable is None else (function.callable,)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.node.type}>"


Node = NodeView
"""The name that annotations of adapters written for Hamilton use."""


def _live(type_: Type) -> Any:
    from headwater.live_types import live_type

    return live_type(type_)


def execution_path(graph: Graph, final_vars: Iterable[str], overrides: Mapping[str, Any] | None) -> list[str]:
    """Return the names of the nodes that an execution computes, in order."""
    given = overrides or {}

    def is_computed(name: str) -> bool:
        return name in graph and name not in given and graph[name].role is not Role.INPUT

    def needs(name: str) -> Iterable[str]:
        return filter(is_computed, graph[name].dependencies)

    order, _ = topological(filter(is_computed, final_vars), needs)
    return order
