"""Whole graphs inside a function: run again with inputs and a configuration of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import NON_FINAL_TAG, Modifier, Phase
from headwater.modifiers.dependencies import source, value
from headwater.modifiers.passing import literal_type, same, wanted_type
from headwater.modifiers.settings import Settings
from headwater.modifiers.subgraphs import Load, Loaded, expanded, namespaced
from headwater.node import Argument, Node, Role
from headwater.types import ANY, Type
from headwater.values import Reference, Unevaluated

__all__ = ["parameterized_subdag", "subdag"]


class subdag(Modifier):
    """Take a graph into a function, whose parameters then name nodes of that graph.

    The nodes stand under a namespace: `<function>.<node>`. What the graph needs and is not given comes
    from the graph around it.

    Args:
        *load_from: Modules and functions that make the graph.
        inputs: What is given to it: `source("node")` or `value(literal)` by name.
        config: Configuration of its own, over that of the graph around: literals, `value(literal)`, or
            `configuration("key")` for a key of the configuration around. Each key is a node, too.
        namespace: The namespace; None for the function's name.
        final_node_name: Name of the node that the function itself makes; None for the function's name.
        external_inputs: Parameters of the function that come from the graph around.

    Raises:
        InvalidModifier: There is nothing to load, or an argument cannot be used.
    """

    phase = Phase.GENERATE

    def __init__(
        self,
        *load_from: Load,
        inputs: Mapping[str, source | value] | Unevaluated | None = None,
        config: Mapping[str, Any] | Unevaluated | None = None,
        namespace: str | Unevaluated | None = None,
        final_node_name: str | Unevaluated | None = None,
        external_inputs: Sequence[str] | Unevaluated | None = None,
    ) -> None:
        """Check what is loaded and given."""
        self.loaded = Loaded("subdag", load_from)
        self.inputs = _inputs(inputs)
        self.settings = Settings("subdag", config)
        self.namespace = _name("namespace", namespace)
        self.final = _name("final_node_name", final_node_name)
        self.external = _names(external_inputs)
        shared = [key for key in self.inputs if key in self.settings.names]
        if shared:
            raise InvalidModifier(
                f"@subdag: '{shared[0]}' is both an input and a configuration key. Configuration keys are "
                "nodes of the sub-graph already; give it in config only."
            )

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Put the graph under the namespace, what is given to it beside it, and the function at its end."""
        [plain] = nodes
        feature = self.final or plain.name
        namespace = self.namespace or plain.name
        inner = expanded(self.loaded.functions(), self.settings.over(config, function))
        if self.settings.names:
            inner = [replace(node, condition=self.settings.left(node.condition)) for node in inner]
        self._check_new(inner, plain, config)
        inside = self._inside(plain, inner)
        given = list(self._given(plain, [a for n in inner for a in n.arguments] + inside))
        final = replace(
            plain,
            name=feature,
            feature=feature,
            arguments=tuple(
                replace(a, node=f"{namespace}.{a.node}") if a in inside else a for a in plain.arguments
            ),
        )
        made = [
            *namespaced(inner, namespace, feature, (node.name for node in given)),
            *(replace(node, name=f"{namespace}.{node.name}", feature=feature) for node in given),
            final,
        ]
        why = self.loaded.partial
        return [replace(node, partial=(*node.partial, *why)) for node in made] if why else made

    def _check_new(self, inner: Iterable[Node], plain: Node, config: Configuration) -> None:
        given = {*self.inputs, *self.settings.names}
        for node in inner:
            # Among all variants, one may make what another is given.
            if node.name in given and not (config.is_open and node.condition.tests):
                raise InvalidModifier(
                    f"{plain.where} gives its sub-graph '{node.name}', which {node.where} makes there. Give "
                    "it another name, or do not load that function."
                )

    def _inside(self, plain: Node, inner: Iterable[Node]) -> list[Argument]:
        """Return the arguments of the function that come from its sub-graph."""
        known = [argument.parameter for argument in plain.arguments]
        for parameter in self.external or ():
            if parameter not in known:
                raise InvalidModifier(
                    f"{plain.where} has no parameter '{parameter}' to come from outside its sub-graph."
                    f"{did_you_mean(parameter, known)}"
                )
        if self.external is not None:
            return [a for a in plain.arguments if a.parameter not in self.external]
        # Source does not tell; only what the sub-graph makes can come from there.
        made = {node.name for node in inner}.union(self.inputs, self.settings.names)
        return [argument for argument in plain.arguments if argument.parameter in made]

    def _given(self, plain: Node, arguments: Iterable[Argument]) -> Iterator[Node]:
        """Yield a node for each input that is read, and for each configuration key."""
        readers: dict[str | None, list[Argument]] = {}
        for argument in arguments:
            readers.setdefault(argument.node, []).append(argument)
        for key, wanted in self.inputs.items():
            if isinstance(wanted, value):
                yield _passing(plain, key, literal_type(wanted.value), wanted)
            elif key in readers:  # some variants of a graph have no use for an input
                yield _passing(plain, key, wanted_type(readers[key]) or ANY, wanted)
        for key, literal in self.settings.values.items():
            yield _passing(plain, key, literal_type(literal), value(literal))
        for key, outer in self.settings.keys.items():
            yield _passing(plain, key, wanted_type(readers.get(key, ())) or ANY, source(outer))
        for key, unknown in self.settings.unknown.items():
            yield _passing(plain, key, wanted_type(readers.get(key, ())) or ANY, unknown)


def _passing(plain: Node, key: str, type_: Type, wanted: source | value | Unevaluated) -> Node:
    """Return the node of something that is given to a sub-graph."""
    given: Any = wanted.value if isinstance(wanted, value) else wanted
    argument = Argument(key, type_, None, given)
    if isinstance(wanted, source):
        name = wanted.name
        argument = Argument(key, type_, name) if isinstance(name, str) else Argument(key, type_, None, name)
    partial = (
        (f"what '{given}' is, is not known without importing it",) if isinstance(given, Reference) else ()
    )
    return Node(
        key,
        type_,
        (argument,),
        role=Role.PART,
        tags={NON_FINAL_TAG: True},
        function=plain.function,
        call=same if plain.call else None,
        partial=partial,
    )


_OWN: Final = ("inputs", "config", "external_inputs")


class parameterized_subdag(Modifier):
    """Take a graph into a function several times, each time with inputs and a configuration of its own.

    Each is a `subdag` whose namespace and final node have the name of the parameterization.

    Args:
        *load_from: Modules and functions that make the graph.
        inputs: What is given to every one of the graphs.
        config: Configuration of every one of the graphs.
        external_inputs: Parameters of the function that come from the graph around.
        **parameterization: For each name what differs there: a dictionary with `inputs` and `config`,
            which are laid over those above, and `external_inputs`, which are taken in their place.

    Raises:
        InvalidModifier: There is nothing to load, or an argument cannot be used.
    """

    phase = Phase.GENERATE

    def __init__(
        self,
        *load_from: Load,
        inputs: Mapping[str, source | value] | Unevaluated | None = None,
        config: Mapping[str, Any] | Unevaluated | None = None,
        external_inputs: Sequence[str] | Unevaluated | None = None,
        **parameterization: Mapping[str, Any] | Unevaluated,
    ) -> None:
        """Make a sub-graph for each name."""
        shared = {"inputs": inputs, "config": config, "external_inputs": external_inputs}
        self.subdags = [
            subdag(*load_from, namespace=name, final_node_name=name, **_laid_over(shared, own, name))
            for name, own in parameterization.items()
        ]

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Make the nodes of each sub-graph."""
        if not self.subdags and self.partial:
            return list(nodes)  # the names are not known, but there is a function to show
        return [node for each in self.subdags for node in each.expand(nodes, function, config)]


def _laid_over(shared: Mapping[str, Any], own: Any, name: str) -> dict[str, Any]:
    if isinstance(own, Unevaluated):
        return {**shared, "inputs": own, "config": own}
    if not isinstance(own, Mapping):
        raise InvalidModifier(
            f"@parameterized_subdag: '{name}' must be a dictionary with any of {', '.join(map(repr, _OWN))}, "
            f"not {own!r}."
        )
    for key in own:
        if key not in _OWN:
            raise InvalidModifier(
                f"@parameterized_subdag: '{name}' has the key {key!r}; it may have "
                f"{', '.join(map(repr, _OWN))}.{did_you_mean(str(key), _OWN)}"
            )
    return {
        "inputs": _merged(shared["inputs"], own.get("inputs")),
        "config": _merged(shared["config"], own.get("config")),
        "external_inputs": own.get("external_inputs", shared["external_inputs"]),
    }


def _merged(shared: Any, own: Any) -> Any:
    if own is None or shared is None:
        return shared if own is None else own
    if isinstance(own, Mapping) and isinstance(shared, Mapping):
        return {**shared, **own}
    # Where one of the two is not known, neither is what they make together; what is wrong is told there.
    return next((each for each in (own, shared) if not isinstance(each, Mapping)), own)


def _inputs(given: Any) -> dict[str, Any]:
    if given is None or isinstance(given, Unevaluated):
        return {}
    if not isinstance(given, Mapping):
        raise InvalidModifier(f"@subdag: inputs must be a mapping from names to sources, not {given!r}.")
    for name, wanted in given.items():
        if not isinstance(wanted, (source, value, Unevaluated)):
            raise InvalidModifier(
                f"@subdag: input '{name}' is {wanted!r}. Say where it comes from: source(\"node\") for "
                f"another node, value({wanted!r}) for a literal."
            )
    return dict(given)


def _name(argument: str, given: Any) -> str | None:
    if isinstance(given, (Unevaluated, type(None))):
        return None
    if isinstance(given, str) and given:
        return given
    raise InvalidModifier(f"@subdag: {argument}={given!r} is no name. Give a text, or leave it out.")


def _names(given: Any) -> tuple[str, ...] | None:
    """Return the external inputs; None where source does not tell."""
    if isinstance(given, Unevaluated):
        return None
    names = given if isinstance(given, (list, tuple, set, frozenset)) else [given]
    if given is None:
        return ()
    if any(isinstance(name, Unevaluated) for name in names):
        return None
    if not all(isinstance(name, str) for name in names):
        raise InvalidModifier(f"@subdag: external_inputs={given!r} must be a list of parameter names.")
    return tuple(names)
