"""What the modifiers share that put nodes between a function and one of its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from headwater.conditions import Condition
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.node import Argument, Node

__all__ = ["injected_argument", "rewired"]


def injected_argument(nodes: Sequence[Node], name: str | None, function: Function, modifier: str) -> Argument:
    """Return the argument that a modifier puts nodes in front of.

    Args:
        nodes: The nodes so far.
        name: The parameter; None for the first one.
        function: The function that is decorated.
        modifier: Name of the modifier, for messages.

    Raises:
        InvalidModifier: There is no such parameter, or it no longer takes its value from outside.
    """
    known = [parameter.name for parameter in function.parameters]
    if not known:
        raise InvalidModifier(f"{function.where} has no parameter for @{modifier} to work on. Give it one.")
    wanted = known[0] if name is None else name
    if wanted not in known:
        raise InvalidModifier(
            f"{function.where} has no parameter '{wanted}' for @{modifier} to work on; it has "
            f"{', '.join(map(repr, known))}.{did_you_mean(wanted, known)}"
        )
    made = {node.name for node in nodes}
    for node in nodes:
        for argument in node.arguments:
            if argument.node == wanted and wanted not in made:
                return argument
    raise InvalidModifier(
        f"{function.where}: @{modifier} cannot work on parameter '{wanted}', since another modifier already "
        "says where it comes from. Name another parameter, or change their order."
    )


def rewired(
    nodes: Iterable[Node], parameter: str, ends: Sequence[tuple[Condition, str | None]]
) -> list[Node]:
    """Return nodes that read what was put in front of a parameter.

    Args:
        nodes: The nodes.
        parameter: The name that they read so far.
        ends: The names to read from now on, and when; None for the parameter itself.
    """
    made: list[Node] = []
    for node in nodes:
        if parameter not in node.dependencies:
            made.append(node)
            continue
        for when, end in ends:
            condition = node.condition.narrowed(when) if when.tests else node.condition
            if condition is not None:
                arguments = tuple(_reading(a, parameter, end or parameter) for a in node.arguments)
                made.append(replace(node, arguments=arguments, condition=condition))
    return made


def _reading(argument: Argument, parameter: str, end: str) -> Argument:
    return replace(argument, node=end) if argument.node == parameter else argument
