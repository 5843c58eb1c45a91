"""From one function to its nodes: variants chosen, then each modifier's step in its phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headwater.conditions import ALWAYS, EVERY, Condition, Configuration
from headwater.errors import DefinitionError, InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Deferred, Modifier, Phase, Resolver, Variant
from headwater.node import Node

__all__ = ["expand", "left_of", "name_of"]


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
    if not function.modifiers and not function.partial:
        return [Node.of(function)]
    known = _configuration(config)
    condition = ALWAYS
    nodes: list[Node]
    if any([modifier.phase is Phase.RESOLVE for modifier in function.modifiers]):  # noqa: C419, it is faster
        function = _decided(function, known)
        variant = _resolve(function)
        left = None if variant is None else left_of(variant.condition, known, function)
        if variant is None or left is None:
            return []
        condition = left
        nodes = [Node.of(function, variant.name)]
        if variant.keys:
            nodes = [nodes[0].tagged({"hamilton.config": ",".join(variant.keys)})]
    else:
        nodes = [Node.of(function)]
    partial = function.partial
    for modifier in function.modifiers:
        partial += modifier.partial
    for modifier in _in_order(function):
        nodes = modifier.expand(nodes, function, known)
    if not partial and not condition.tests:
        return nodes
    return [made for node in nodes if (made := _qualified(node, partial, condition)) is not None]


def name_of(function: Function) -> str:
    """Return the name of a function without the suffix that tells its variants apart."""
    variant = _resolve(function)
    return function.name if variant is None else variant.name


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


def _qualified(node: Node, partial: tuple[str, ...], condition: Condition) -> Node | None:
    """Return a node with the reasons and the condition of its function; None where it never exists."""
    reasons = tuple(dict.fromkeys((*partial, *node.partial)))
    both = condition.narrowed(node.condition) if node.condition.tests else condition
    return None if both is None else replace(node, partial=reasons, condition=both)


def _resolve(function: Function) -> Variant | None:
    variant: Variant | None = Variant(function.name)
    for modifier in function.modifiers:
        if isinstance(modifier, Resolver) and variant is not None:
            variant = modifier.resolve(variant, function)
    return variant


def left_of(condition: Condition, config: Configuration, function: Function) -> Condition | None:
    """Return the condition under which a variant's nodes exist; None where they do not.

    Args:
        condition: The condition on the configuration.
        config: What is known of the configuration; of a whole one the condition is left as it is, since
            the nodes of one configuration still say which variants they are.
        function: The function that has variants.

    Raises:
        DefinitionError: The configuration is whole, and the condition is known only as text.
    """
    if config.is_open:
        return condition.under(config)
    unknown = condition.unevaluated
    if unknown:
        raise DefinitionError(
            f"{function.where} exists when {condition}, and '{unknown[0]}' is not known without "
            "running code, so no configuration can choose it. Ask for all variants instead."
        )
    return condition if condition.holds(config) else None


_SAYS = {
    Phase.GENERATE: "what a function computes. Give each a function of its own",
    Phase.EXPAND: "which nodes a function makes. Put all outputs into one of them",
}


def _in_order(function: Function) -> list[Modifier]:
    modifiers = [m for m in function.modifiers if m.phase is not Phase.RESOLVE]
    if len(modifiers) < 2:
        return modifiers
    for phase in (Phase.GENERATE, Phase.EXPAND):
        rivals = [type(m).__name__ for m in modifiers if m.phase is phase]
        if len(rivals) > 1:
            raise InvalidModifier(
                f"{function.where} has {' and '.join(f'@{name}' for name in rivals)}, but only one modifier "
                f"can say {_SAYS[phase]}."
            )
    return sorted(modifiers, key=lambda m: m.phase)
