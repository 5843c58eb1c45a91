"""One function for several features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.node import Argument, Node
from headwater.values import Unevaluated

__all__ = ["parameterize", "source", "value"]


@dataclass(frozen=True, slots=True)
class source:
    """A parameter that takes its value from the named node."""

    name: str

    def __post_init__(self) -> None:
        """Refuse what is no node name."""
        if not isinstance(self.name, (str, Unevaluated)):
            raise InvalidModifier(f'source() takes the name of a node, not {self.name!r}: source("spend").')

    def __str__(self) -> str:
        return str(self.name)


@dataclass(frozen=True, slots=True)
class value:
    """A parameter that takes a literal value."""

    value: Any = field(hash=False)

    def __str__(self) -> str:
        return str(self.value)


Sourced = source | value
Mapped = Mapping[str, Sourced]


class parameterize(Modifier):
    """Make several nodes of one function, each with parameters of its own.

    Args:
        **parametrization: For each output name a mapping from parameters to `source("node")` or
            `value(literal)`, or a pair of such a mapping and documentation. The function's docstring may
            name `{output_name}` and the mapped parameters in braces.

    Raises:
        InvalidModifier: A mapping names a parameter that the function lacks, or maps it to neither
            `source` nor `value`.
    """

    phase = Phase.EXPAND

    def __init__(self, **parametrization: Mapped | tuple[Mapped, str]) -> None:
        """Check what parameters are mapped to."""
        self.outputs = {name: _mapping(name, given) for name, given in parametrization.items()}

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Replace each node by one node for every output."""
        if not self.outputs and self.partial:
            return list(nodes)  # the outputs are not known, but there is a function to show
        return [
            _bound(node, name, mapping, doc, function)
            for node in nodes
            for name, (mapping, doc) in self.outputs.items()
        ]


def _mapping(output: str, given: Any) -> tuple[dict[str, Any], str | None]:
    mapping, doc = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if isinstance(mapping, Unevaluated):
        return {}, doc
    if not isinstance(mapping, Mapping):
        raise InvalidModifier(
            f"@parameterize: '{output}' must be a mapping from parameters to source() or value(), "
            f"not {given!r}."
        )
    for parameter, wanted in mapping.items():
        if not isinstance(wanted, (source, value, Unevaluated)):
            raise InvalidModifier(
                f"@parameterize: '{output}' maps '{parameter}' to {wanted!r}. Say where it comes from: "
                f'source("node") for another node, value({wanted!r}) for a literal.'
            )
    return dict(mapping), doc


def _bound(node: Node, name: str, mapping: Mapping[str, Any], doc: str | None, function: Function) -> Node:
    known = [parameter.name for parameter in function.parameters]
    for parameter in mapping:
        if parameter not in known:
            raise InvalidModifier(
                f"{function.where} has no parameter '{parameter}' for @parameterize to set in "
                f"'{name}'.{did_you_mean(parameter, known)}"
            )
    return replace(
        node,
        name=name,
        feature=name,
        arguments=tuple(_argument(argument, mapping) for argument in node.arguments),
        doc=_filled(node.doc, name, mapping, function) if doc is None else doc,
    )


def _argument(argument: Argument, mapping: Mapping[str, Any]) -> Argument:
    wanted = mapping.get(argument.parameter)
    if isinstance(wanted, value):
        return replace(argument, node=None, value=wanted.value)
    if isinstance(wanted, source) and isinstance(wanted.name, str):
        return replace(argument, node=wanted.name)
    return argument


class _Names(dict[str, str]):
    """Fills a placeholder that is not mapped with its own name, as Hamilton does."""

    def __missing__(self, key: str) -> str:
        return key


def _filled(doc: str, name: str, mapping: Mapping[str, Any], function: Function) -> str:
    try:
        return doc.format_map(_Names({p: str(wanted) for p, wanted in mapping.items()}, output_name=name))
    except (IndexError, ValueError, AttributeError) as error:
        raise InvalidModifier(
            f"{function.where}: the documentation of '{name}' cannot be filled in: {error!r}. It may "
            f"name {{output_name}} and the mapped parameters; write other braces twice."
        ) from error
