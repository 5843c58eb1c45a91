"""Loading and saving around a graph that is there already: `from_.csv(...)` and `to.parquet(...)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headwater.errors import DuplicateNode, InvalidModifier, UnknownNode
from headwater.graph import Graph
from headwater.modifiers.adapted import Asked, LoaderFormats, SaverFormats, loader_nodes, saver_node
from headwater.node import Argument, Node, Role
from headwater.types import ANY, Type

__all__ = [
    "Combine",
    "Extract",
    "ExtractorFactory",
    "Materialize",
    "MaterializerFactory",
    "from_",
    "materialized",
    "saved_names",
    "to",
]


class ExtractorFactory:
    """A loader whose data takes the place of a node, as `from_.csv` makes it.

    Args:
        target: Name of the node.
        loaders: The loaders to choose from by the node's type.
        **data_loader_kwargs: The loader's arguments: `source("node")`, `value(literal)`, or literals.
    """

    def __init__(self, target: str, loaders: Sequence[Any], **data_loader_kwargs: Any) -> None:
        self.target = target
        self.loaders = loaders
        self.data_loader_kwargs = data_loader_kwargs
        self.name = "from_"

    def nodes(self, type_: Type) -> list[Node]:
        """Return the node that loads, and the node that takes the place of the target.

        Raises:
            InvalidModifier: No loader makes the type, or it does not take the arguments.
        """
        asked = Asked(self.name, f"'{self.target}'", self.loaders, self.data_loader_kwargs)
        data = Node(self.target, type_, feature=self.target)
        load, select = loader_nodes(asked, data, f"load_data.{self.target}", self.target)
        return [replace(load, role=Role.PART), select]


class MaterializerFactory:
    """A saver of the values of some nodes, as `to.csv` makes it.

    Args:
        id: Name of the node that saves.
        savers: The savers to choose from by the type of what is saved.
        result_builder: Puts the values of several nodes together; None for a single one.
        dependencies: The nodes: names, feature functions or variables.
        **data_saver_kwargs: The saver's arguments: `source("node")`, `value(literal)`, or literals.
    """

    def __init__(
        self,
        id: str,
        savers: Sequence[Any],
        result_builder: Any,
        dependencies: Sequence[Any],
        **data_saver_kwargs: Any,
    ) -> None:
        self.id = id
        self.savers = savers
        self.result_builder = result_builder
        self.dependencies = [_name(wanted) for wanted in dependencies]
        self.data_saver_kwargs = data_saver_kwargs
        self.name = "to"

    def nodes(self, graph: Graph) -> list[Node]:
        """Return the node that saves, and before it the one that puts several values together.

        Raises:
            UnknownNode: The graph lacks one of the nodes.
            InvalidModifier: No saver takes the type, it does not take the arguments, or several nodes
                are to be saved without a result builder.
        """
        for name in self.dependencies:
            if name not in graph:
                raise UnknownNode(name, graph.names, f"this graph for '{self.id}' to save")
        asked = Asked(self.name, f"'{self.id}'", self.savers, self.data_saver_kwargs)
        data, *made = self._combined([graph[name] for name in self.dependencies])
        return [*made, saver_node(asked, data, Node(self.id, ANY, feature=self.id))]

    def _combined(self, nodes: list[Node]) -> list[Node]:
        """Return the node whose value is saved, and once more if it has to be added to the graph."""
        if self.result_builder is not None:
            together = Node(
                f"{self.id}_build_result",
                _output_type(self.result_builder),
                tuple(Argument(node.name, node.type, node.name) for node in nodes),
                feature=self.id,
                role=Role.PART,
                doc=f"Puts together what '{self.id}' saves.",
                call=Combine(self.result_builder, tuple(node.name for node in nodes)),
            )
            return [together, together]
        if len(nodes) != 1:
            raise InvalidModifier(
                f"'{self.id}' saves {len(nodes)} nodes. Say how they are put together: "
                "combine=PandasDataFrameResult()."
            )
        return nodes


class Combine:
    """Calls a result builder with values under the names of their nodes."""

    __slots__ = ("builder", "names")

    def __init__(self, builder: Any, names: tuple[str, ...]) -> None:
        self.builder = builder
        self.names = names

    def __call__(self, *values: Any) -> Any:
        """Return what the result builder makes."""
        return self.builder.build_result(**dict(zip(self.names, values, strict=True)))


def _output_type(builder: Any) -> Type:
    # A builder of a user's own may only have the one method that is called.
    return Type.of(builder.output_type()) if hasattr(builder, "output_type") else ANY


def _name(wanted: str | Callable[..., Any] | Any) -> str:
    if isinstance(wanted, str):
        return wanted
    return str(getattr(wanted, "name", None) or getattr(wanted, "__name__", wanted))


class Materialize(metaclass=SaverFormats):
    """The savers by format, for `Driver.materialize` and `Builder.with_materializers`."""

    @classmethod
    def for_key(
        cls,
        key: str,
        /,
        id: str,
        dependencies: Sequence[str | Callable[..., Any] | Any],
        combine: Any = None,
        **kwargs: Any,
    ) -> MaterializerFactory:
        """Return the saver of a format for some nodes; `combine` is a result builder."""
        made = MaterializerFactory(id, cls.registered()[key], combine, dependencies, **kwargs)
        made.name = f"{cls.__name__}.{key}"
        return made


class to(Materialize):
    """Savers for `Driver.materialize`: `to.csv(id="saved", dependencies=["spend"], path="spend.csv")`."""


class Extract(metaclass=LoaderFormats):
    """The loaders by format, for `Driver.materialize` and `Builder.with_materializers`."""

    @classmethod
    def for_key(cls, key: str, /, target: str, **kwargs: Any) -> ExtractorFactory:
        """Return the loader of a format for a node."""
        made = ExtractorFactory(target, cls.registered()[key], **kwargs)
        made.name = f"{cls.__name__}.{key}"
        return made


class from_(Extract):
    """Loaders for `Driver.materialize`: `from_.csv(target="orders", path="orders.csv")`."""


Materializer = MaterializerFactory | ExtractorFactory


def saved_names(materializers: Sequence[Materializer]) -> list[str]:
    """Return the names of the nodes that save, in order.

    Raises:
        InvalidModifier: One of the materializers is neither a loader nor a saver.
    """
    found: Any
    for found in materializers:
        if not isinstance(found, (MaterializerFactory, ExtractorFactory)):
            spread = (
                " Put a star in front of the list to spread it." if isinstance(found, (list, tuple)) else ""
            )
            raise InvalidModifier(
                f"{found!r} is no materializer. Give to.csv(...), from_.csv(...) and the like.{spread}"
            )
    return [found.id for found in materializers if isinstance(found, MaterializerFactory)]


def materialized(graph: Graph, materializers: Sequence[Materializer]) -> list[Node]:
    """Return the nodes of a graph with those that load and save.

    Inputs that no code declares are left out, since which are still needed is for the build to say.

    Raises:
        UnknownNode: The graph lacks a node that is to be saved, or that is to be loaded.
        InvalidModifier: A loader or saver does not fit its node.
        DuplicateNode: A node that saves has the name of another one.
    """
    saved_names(materializers)
    materializers = tuple(dict.fromkeys(materializers))  # one that is given twice saves once
    nodes = {node.name: node for node in graph.nodes if node.role is not Role.INPUT or node.function}
    for saver in materializers:
        if isinstance(saver, MaterializerFactory):
            for made in saver.nodes(graph):
                if made.name in nodes or made.name in graph:
                    raise DuplicateNode(
                        f"'{made.name}' is to save something, but the graph has a node of that name. Give "
                        "the materializer another id=."
                    )
                nodes[made.name] = made
    for loader in materializers:
        if isinstance(loader, ExtractorFactory):
            type_ = _type_of(loader.target, nodes, graph)
            nodes.update((made.name, made) for made in loader.nodes(type_))
    return list(nodes.values())


def _type_of(target: str, nodes: dict[str, Node], graph: Graph) -> Type:
    """Return the type of a node, or the one as which a saver asks for an input."""
    if target in nodes:
        return nodes[target].type
    if target in graph:
        return graph[target].type
    asked = [
        argument.type for node in nodes.values() for argument in node.arguments if argument.node == target
    ]
    if not asked:
        raise UnknownNode(target, graph.names, "this graph to load")
    return asked[0]
