"""Chains of steps in front of a parameter of a function, and behind what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from headwater.conditions import Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import Function
from headwater.modifiers.base import Modifier, Phase, Target, checked_target, targeted
from headwater.modifiers.chains import Chain, Place, chained, refuse_unsupported
from headwater.modifiers.deprecated import Deprecated
from headwater.modifiers.expansion import name_of
from headwater.modifiers.injection import injected_argument, rewired
from headwater.modifiers.passing import same
from headwater.modifiers.steps import Namespace, Step
from headwater.node import Argument, Node, Role
from headwater.types import ANY
from headwater.values import Unevaluated

__all__ = ["pipe", "pipe_input", "pipe_output"]


class pipe_input(Modifier):
    """Let a parameter go through a chain of steps before the function gets it.

    Each step is a node, named `<function>.with_<step>` unless it says otherwise.

    Args:
        *transforms: The steps in order, made by `step`.
        namespace: Where their nodes are: `...` under the function's name or where each step says, None
            without a namespace, or the name of one.
        on_input: The parameter; None for the first.
        collapse: Must be False; each step is a node of its own.
        _chain: Must be False.

    Raises:
        InvalidModifier: A step or another argument cannot be used.
    """

    phase = Phase.INJECT

    def __init__(
        self,
        *transforms: Step | Unevaluated,
        namespace: Namespace = ...,
        on_input: str | Unevaluated | None = None,
        collapse: bool = False,
        _chain: bool = False,
    ) -> None:
        """Check the steps."""
        name = type(self).__name__
        refuse_unsupported(name, collapse, _chain)
        if not isinstance(on_input, (str, Unevaluated, type(None))):
            raise InvalidModifier(f"@{name}: on_input={on_input!r} is no parameter. Give the name of one.")
        self.transforms = _steps(name, transforms, namespace)
        self.namespace = namespace
        self.parameter = on_input if isinstance(on_input, str) else None

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Put a node for each step in front of the parameter."""
        argument = injected_argument(nodes, self.parameter, function, type(self).__name__)
        origin = str(argument.node)
        reader = next(node for node in nodes if origin in node.dependencies)
        place = Place(origin, reader.feature, self.namespace, name_of(function), reader.call is not None)
        chain = chained(self.transforms, place, function, config)
        ends = [(when, end.name if end else None) for when, end in chain.ends]
        return [*rewired(nodes, origin, ends), *chain.nodes]


class pipe(Deprecated, pipe_input):
    """Let a parameter go through a chain of steps; the earlier name of `pipe_input`."""

    instead = "pipe_input"


class pipe_output(Modifier):
    """Let what a function returns go through a chain of steps.

    The node `x` becomes `x.raw`, which the function computes, one node for each step
    (`x.with_<step>`), and `x`, which passes on what the last of them returns.

    Args:
        *transforms: The steps in order, made by `step`.
        namespace: Where their nodes are: `...` under the node's name, None without a namespace, or the
            name of one.
        on_output: Which nodes: None the function's final ones, or names. A step may choose from them
            with `on_output` of its own.
        collapse: Must be False; each step is a node of its own.
        _chain: Must be False.

    Raises:
        InvalidModifier: A step or another argument cannot be used.
    """

    phase = Phase.TRANSFORM

    def __init__(
        self,
        *transforms: Step | Unevaluated,
        namespace: Namespace = ...,
        on_output: Target = None,
        collapse: bool = False,
        _chain: bool = False,
    ) -> None:
        """Check the steps."""
        refuse_unsupported("pipe_output", collapse, _chain)
        if on_output is ...:
            raise InvalidModifier(
                "@pipe_output: on_output=... cannot be used. Give the name of a node or a list of names, or "
                "leave it out for all final nodes."
            )
        self.target = checked_target("pipe_output", on_output)
        self.transforms = _steps("pipe_output", transforms, namespace)
        self.namespace = namespace
        if self.target is not None and any(step.target is not None for step in self.transforms):
            raise InvalidModifier(
                "@pipe_output: both the chain and one of its steps say which outputs they work on. Leave out "
                "the on_output of one of them."
            )

    def may_take(self, step: Step) -> bool:
        """Tell whether this chain works on an output that a step chooses; where it is not known, it may."""
        if step.target is None or self.target is None:
            return True
        return any(isinstance(name, str) and _takes(step, name) for name in _names(self.target))

    def with_step(self, step: Step, partial: Sequence[str]) -> pipe_output:
        """Return a longer chain.

        Args:
            step: The step at its end.
            partial: Reasons why the step is not fully known.
        """
        longer = copy(self)
        longer.transforms = (*self.transforms, step)
        longer.partial = (*self.partial, *partial)
        return longer

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Split each targeted node into the raw value, the steps and the value that is passed on."""
        targets = targeted(nodes, self.target, function)
        for step in self.transforms:
            _check_target(step, targets, function)
        made: list[Node] = []
        for node in nodes:
            made += self._piped(node, function, config) if node.name in targets else [node]
        return made

    def _piped(self, node: Node, function: Function, config: Configuration) -> list[Node]:
        raw = replace(node, name=f"{node.name}.raw", role=Role.PART)
        namespace = node.name if self.namespace is ... else self.namespace
        place = Place(raw.name, node.feature, namespace, node.name, node.call is not None)
        steps = [step for step in self.transforms if _takes(step, node.name)]
        chain = chained(steps, place, function, config)
        return [
            narrowed for made in _spliced(node, raw, chain) if (narrowed := _within(node, made)) is not None
        ]


def _spliced(node: Node, raw: Node, chain: Chain) -> list[Node]:
    """Return the nodes of a chain between the raw value and the one that is passed on."""
    return [
        *(replace(raw, condition=when) for when in chain.starts),
        *chain.nodes,
        *(
            replace(node, condition=when) if end is None else replace(_last(node, end), condition=when)
            for when, end in chain.ends
        ),
    ]


def _last(node: Node, end: Node) -> Node:
    return replace(
        node,
        type=end.type,
        arguments=(Argument(end.name, ANY, end.name),),
        call=same if node.call else None,
        partial=tuple(dict.fromkeys((*node.partial, *end.partial))),
    )


def _within(node: Node, made: Node) -> Node | None:
    """Return a node that exists only where another one does; None where it never does."""
    if not node.condition.tests:
        return made
    condition = node.condition.narrowed(made.condition)
    return None if condition is None else replace(made, condition=condition)


def _takes(step: Step, name: str) -> bool:
    return step.target is None or name in _names(step.target)


def _names(target: Target) -> Sequence[Any]:
    """Return the names in a choice of outputs, so far as it names any."""
    if target is None or target is ... or isinstance(target, Unevaluated):
        return ()
    return [target] if isinstance(target, str) else target


def _check_target(step: Step, targets: set[str], function: Function) -> None:
    for name in _names(step.target) if targets else ():
        if name not in targets:
            raise InvalidModifier(
                f"{function.where} has no output '{name}' for a step of its chain to work on; it has "
                f"{', '.join(map(repr, sorted(targets)))}.{did_you_mean(name, targets)}"
            )


def _steps(modifier: str, given: Sequence[Any], namespace: Namespace) -> tuple[Step, ...]:
    for step in given:
        if isinstance(step, Unevaluated):
            continue  # said by the modifier's reasons
        if not isinstance(step, Step) or step.fn is None:
            raise InvalidModifier(f"@{modifier} takes steps, not {step!r}. Make one: step(function, ...).")
        if step.namespace is not ... and namespace is not ...:
            raise InvalidModifier(
                f"@{modifier}: both the chain and its step '{step.function_name}' say under which namespace "
                "the nodes are. Leave one of them out."
            )
    return tuple(step for step in given if isinstance(step, Step))
