"""One function for several features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase
from headwater.modifiers.binding import Mapped, bound, checked_mapping, injected
from headwater.modifiers.dependencies import source, value
from headwater.modifiers.deprecated import Deprecated
from headwater.node import Node
from headwater.values import Unevaluated

__all__ = [
    "inject",
    "parameterize",
    "parameterize_sources",
    "parameterize_values",
    "parameterized_inputs",
    "parametrized",
    "parametrized_input",
    "the_node",
]


class parameterize(Modifier):
    """Make several nodes of one function, each with parameters of its own.

    Args:
        **parametrization: For each output name a mapping from parameters to `source("node")`,
            `value(literal)` or a `group(...)` of those, or a pair of such a mapping and documentation. The
            function's docstring may name `{output_name}` and the mapped parameters in braces.

    Raises:
        InvalidModifier: A mapping names a parameter that the function lacks, or maps it to something else.
    """

    phase = Phase.EXPAND

    def __init__(self, **parametrization: Mapped | tuple[Mapped, str]) -> None:
        """Check what parameters are mapped to."""
        self.outputs = {name: _output(name, given) for name, given in parametrization.items()}

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Replace the function's node by one node for every output."""
        if not self.outputs and self.partial:
            return list(nodes)  # the outputs are not known, but there is a function to show
        node = the_node(nodes, function, type(self).__name__)
        return [bound(node, mapping, function, name, doc) for name, (mapping, doc) in self.outputs.items()]


def the_node(nodes: Sequence[Node], function: Function, modifier: str) -> Node:
    """Return the only node that a function has so far.

    Raises:
        InvalidModifier: Other modifiers have made more of it.
    """
    if len(nodes) == 1:
        return nodes[0]
    raise InvalidModifier(
        f"{function.where} is already several nodes where @{modifier} would repeat it: "
        f"{', '.join(repr(node.name) for node in nodes)}. Give what makes them a function of its own."
    )


def _output(name: str, given: Any) -> tuple[Mapped, str | None]:
    mapping, doc = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    return checked_mapping(mapping, f"@parameterize: '{name}'"), doc


class parameterize_sources(parameterize):
    """Make several nodes of one function, each of which reads other nodes.

    Args:
        **parameterization: For each output name a mapping from parameters to the names of nodes.

    Raises:
        InvalidModifier: There is no output, or an output maps no parameter to a name.
    """

    def __init__(self, **parameterization: Mapping[str, str]) -> None:
        """Check that each output has parameters."""
        super().__init__(**{name: _sources(name, given) for name, given in parameterization.items()})


def _sources(output: str, given: Any) -> Any:
    if isinstance(given, Unevaluated):
        return given
    if not isinstance(given, Mapping) or not given:
        raise InvalidModifier(
            f"@parameterize_sources: '{output}' must be a mapping from parameters to names of nodes, "
            f"not {given!r}."
        )
    return {parameter: source(name) for parameter, name in given.items()}


class parameterize_values(parameterize):
    """Make several nodes of one function, each of which has another literal for one parameter.

    Args:
        parameter: Name of the parameter.
        assigned_output: The literals, by pairs of an output name and its documentation.

    Raises:
        InvalidModifier: A key is no such pair.
    """

    def __init__(self, parameter: str, assigned_output: Mapping[tuple[str, str], Any]) -> None:
        """Check the keys."""
        pairs = _pairs("parameterize_values", assigned_output)
        super().__init__(**{name: (_mapped(parameter, value(given)), doc) for (name, doc), given in pairs})


def _mapped(parameter: Any, to: source | value) -> Any:
    return {parameter: to} if isinstance(parameter, str) else {}


def _pairs(modifier: str, given: Any) -> list[tuple[tuple[str, str], Any]]:
    """Return the entries of a mapping whose keys are pairs of a name and documentation."""
    if isinstance(given, Unevaluated):
        return []
    pairs = list(given.items()) if isinstance(given, Mapping) else [(given, None)]
    for key, _ in pairs:
        if not (isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], str)):
            raise InvalidModifier(
                f"@{modifier} takes pairs of an output name and its documentation, "
                f'("spend", "What was spent."), not {key!r}.'
            )
    return pairs


class parametrized(Deprecated, parameterize_values):
    """Make several nodes of one function, as `parameterize_values` does; its name of old."""

    instead = "parameterize_values"


class parametrized_input(Deprecated, parameterize):
    """Make several nodes of one function, each of which reads another node for one parameter.

    Args:
        parameter: Name of the parameter.
        variable_inputs: Pairs of an output name and its documentation, by names of nodes.

    Raises:
        InvalidModifier: A value is no such pair.
    """

    instead = "parameterize_sources"

    def __init__(self, parameter: str, variable_inputs: Mapping[str, tuple[str, str]]) -> None:
        """Check the pairs."""
        swapped: Any = variable_inputs
        if isinstance(variable_inputs, Mapping):
            swapped = {pair: name for name, pair in variable_inputs.items()}
        pairs = _pairs("parametrized_input", swapped)
        super().__init__(**{name: (_mapped(parameter, source(node)), doc) for (name, doc), node in pairs})


class parameterized_inputs(Deprecated, parameterize_sources):
    """Make several nodes of one function, as `parameterize_sources` does; its name of old."""

    instead = "parameterize_sources"


class inject(Modifier):
    """Say where parameters of a function take their values from.

    Args:
        **key_mapping: `source("node")`, `value(literal)` or a `group(...)` of those, by parameter. The
            function's docstring may name `{output_name}` and the mapped parameters in braces.

    Raises:
        InvalidModifier: The function lacks a parameter, or it is mapped to something else.
    """

    phase = Phase.INJECT

    def __init__(self, **key_mapping: Any) -> None:
        """Check what parameters are mapped to."""
        self.mapping = checked_mapping(key_mapping, "@inject")

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Bind the parameters wherever the function's nodes read them."""
        return injected(nodes, self.mapping, function)
