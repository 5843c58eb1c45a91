"""Data that comes from outside: parameters that a loader fills, and functions that are loaders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.adapted import LOADER_TAG, Asked, LoaderFormats, loader_nodes
from headwater.modifiers.base import Modifier, Phase, partly_known
from headwater.node import Argument, Node, Role
from headwater.types import ANY, Type, accepts, class_of
from headwater.values import Unevaluated

__all__ = ["dataloader", "load_from"]


class load_from(Modifier, metaclass=LoaderFormats):
    """Fill a parameter of a function with data that a loader reads: `@load_from.csv(path="orders.csv")`.

    A parameter `p` of `fn` reads `fn.select_data.p`, the data, from `fn.load_data.p`, the data with what
    is known of where it came from. The loader is the last registered one of the format for the type of
    the parameter.

    Args:
        inject_: The parameter; it need not be named where the function has only one.
        **kwargs: The loader's arguments: `source("node")`, `value(literal)`, or plain literals.

    Raises:
        AttributeError: No loader of that name is registered.
    """

    phase = Phase.INJECT

    def __init__(self, key: str, /, inject_: str | Unevaluated | None = None, **kwargs: Any) -> None:
        """Keep the arguments; which loader takes them depends on the parameter."""
        if not isinstance(inject_, (str, Unevaluated, type(None))):
            raise InvalidModifier(
                f"@load_from.{key}: inject_={inject_!r} is no parameter name. Give it as text: "
                'inject_="data".'
            )
        self.key = key
        self.inject = inject_
        self.given = kwargs

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Add the nodes that load, and let those that read the parameter read them."""
        if isinstance(self.inject, Unevaluated):
            return list(nodes)
        parameter = self._parameter(function)
        type_ = _open_parameters(nodes).get(parameter)
        if type_ is None and partly_known(nodes, function):
            return list(nodes)
        if type_ is None:
            raise InvalidModifier(
                f"{function.where}: nothing is left to load for '{parameter}' with @load_from.{self.key}; "
                "another modifier already gives it. Take one of the two away."
            )
        feature = nodes[0].feature
        data = Node(
            f"{feature}.select_data.{parameter}", type_, feature=feature, role=Role.PART, function=function
        )
        made = loader_nodes(self._asked(function), data, f"{feature}.load_data.{parameter}", parameter)
        return [*(_reading(node, parameter, data.name) for node in nodes), *made]

    def _asked(self, function: Function) -> Asked:
        return Asked(
            f"@load_from.{self.key}",
            function.where,
            load_from.registered().get(self.key, ()),
            self.given,
            is_live=function.callable is not None,
            is_whole=not self.partial,
        )

    def _parameter(self, function: Function) -> str:
        names = [parameter.name for parameter in function.parameters]
        if self.inject is None and len(names) == 1:
            return names[0]
        if self.inject is None:
            raise InvalidModifier(
                f"{function.where} has {len(names)} parameters. Say which one @load_from.{self.key} fills: "
                f'inject_="{names[0] if names else "data"}".'
            )
        if self.inject not in names:
            raise InvalidModifier(
                f"{function.where} has no parameter '{self.inject}' for @load_from.{self.key} to fill."
                f"{did_you_mean(str(self.inject), names)}"
            )
        return str(self.inject)


def _open_parameters(nodes: Sequence[Node]) -> Mapping[str, Type]:
    """Return the names that nodes read and none of them makes, with the types they ask for."""
    made = {node.name for node in nodes}
    arguments = (argument for node in nodes for argument in node.arguments)
    return {a.node: a.type for a in arguments if a.node is not None and a.node not in made}


def _reading(node: Node, parameter: str, instead: str) -> Node:
    """Return a node that reads another one in the place of what it names by a parameter."""
    if parameter not in node.dependencies:
        return node
    return replace(
        node,
        arguments=tuple(
            Argument(argument.parameter, argument.type, instead) if argument.node == parameter else argument
            for argument in node.arguments
        ),
    )


class dataloader(Modifier):
    """Say that a function loads data: it returns the data and a dictionary of what is known of it.

    The node of the function's name is the data; `<name>.loader` has both.
    """

    phase = Phase.GENERATE

    def __init__(self, *args: Any) -> None:
        """Take nothing, and say so to who leaves the parentheses out."""
        if args:
            raise InvalidModifier("@dataloader takes no arguments. Write it with parentheses: @dataloader().")

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Split the function's node into the node that loads and the data.

        Raises:
            InvalidModifier: The function does not return a pair of data and a dictionary.
        """
        return [made for node in nodes for made in _split(node, function)]


def _split(node: Node, function: Function) -> list[Node]:
    type_, why = _data_type(node.type, function)
    shared: dict[str, str | bool | tuple[str, ...]] = {
        LOADER_TAG: True,
        f"{LOADER_TAG}.node": node.name,
        f"{LOADER_TAG}.classname": f"{node.name}()",
    }
    loaded = replace(
        node,
        name=f"{node.name}.loader",
        role=Role.PART,
        tags={
            **node.tags,
            **shared,
            f"{LOADER_TAG}.has_metadata": True,
            f"{LOADER_TAG}.source": "loader",
        },
        partial=(*node.partial, *why),
    )
    data = replace(
        node,
        type=type_,
        arguments=(Argument(loaded.name, node.type, loaded.name),),
        tags={**shared, f"{LOADER_TAG}.has_metadata": False, f"{LOADER_TAG}.source": node.name},
        call=itemgetter(0) if node.call else None,
        partial=loaded.partial,
    )
    return [loaded, data]


def _data_type(returned: Type, function: Function) -> tuple[Type, tuple[str, ...]]:
    if returned.name == "tuple" and len(returned.args) == 2:
        data, known = returned.args
        is_mapping = accepts(Type("dict"), known) and known != ANY
        if is_mapping is None:  # a class known by name only, or the dots of a tuple of any length
            is_mapping = function.callable is None and known.name != "..."
        if is_mapping and (not known.args or known.args[0] == Type("str")):
            return data, ()
    elif class_of(returned) is None and function.callable is None and returned != ANY:
        return ANY, (f"what @dataloader loads is not known: {returned} is the name of another type",)
    raise InvalidModifier(
        f"{function.where} returns {returned}, but @dataloader needs the data and a dictionary of what is "
        "known of it. Annotate the result: -> tuple[pd.DataFrame, dict]."
    )
