"""From the steps of a chain to its nodes, side by side for every configuration that is possible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from headwater.conditions import ALWAYS, Condition, Configuration
from headwater.errors import InvalidModifier
from headwater.function import Function
from headwater.modifiers.expansion import left_of
from headwater.modifiers.steps import Namespace, Step, bound_arguments
from headwater.node import Node, Role
from headwater.types import ANY
from headwater.values import Reference, Unevaluated

__all__ = ["Chain", "Place", "chained", "refuse_unsupported"]

MOST_WAYS: Final = 64
"""In how many ways the steps of a chain may combine and still be told apart."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The nodes of a chain.

    Attributes:
        nodes: A node for each step, and for each way in which it may come about.
        ends: The last node and when it is the last; None where no step is taken.
        starts: When any step is taken at all, in conditions of which one holds then.
    """

    nodes: tuple[Node, ...]
    ends: tuple[tuple[Condition, Node | None], ...]
    starts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    """A step that may be taken.

    Attributes:
        step: The step.
        when: What has to be true of the configuration for it; always where that is decided.
        shown: The condition that its node shows.
        counted: Functions whose earlier uses the names of later steps depend on.
    """

    step: Step
    when: Condition
    shown: Condition
    counted: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Way:
    """One way in which the steps so far may have been taken: when, where it ends, and what was used."""

    when: Condition
    end: Node | None
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the nodes of a chain belong.

    Attributes:
        origin: Name of the node whose value goes through.
        feature: The feature that they are part of.
        namespace: Namespace of all steps; `...` where each has its own.
        default: The namespace of a step that has none of its own.
        is_live: Whether there is code to call.
    """

    origin: str
    feature: str
    namespace: Namespace
    default: str
    is_live: bool


def chained(steps: Sequence[Step], place: Place, function: Function, config: Configuration) -> Chain:
    """Return the nodes that a value goes through.

    Args:
        steps: The steps in order.
        place: Where their nodes belong.
        function: The function with the chain.
        config: What is known of the configuration.

    Raises:
        DefinitionError: A step is wrong, or cannot be decided by a whole configuration.
    """
    links = _links(steps, function, config)
    found = _walk(links, place)
    if found is not None:
        return Chain(*found, _starts(links))
    links = [replace(link, when=ALWAYS, shown=link.when) for link in links]
    nodes, [(when, _)] = _walk(links, place) or ((), ((ALWAYS, None),))
    why = (
        f"its steps may be taken in more than {MOST_WAYS} ways that depend on the configuration; "
        "they are shown as if all were taken"
    )
    nodes = tuple(replace(node, partial=(*node.partial, why)) for node in nodes)
    return Chain(nodes, ((when, nodes[-1]),), (ALWAYS,))


def _links(steps: Sequence[Step], function: Function, config: Configuration) -> list[_Link]:
    links: list[_Link] = []
    later: frozenset[str] = frozenset()
    for step in reversed(steps):
        condition = left_of(step.condition, config, function)
        if condition is not None and config.is_open:
            condition = ALWAYS.narrowed(condition)
        # A step without any name has no node that could be told of; the modifier says why it is not known.
        if condition is None or (step.function_name is None and not isinstance(step.name, str)):
            continue
        links.append(_Link(step, condition if config.is_open else ALWAYS, condition, later))
        if not isinstance(step.name, str):
            later = later.union([str(step.function_name)])
    return links[::-1]


def _walk(
    links: Iterable[_Link], place: Place
) -> tuple[tuple[Node, ...], tuple[tuple[Condition, Node | None], ...]] | None:
    """Return the nodes and the ends; None where there are too many ways to tell them apart."""
    nodes: list[Node] = []
    ways = [_Way(ALWAYS, None, ())]
    for link in links:
        taken: list[_Way] = []
        passed: list[_Way] = []
        for way in ways:
            when = way.when.narrowed(link.when)
            if when is not None:
                node = _node(link, way, when, place)
                nodes.append(node)
                taken.append(_Way(when, node, _uses(link, way)))
            for denied in link.when.denied:
                without = way.when.narrowed(denied)
                if without is not None:
                    passed.append(replace(way, when=without))
        ways = [*_merged(taken, link), *passed]
        if len(ways) > MOST_WAYS:
            return None
    return tuple(nodes), tuple((way.when, way.end) for way in ways)


def _merged(taken: list[_Way], link: _Link) -> list[_Way]:
    """Forget how the steps before were taken where nothing that follows depends on it."""
    ends = {(way.end.name if way.end else None, way.uses) for way in taken}
    return [replace(taken[0], when=link.when)] if len(ends) == 1 else taken


def _uses(link: _Link, way: _Way) -> tuple[str, ...]:
    used = (*way.uses, str(link.step.function_name))
    return tuple(sorted(name for name in used if name in link.counted))


def _starts(links: Sequence[_Link]) -> tuple[Condition, ...]:
    if any(not link.when.tests for link in links):
        return (ALWAYS,)
    starts: list[Condition] = []
    before = [ALWAYS]
    for link in links:
        starts += _all_narrowed(before, (link.when,))
        before = _all_narrowed(before, link.when.denied)
    return tuple(starts)


def _all_narrowed(conditions: Iterable[Condition], others: Sequence[Condition]) -> list[Condition]:
    return [both for one in conditions for other in others if (both := one.narrowed(other)) is not None]


def _node(link: _Link, way: _Way, when: Condition, place: Place) -> Node:
    step = link.step
    known = step.fn if isinstance(step.fn, Function) else None
    node = _unknown_node(step) if known is None else Node.of(known)
    return replace(
        node,
        partial=node.partial if known is None else known.partial,
        name=_name(link, way, place),
        arguments=tuple(bound_arguments(step, way.end.name if way.end else place.origin)),
        feature=place.feature,
        role=Role.PART,
        call=node.call if place.is_live else None,
        condition=when if when.tests else link.shown,
    )


def _unknown_node(step: Step) -> Node:
    why = f"'{step.fn}' is not known without importing it" if isinstance(step.fn, Reference) else None
    return Node("", ANY, partial=(why,) if why else ())


def _name(link: _Link, way: _Way, place: Place) -> str:
    step = link.step
    if isinstance(step.name, str):
        name = step.name
    else:
        function = str(step.function_name)
        again = way.uses.count(function)
        joint = "" if function.startswith("_") else "_"
        name = f"with{joint}{function}{f'_{again}' if again else ''}"
    namespace = _namespace(step, place)
    return name if namespace is None else f"{namespace}.{name}"


def _namespace(step: Step, place: Place) -> Any:
    for namespace in (place.namespace, step.namespace):
        if namespace is not ... and not isinstance(namespace, Unevaluated):
            return namespace
    return place.default


def refuse_unsupported(modifier: str, collapse: Any, chain: Any) -> None:
    """Refuse what neither Hamilton nor we do with a chain.

    Raises:
        InvalidModifier: One of the two was asked for.
    """
    for name, asked in (("collapse", collapse), ("_chain", chain)):
        if asked is True:
            raise InvalidModifier(f"@{modifier} does not take {name}=True: each step is a node of its own.")
