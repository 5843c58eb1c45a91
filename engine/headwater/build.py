"""From feature functions to a graph: modifiers expanded, names wired, faults told all at once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from headwater.conditions import EVERY, Configuration
from headwater.errors import (
    BuildFailed,
    Cycle,
    DefinitionError,
    DuplicateNode,
    InvalidInput,
    TypeMismatch,
)
from headwater.function import Argument, Function, ModuleRecord
from headwater.graph import Graph, topological
from headwater.modifiers.expansion import expand
from headwater.modifiers.members import feature_functions
from headwater.node import Node, Role
from headwater.types import ANY, Type, accepts
from headwater.wiring import Wiring

__all__ = ["assemble", "build", "build_modules", "expand"]

AlsoAccepts = Callable[[Type, Type], bool]
"""Says of a type that a node makes and one that a parameter asks for whether they fit all the same."""


def build_modules(
    modules: Iterable[ModuleType | ModuleRecord],
    config: Mapping[str, Any] | None = None,
    *,
    allow_overrides: bool = False,
    also_accepts: AlsoAccepts | None = None,
) -> Graph:
    """Wire the functions of modules into a graph; arguments and errors are those of `build`."""
    with _Uncollected():
        return _built(modules, config, allow_overrides, also_accepts)


def _built(
    modules: Iterable[ModuleType | ModuleRecord],
    config: Mapping[str, Any] | None,
    allow_overrides: bool,
    also_accepts: AlsoAccepts | None,
) -> Graph:
    faults: list[DefinitionError] = []
    functions = [function for module in modules for function in feature_functions(_module(module), faults)]
    return _Build(config, allow_overrides, also_accepts, faults).of_functions(functions)


def build(
    functions: Iterable[Function],
    config: Mapping[str, Any] | None = None,
    *,
    allow_overrides: bool = False,
    also_accepts: AlsoAccepts | None = None,
) -> Graph:
    """Wire functions into a graph.

    Args:
        functions: The functions of all modules, in the order of the modules.
        config: The configuration that chooses variants and supplies inputs; a key that names a node
            replaces it. None builds the graph of all variants.
        allow_overrides: Whether a later module may make a node again, and win.
        also_accepts: Allows edges whose types do not fit; called with the type made and the type asked for.

    Returns:
        A graph whose inputs are nodes, too.

    Raises:
        DefinitionError: A function is wrong, a name is made twice, types do not fit, or nodes need
            themselves; several faults are told at once in a `BuildFailed`.
    """
    with _Uncollected():
        return _Build(config, allow_overrides, also_accepts, []).of_functions(functions)


class _Uncollected:
    """Keeps Python's cyclic garbage collector out while a graph is built.

    A build makes hundreds of thousands of objects and drops next to none of them. The collector would
    look at all of them again and again, so that a graph of 100,000 nodes took 40 times as long as one
    of 4,000, not 25 times.
    """

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was_on:
            gc.enable()


def assemble(
    nodes: Iterable[Node], config: Mapping[str, Any] | None = None, also_accepts: AlsoAccepts | None = None
) -> Graph:
    """Wire nodes that are made already into a graph; arguments and errors are those of `build`."""
    return _Build(config, False, also_accepts, []).of_nodes(list(nodes))


def _module(given: ModuleType | ModuleRecord) -> ModuleType | ModuleRecord:
    if isinstance(given, (ModuleType, ModuleRecord)):
        return given
    raise InvalidInput(
        f"{given!r} is no module. Import it and give the module itself, or make one of functions with "
        "headwater.ad_hoc.create_temporary_module()."
    )


class _Build:
    """One build: what it is for, and the faults found so far."""

    def __init__(
        self,
        config: Mapping[str, Any] | None,
        allow_overrides: bool,
        also_accepts: AlsoAccepts | None,
        faults: list[DefinitionError],
    ) -> None:
        self._config = config
        self._allow_overrides = allow_overrides
        self._also_accepts = also_accepts
        self._faults = faults

    def of_functions(self, functions: Iterable[Function]) -> Graph:
        made: list[Node] = []
        known = self._config
        if not isinstance(known, Configuration):
            known = EVERY if known is None else Configuration(known)
        for function in functions:
            try:
                made += expand(function, known)
            except DefinitionError as fault:
                self._faults.append(fault)
        return self.of_nodes(made)

    def of_nodes(self, made: list[Node]) -> Graph:
        nodes = self._unique(made)
        graph = Graph([*nodes, *self._inputs(nodes)])
        self._faults += self._mismatches(graph)
        if self._config is not None:
            self._faults += _cycles(graph)
        if self._faults:
            raise self._faults[0] if len(self._faults) == 1 else BuildFailed(self._faults)
        return graph

    def _unique(self, nodes: list[Node]) -> list[Node]:
        if self._config is None:
            return nodes
        first: dict[str, Node] = {}
        for node in nodes:
            name = node.name
            # The configuration replaces what is computed, and supplies what is declared as an input.
            if name in self._config and node.role is not Role.INPUT:
                continue
            if name in first and not self._may_override(first[name], node):
                self._faults.append(
                    DuplicateNode(
                        f"'{name}' is made twice: by {_made_by(first[name])} and by {_made_by(node)}. "
                        f"{_told_apart(first[name], node)}"
                    )
                )
                continue
            first[name] = node
        return list(first.values())

    def _may_override(self, earlier: Node, later: Node) -> bool:
        return self._allow_overrides and _module_of(earlier) != _module_of(later)

    def _inputs(self, nodes: list[Node]) -> list[Node]:
        """Return an input node for each name that is read and made by nobody, and for the other config."""
        made = {node.name for node in nodes}
        asked: dict[str, tuple[Type, Node]] = {}
        for node in nodes:
            for argument in node.arguments:
                if argument.node is not None and argument.node not in made:
                    self._narrow(asked, argument, node)
        types = {name: type_ for name, (type_, _) in asked.items()}
        types |= {name: ANY for name in self._config or () if name not in types and name not in made}
        return [Node(name, type_, feature=name, role=Role.INPUT) for name, type_ in types.items()]

    def _narrow(self, asked: dict[str, tuple[Type, Node]], argument: Argument, node: Node) -> None:
        # Several functions may ask for one input; it must satisfy them all, so the narrowest type counts.
        name = str(argument.node)
        known, reader = asked.get(name, (argument.type, node))
        if known is argument.type or self._accepts(argument.type, known):
            asked[name] = (known, reader)
        elif self._accepts(known, argument.type):
            asked[name] = (argument.type, node)
        elif self._coexist(node, reader):
            self._faults.append(
                TypeMismatch(
                    f"{node.where} needs input {name}: {argument.type}, but {reader.where} needs it as "
                    f"{known}. Change one of the annotations."
                )
            )

    def _accepts(self, wanted: Type, made: Type) -> bool:
        if accepts(wanted, made) is not False:
            return True
        return self._also_accepts is not None and self._also_accepts(made, wanted)

    def _coexist(self, first: Node, second: Node) -> bool:
        # One configuration has chosen nodes that exist side by side; among all variants some exclude others.
        return self._config is not None or first.condition.may_meet(second.condition)

    def _mismatches(self, graph: Graph) -> Iterator[TypeMismatch]:
        # Where one configuration has given slots to the nodes, those are the quicker way to the makers.
        edges = _edges_by_name(graph) if self._config is None else _edges_by_slot(graph.wiring)
        for node, argument, maker in edges:
            if not self._fits(node, argument, maker):
                yield TypeMismatch(
                    f"{node.where} needs {argument.parameter}: {argument.type}, but {maker.where} "
                    f"{'is' if maker.role is Role.INPUT else 'returns'} {maker.type}. Change one of "
                    "the annotations."
                )

    def _fits(self, node: Node, argument: Argument, maker: Node) -> bool:
        # What an input must be was made out from those that ask for it, unless it is declared.
        if maker.role is Role.INPUT and maker.function is None:
            return True
        return self._accepts(argument.type, maker.type) or not self._coexist(node, maker)


_Edges = Iterator[tuple[Node, Argument, Node]]
"""Reader, argument and maker of the edges whose two types are not one object; on most edges they are."""


def _edges_by_name(graph: Graph) -> _Edges:
    for node in graph.nodes:
        for argument in node.arguments:
            if argument.node is not None:
                for maker in graph.variants(argument.node):
                    if maker.type is not argument.type:
                        yield node, argument, maker


def _edges_by_slot(wiring: Wiring) -> _Edges:
    nodes = wiring.nodes
    types = [node.type for node in nodes]
    for node, reads in zip(nodes, wiring.reads, strict=True):
        for argument, read in zip(node.arguments, reads, strict=True):
            if argument.node is not None and types[read] is not argument.type:
                yield node, argument, nodes[read]


def _module_of(node: Node) -> str:
    return node.function.location.module if node.function else ""


def _made_by(node: Node) -> str:
    return f"'{node.function.name}' ({node.function.location})" if node.function else f"'{node.name}'"


def _told_apart(first: Node, second: Node) -> str:
    """Return what to do where two functions make a node, which may be one function that is met twice."""
    one, other = first.function, second.function
    if one is not other and one and other and (one.name, one.location) == (other.name, other.location):
        return "It is one function: give its module once, and let it have one name there."
    return "Rename one, or tell them apart with @config.when."


def _cycles(graph: Graph) -> Iterable[Cycle]:
    if len(graph.wiring.order) == len(graph):
        return
    _, around = topological(graph.names, lambda name: graph.sources.get(name, ()))
    if around:
        # A value is made before its reader, so the cycle reads in the direction of the data.
        names = around[::-1]
        places = ", ".join(graph[name].where for name in names[1:])
        yield Cycle(
            f"These nodes need themselves: {' → '.join(names)} ({places}). Break the circle: one of "
            "them must not need the next.",
            names,
        )
