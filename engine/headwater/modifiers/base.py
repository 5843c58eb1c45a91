"""What every modifier is: a decorator for live functions, and a pure step from nodes to nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import EllipsisType
from typing import Any, ClassVar, TypeVar

from headwater.conditions import ALWAYS, Condition, Configuration
from headwater.errors import InvalidModifier, did_you_mean
from headwater.function import MODIFIERS, Function, ModuleRecord
from headwater.node import Node
from headwater.values import Unevaluated, unevaluated_in

__all__ = [
    "NON_FINAL_TAG",
    "Deferred",
    "Modifier",
    "Phase",
    "Resolver",
    "Target",
    "Variant",
    "checked_target",
    "partly_known",
    "reasons",
    "targeted",
]

F = TypeVar("F", bound=Callable[..., Any])

NON_FINAL_TAG = "hamilton.non_final_node"
"""Marks the nodes of a sub-graph, which are not what a function makes even where nothing reads them."""

Target = None | EllipsisType | str | Sequence[str] | Unevaluated
"""Which of a function's nodes a modifier means: None its sinks, `...` all, or names; or it is not known."""


class Phase(IntEnum):
    """When a modifier works; order in the source only matters inside one phase (Hamilton's order)."""

    RESOLVE = 0
    GENERATE = 1
    INJECT = 2
    EXPAND = 3
    TRANSFORM = 4
    DECORATE = 5


class Modifier:
    """A decorator that changes which nodes a function makes.

    An instance holds only its arguments. Used as a decorator it notes itself on the live function;
    the scanner makes the same instance from source text, where an argument may be `Unevaluated` or a
    `Reference`. `expand` must therefore work on nodes that have no callable.
    """

    phase: ClassVar[Phase]
    works_on_others: ClassVar[bool] = False
    """Whether it changes what other functions of the module make, and not the one that is decorated."""
    partial: tuple[str, ...] = ()
    """Reasons why its arguments, read from source, are not fully known; every node it makes gets them."""

    def __call__(self, fn: F) -> F:
        """Note this modifier on a function, outside those it already has."""
        # A copy, so that a function decorated twice under two names keeps two lists.
        setattr(fn, MODIFIERS, [*getattr(fn, MODIFIERS, ()), self])
        return fn

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Return the nodes that stand after this modifier has worked on those before it.

        Args:
            nodes: The nodes so far; of the first modifier's phase on, the plain node of the function.
            function: The function that is decorated.
            config: What is known of the configuration.

        Raises:
            InvalidModifier: The modifier does not fit the function.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Variant:
    """Under which name and configuration a function makes its nodes."""

    name: str
    condition: Condition = ALWAYS
    keys: tuple[str, ...] = ()


class Resolver(Modifier):
    """A modifier that decides, before any node is made, whether and as what a function counts."""

    phase = Phase.RESOLVE

    def resolve(self, variant: Variant, function: Function) -> Variant | None:
        """Return the variant that the function is after this modifier; None where it makes no node.

        Raises:
            InvalidModifier: The modifier does not fit the function.
        """
        raise NotImplementedError

    def expand(self, nodes: Sequence[Node], function: Function, config: Configuration) -> list[Node]:
        """Leave the nodes as they are; the work was done before they were made."""
        return list(nodes)


class Deferred(Modifier):
    """A modifier that stands for others, which only the configuration tells."""

    phase = Phase.RESOLVE

    def decide(self, config: Configuration, function: Function) -> tuple[Sequence[Modifier], tuple[str, ...]]:
        """Return the modifiers that it stands for, and why they are not all known, if so.

        Raises:
            InvalidModifier: The configuration lacks what the decision needs.
        """
        raise NotImplementedError


def reasons(*values: Any) -> tuple[str, ...]:
    """Return why some arguments are not fully known, one sentence each; empty where all are."""
    # What is not known of a function that is given as an argument is said by the nodes that it makes.
    whole = (Function, ModuleRecord)
    return tuple(_reason(found) for value in values for found in unevaluated_in(value, whole))


def _reason(value: Unevaluated) -> str:
    line = f"line {value.line}: " if value.line else ""
    return f"{line}'{value.text}' is not known without running code: {value.reason}"


def checked_target(modifier: str, target: Any) -> Any:
    """Return a `target_` argument as it is, if it can be one.

    Raises:
        InvalidModifier: It is none of None, `...`, a name, several names, or what source cannot tell.
    """
    several = isinstance(target, (list, tuple, set, frozenset))
    names = target if several else [target]
    if target is None or target is ... or all(isinstance(name, (str, Unevaluated)) for name in names):
        # One name of several that is not known leaves all of them unknown.
        unknown = [name for name in names if isinstance(name, Unevaluated)]
        return unknown[0] if unknown else target
    raise InvalidModifier(
        f"@{modifier}: target_={target!r} cannot be used. Give the name of a node, a list of names, or `...`."
    )


def targeted(
    nodes: Sequence[Node], target: Target, function: Function, purpose: str = "target_ to mean"
) -> set[str]:
    """Return the names of the nodes that a `target_` argument means.

    A name that no node has is an error only where all nodes of the function are known.

    Raises:
        InvalidModifier: The target names a node that the function does not make.
    """
    if len(nodes) == 1 and (target is None or target is ...):
        return {nodes[0].name}
    names = [node.name for node in nodes]
    if isinstance(target, Unevaluated):
        return set()
    if target is ...:
        return set(names)
    if target is None:
        read = {dependency for node in nodes for dependency in node.dependencies}
        return {node.name for node in nodes if node.name not in read and NON_FINAL_TAG not in node.tags}
    wanted = [target] if isinstance(target, str) else list(target)
    for name in wanted:
        if name not in names and not partly_known(nodes, function):
            raise InvalidModifier(
                f"{function.where} makes no node '{name}' for {purpose}; it makes "
                f"{', '.join(map(repr, names))}.{did_you_mean(name, names)}"
            )
    return set(wanted)


def partly_known(nodes: Sequence[Node], function: Function) -> bool:
    """Tell whether running code might make more of a function than the nodes that it has so far."""
    why = [function.partial, *(m.partial for m in function.modifiers), *(node.partial for node in nodes)]
    return any(why)
