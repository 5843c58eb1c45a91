"""What the modifiers share that take whole graphs into a function: reading them, and their namespace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any, Final

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function, ModuleRecord
from headwater.modifiers.base import NON_FINAL_TAG
from headwater.modifiers.expansion import expand
from headwater.modifiers.members import feature_function, feature_functions
from headwater.node import Argument, Node, Role
from headwater.values import Reference, Unevaluated

__all__ = ["Load", "Loaded", "expanded", "namespaced"]

Load = FunctionType | Function | ModuleType | ModuleRecord | Reference | Unevaluated
"""What a sub-graph is made of: functions and modules."""

MOST_NODES: Final = 250_000
"""How many nodes a sub-graph may have; nested ones can multiply without end."""


class Loaded:
    """The functions of a sub-graph.

    Args:
        modifier: Name of the modifier that is given them.
        items: Functions and modules, live or read. Of a live module those count that it has by now.

    Raises:
        InvalidModifier: There are none, or one is neither a function nor a module.

    Attributes:
        partial: Reasons why some are not known.
    """

    def __init__(self, modifier: str, items: Sequence[Any]) -> None:
        if not items:
            raise InvalidModifier(f"@{modifier} is given no functions. Give modules or functions to load.")
        self.partial = tuple(
            f"'{item}' is not known without importing it" for item in items if isinstance(item, Reference)
        )
        self._functions: list[Function | FunctionType] = []
        for item in items:
            if isinstance(item, (ModuleType, ModuleRecord)):
                self._functions += feature_functions(item)
            elif isinstance(item, (Function, FunctionType)):
                self._functions.append(item)
            elif not isinstance(item, (Reference, Unevaluated)):
                raise InvalidModifier(
                    f"@{modifier} cannot load {item!r}. Give modules, or functions defined with `def`."
                )

    def functions(self) -> list[Function]:
        """Return the records of the functions.

        Raises:
            DefinitionError: An annotation names something that does not exist.
        """
        return [
            found if isinstance(found, Function) else feature_function(found) for found in self._functions
        ]


def expanded(functions: Iterable[Function], config: Configuration) -> list[Node]:
    """Return the nodes of a sub-graph, still under their own names.

    Inputs that its functions declare are left out: what the sub-graph is not given comes from the graph
    around it.

    Raises:
        DefinitionError: A function is wrong, or there are too many.
    """
    nodes: list[Node] = []
    for function in functions:
        made = expand(function, config)
        nodes += [node.tagged({NON_FINAL_TAG: True}) for node in made if node.role is not Role.INPUT]
        if len(nodes) > MOST_NODES:
            raise InvalidModifier(
                f"{function.where} is in a sub-graph of more than {MOST_NODES:,} nodes. Load fewer "
                "functions, or nest fewer sub-graphs."
            )
    return nodes


def namespaced(nodes: Iterable[Node], namespace: str, feature: str, names: Iterable[str] = ()) -> list[Node]:
    """Return nodes under a namespace, as parts of a feature.

    Args:
        nodes: The nodes; what they read of each other is renamed with them, the rest is left as it is.
        namespace: The first part of their new names.
        feature: The feature that they are part of.
        names: Further names that they find under the namespace.
    """
    nodes = list(nodes)
    inside = {node.name for node in nodes}.union(names)
    return [
        replace(
            node,
            name=f"{namespace}.{node.name}",
            arguments=tuple(_inside(argument, namespace, inside) for argument in node.arguments),
            feature=feature,
            role=Role.PART,
        )
        for node in nodes
    ]


def _inside(argument: Argument, namespace: str, inside: set[str]) -> Argument:
    return replace(argument, node=f"{namespace}.{argument.node}") if argument.node in inside else argument
