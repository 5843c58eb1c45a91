"""Data that goes outside: nodes that save what a function returns, and functions that are savers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.adapted import SAVER_TAG, Asked, SaverFormats, saver_node
from headwater.modifiers.base import Modifier, Phase, Target, checked_target, targeted
from headwater.node import Node, Role
from headwater.types import ANY, Type, accepts
from headwater.values import Unevaluated

__all__ = ["datasaver", "save_to"]


class save_to(Modifier, metaclass=SaverFormats):
    """Add a node that saves what a function returns: `@save_to.csv(path="spend.csv")`.

    Nothing is saved unless the node, by default `save.<name>`, is asked for; its value is what is known
    of where the data went. The saver is the last registered one of the format for the type of the data.

    Args:
        output_name_: Name of the node that saves.
        target_: The node to save; None the function's final one.
        **kwargs: The saver's arguments: `source("node")`, `value(literal)`, or plain literals.

    Raises:
        AttributeError: No saver of that name is registered.
        InvalidModifier: `output_name_` or `target_` is no name.
    """

    phase = Phase.TRANSFORM

    def __init__(
        self,
        key: str,
        /,
        output_name_: str | Unevaluated | None = None,
        target_: Target = None,
        **kwargs: Any,
    ) -> None:
        """Keep the arguments; which saver takes them depends on the data."""
        if not isinstance(output_name_, (str, Unevaluated, type(None))):
            raise InvalidModifier(
                f"@save_to.{key}: output_name_={output_name_!r} is no name of a node. Give it as text."
            )
        self.key = key
        self.output_name = output_name_
        self.target = checked_target(f"save_to.{key}", target_)
        self.given = kwargs

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Add the node that saves.

        Raises:
            InvalidModifier: Not exactly one node is to be saved, or no saver fits it.
        """
        if isinstance(self.output_name, Unevaluated) or isinstance(self.target, Unevaluated):
            return list(nodes)
        targets = targeted(nodes, self.target, function)
        saved = [node for node in nodes if node.name in targets]
        if not saved:
            return list(nodes)  # what is to be saved is not known, and the nodes say why
        if len(saved) != 1:
            raise InvalidModifier(
                f"{function.where} makes {', '.join(repr(node.name) for node in saved)}, but "
                f'@save_to.{self.key} saves one of them. Say which: target_="{saved[0].name}".'
            )
        return [*nodes, self._saver(saved[0], function)]

    def _saver(self, data: Node, function: Function) -> Node:
        asked = Asked(
            f"@save_to.{self.key}",
            data.where,
            save_to.registered().get(self.key, ()),
            self.given,
            is_live=function.callable is not None,
            is_whole=not self.partial,
        )
        name = self.output_name or f"save.{data.name}"
        node = Node(str(name), ANY, feature=data.feature, role=Role.PART, function=function)
        return saver_node(asked, data, node)


class datasaver(Modifier):
    """Say that a function saves data: it returns a dictionary of what is known of where the data went."""

    phase = Phase.GENERATE

    def __init__(self, *args: Any) -> None:
        """Take nothing, and say so to who leaves the parentheses out."""
        if args:
            raise InvalidModifier("@datasaver takes no arguments. Write it with parentheses: @datasaver().")

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Tag the function's node as one that saves.

        Raises:
            InvalidModifier: The function does not return a dictionary.
        """
        return [_tagged(node, function) for node in nodes]


def _tagged(node: Node, function: Function) -> Node:
    if accepts(Type("dict"), node.type) is False or node.type == ANY:
        raise InvalidModifier(
            f"{function.where} returns {node.type}, but @datasaver needs a dictionary of what is known of "
            "where the data went. Annotate the result: -> dict."
        )
    return node.tagged(
        {SAVER_TAG: True, f"{SAVER_TAG}.sink": node.name, f"{SAVER_TAG}.classname": f"{node.name}()"}
    )
