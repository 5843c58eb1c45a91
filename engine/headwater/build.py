"""From feature functions to a graph: modifiers expanded, names wired, faults told all at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from headwater.conditions import EVERY, Condition, Configuration
from headwater.errors import (
    BuildFailed,
    Cycle,
    DefinitionError,
    DuplicateNode,
    InvalidModifier,
    TypeMismatch,
)
from headwater.function import Function
from headwater.graph import Graph, topological
from headwater.modifiers.base import Deferred, Modifier, Phase, Resolver, Variant
from headwater.node import Argument, Node, Role
from headwater.types import ANY, Type, accepts

__all__ = ["build", "expand"]


def expand(function: Function, config: Mapping[str, Any] | None = None) -> list[Node]:
    """Return the nodes that a function makes.

    Args:
        function: A function, read from a live module or from source.
        config: The configuration that chooses variants: a whole one, or a `Configuration` that leaves
            keys open; None gives the nodes of every configuration, each under its condition.

    Returns:
        The nodes, those it stands for first; none where the function does not count.

    Raises:
        DefinitionError: The function or one of its modifiers is wrong.
    """
    known = _configuration(config)
    function = _decided(function, known)
    variant = _resolve(function)
    if variant is None:
        return []
    condition = _left(variant.condition, known, function)
    if condition is None:
        return []
    node = Node.of(function, variant.name)
    if variant.keys:
        node = node.tagged({"hamilton.config": ",".join(variant.keys)})
    nodes = [node]
    for modifier in _in_order(function):
        nodes = modifier.expand(nodes, function, known)
    partial = (*function.partial, *(reason for modifier in function.modifiers for reason in modifier.partial))
    if not partial and not condition.tests:
        return nodes
    return [_qualified(node, partial, condition) for node in nodes]


def _configuration(config: Mapping[str, Any] | None) -> Configuration:
    if config is None:
        return EVERY
    return config if isinstance(config, Configuration) else Configuration(config)


def _decided(function: Function, config: Configuration) -> Function:
    """Put the modifiers that the configuration tells in the place of those that stand for them."""
    if not any(isinstance(modifier, Deferred) for modifier in function.modifiers):
        return function
    modifiers: list[Modifier] = []
    partial: tuple[str, ...] = ()
    for modifier in function.modifiers:
        if isinstance(modifier, Deferred):
            decided, why = modifier.decide(config, function)
            modifiers += decided
            partial += (*modifier.partial, *why)
        else:
            modifiers.append(modifier)
    return replace(function, modifiers=tuple(modifiers), partial=(*function.partial, *partial))


def _qualified(node: Node, partial: tuple[str, ...], condition: Condition) -> Node:
    reasons = tuple(dict.fromkeys((*partial, *node.partial)))
    return replace(node, partial=reasons, condition=condition.and_(*node.condition.tests))


def _resolve(function: Function) -> Variant | None:
    variant: Variant | None = Variant(function.name)
    for modifier in function.modifiers:
        if isinstance(modifier, Resolver) and variant is not None:
            variant = modifier.resolve(variant, function)
    return variant


def _left(condition: Condition, config: Configuration, function: Function) -> Condition | None:
    """Return the condition under which a variant's nodes exist; None where they do not."""
    if config.is_open:
        return condition.under(config)
    unknown = condition.unevaluated
    if unknown:
        raise DefinitionError(
            f"{function.where} exists when {condition}, and '{unknown[0]}' is not known without "
            "running code, so no configuration can choose it. Ask for all variants instead."
        )
    # The nodes of one configuration still say which variants they are.
    return condition if condition.holds(config) else None


def _in_order(function: Function) -> list[Modifier]:
    modifiers = [m for m in function.modifiers if not isinstance(m, Resolver)]
    expanders = [type(m).__name__ for m in modifiers if m.phase is Phase.EXPAND]
    if len(expanders) > 1:
        raise InvalidModifier(
            f"{function.where} has {' and '.join(f'@{name}' for name in expanders)}, but only one modifier "
            "can say which nodes a function makes. Put all outputs into one of them."
        )
    return sorted(modifiers, key=lambda m: m.phase)


def build(
    functions: Iterable[Function], config: Mapping[str, Any] | None = None, *, allow_overrides: bool = False
) -> Graph:
    """Wire functions into a graph.

    Args:
        functions: The functions of all modules, in the order of the modules.
        config: The configuration that chooses variants and supplies inputs; a key that names a node
            replaces it. None builds the graph of all variants.
        allow_overrides: Whether a later module may make a node again, and win.

    Returns:
        A graph whose inputs are nodes, too.

    Raises:
        DefinitionError: A function is wrong, a name is made twice, types do not fit, or nodes need
            themselves; several faults are told at once in a `BuildFailed`.
    """
    faults: list[DefinitionError] = []
    made = _expand_all(functions, config, faults)
    nodes = _unique(made, config, allow_overrides, faults)
    inputs = _inputs(nodes, config, faults)
    graph = Graph([*nodes, *inputs])
    faults += _mismatches(graph, config)
    if config is not None:
        faults += _cycles(graph)
    if faults:
        raise faults[0] if len(faults) == 1 else BuildFailed(faults)
    return graph


def _expand_all(
    functions: Iterable[Function], config: Mapping[str, Any] | None, faults: list[DefinitionError]
) -> list[Node]:
    made: list[Node] = []
    for function in functions:
        try:
            made += expand(function, config)
        except DefinitionError as fault:
            faults.append(fault)
    return made


def _unique(
    nodes: list[Node], config: Mapping[str, Any] | None, allow_overrides: bool, faults: list[DefinitionError]
) -> list[Node]:
    first: dict[str, Node] = {}
    if config is None:
        return nodes
    for node in nodes:
        if node.name in config:
            continue
        earlier = first.get(node.name)
        if earlier is not None and not _may_override(earlier, node, allow_overrides):
            faults.append(
                DuplicateNode(
                    f"'{node.name}' is made twice: by {_made_by(earlier)} and by {_made_by(node)}. "
                    "Rename one, or tell them apart with @config.when."
                )
            )
            continue
        first[node.name] = node
    return list(first.values())


def _may_override(earlier: Node, later: Node, allowed: bool) -> bool:
    return allowed and earlier.tags.get("module") != later.tags.get("module")


def _made_by(node: Node) -> str:
    return f"'{node.function.name}' ({node.function.location})" if node.function else f"'{node.name}'"


def _inputs(nodes: list[Node], config: Mapping[str, Any] | None, faults: list[DefinitionError]) -> list[Node]:
    """Return an input node for each name that is read and made by nobody, and for the rest of the config."""
    made = {node.name for node in nodes}
    asked: dict[str, tuple[Type, Node]] = {}
    for node in nodes:
        for argument in node.arguments:
            if argument.node is not None and argument.node not in made:
                _narrow(asked, argument, node, config, faults)
    types = {name: type_ for name, (type_, _) in asked.items()}
    types |= {name: ANY for name in config or () if name not in types}
    return [Node(name, type_, feature=name, role=Role.INPUT) for name, type_ in types.items()]


def _narrow(
    asked: dict[str, tuple[Type, Node]],
    argument: Argument,
    node: Node,
    config: Mapping[str, Any] | None,
    faults: list[DefinitionError],
) -> None:
    # Several functions may ask for one input; it must satisfy them all, so the narrowest type counts.
    name = str(argument.node)
    known, reader = asked.get(name, (argument.type, node))
    if accepts(argument.type, known) is not False:
        asked[name] = (known, reader)
    elif accepts(known, argument.type) is not False:
        asked[name] = (argument.type, node)
    elif _coexist(node, reader, config):
        faults.append(
            TypeMismatch(
                f"{node.where} needs input {name}: {argument.type}, but {reader.where} needs it as "
                f"{known}. Change one of the annotations."
            )
        )


def _coexist(first: Node, second: Node, config: Mapping[str, Any] | None) -> bool:
    # One configuration has chosen nodes that exist side by side; among all variants some exclude others.
    return config is not None or first.condition.may_meet(second.condition)


def _mismatches(graph: Graph, config: Mapping[str, Any] | None) -> Iterable[TypeMismatch]:
    for node in graph.nodes:
        for argument in node.arguments:
            if argument.node is None or argument.node not in graph:
                continue
            for maker in graph.variants(argument.node):
                if (
                    maker.role is not Role.INPUT
                    and accepts(argument.type, maker.type) is False
                    and _coexist(node, maker, config)
                ):
                    yield TypeMismatch(
                        f"{node.where} needs {argument.parameter}: {argument.type}, but {maker.where} "
                        f"returns {maker.type}. Change one of the annotations."
                    )


def _cycles(graph: Graph) -> Iterable[Cycle]:
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
