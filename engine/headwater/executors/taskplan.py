"""One execution cut into tasks: which tasks there are, and which values go from which to which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors.fanout import FanOuts, Read, Scope
from headwater.executors.grouping import GroupingStrategy
from headwater.executors.needs import needs_of
from headwater.executors.tasks import NodeGroup, NodeGroupPurpose, TaskSpec, is_collected, is_expander
from headwater.executors.taskslots import plan_task
from headwater.graph import Graph, topological
from headwater.listing import Listed
from headwater.node import Node, Role
from headwater.plan import make_plan
from headwater.values import MISSING

__all__ = ["Route", "TaskPlan", "make_task_plan"]


@dataclass(slots=True)
class Route:
    """Where a value goes that is at hand in some scope.

    Attributes:
        here: The tasks of the same scope that read it, by their places in the plan.
        below: The fan-outs that begin in this scope and in which it is read.
        gathered: Whether the values of all elements are gathered where the fan-out began.
        is_output: Whether it was asked for.
    """

    here: list[int] = field(default_factory=list)
    below: list[str] = field(default_factory=list)
    gathered: bool = False
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """Tasks, and the ways of values between them.

    Attributes:
        specs: The tasks.
        scopes: The places of the tasks of each scope.
        routes: For each scope and each name that is at hand in it, where the value goes.
        given: The names whose values come from outside.
        outputs: The names asked for, in the order of the request.
        nodes: The nodes that are computed, by name.
    """

    specs: tuple[TaskSpec, ...]
    scopes: Mapping[Scope, tuple[int, ...]]
    routes: Mapping[Scope, Mapping[str, Route]]
    given: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: Mapping[str, Node]

    def chain(self, name: str) -> list[str]:
        """Return the names from a requested output down to a node."""
        readers = {read: node.name for node in self.nodes.values() for read in node.dependencies}
        chain = [name]
        while chain[-1] not in self.outputs and chain[-1] in readers:
            chain.append(readers[chain[-1]])
        return chain[::-1]


def make_task_plan(
    graph: Graph, outputs: Iterable[str], given: Collection[str], grouping: GroupingStrategy
) -> TaskPlan:
    """Cut an execution into tasks.

    Args:
        graph: The graph of one configuration.
        outputs: Names wanted. Of a node that a fan-out repeats, the values for all elements are handed
            back in a list.
        given: Names whose values come from outside: configuration, inputs and overrides.
        grouping: Proposes which nodes make a task.

    Raises:
        UnknownNode: No node has one of the names.
        MissingInput: Inputs that are needed were not given.
        DefinitionError: A node reads from two fan-outs, or collects what is none.
        HeadwaterError: The grouping strategy leaves out a node, or its tasks need each other; or a node says
            with its tags what it needs, in a way that cannot be read.
    """
    wanted = tuple(dict.fromkeys(outputs))
    whole = make_plan(graph, wanted, given)
    supplied = tuple(name for name, _ in whole.given)
    given_nodes = [graph[name] for name in supplied if graph[name].role is not Role.INPUT]
    nodes = [_fanning(node) for node in given_nodes if is_expander(node)]
    nodes += [_needing(node, graph, supplied) for node in whole.nodes]
    return _Planner(graph, nodes, supplied, wanted).plan(grouping)


def _fanning(node: Node) -> Node:
    """Return a node whose value is given: it reads nothing, and its elements are fanned out all the same."""
    return replace(node, arguments=(), call=None)


def _needing(node: Node, graph: Graph, given: Collection[str]) -> Node:
    """Return a node that makes a list if it is fanned out, and takes its defaults for missing inputs."""
    if is_expander(node) and node.call is not None:
        node = replace(node, call=Listed(node.call))
    absent = {
        argument.node
        for argument in node.arguments
        if argument.value is not MISSING
        and argument.node is not None
        and argument.node not in given
        and graph[argument.node].role is Role.INPUT
    }
    if not absent:
        return node
    arguments = (replace(arg, node=None) if arg.node in absent else arg for arg in node.arguments)
    return replace(node, arguments=tuple(arguments))


class _Planner:
    """Holds what is known of an execution while it is cut into tasks."""

    def __init__(
        self, graph: Graph, nodes: Sequence[Node], given: Sequence[str], outputs: Sequence[str]
    ) -> None:
        self.graph = graph
        self.nodes = nodes
        self.given = tuple(given)
        self.outputs = tuple(outputs)
        self.fan_outs = FanOuts(nodes, set(given))
        self.routes: dict[Scope, dict[str, Route]] = {(): {}}
        self.makers: dict[str, str] = {}
        self.outer: dict[str, list[Read]] = {}

    def plan(self, grouping: GroupingStrategy) -> TaskPlan:
        groups = self._groups(grouping)
        for place, group in enumerate(groups):
            for read in self.outer[group.base_id]:
                self._route(read, self._scope(group), place)
        for name in self.outputs:
            self._ask(name)
        specs = tuple(self._spec(group) for group in groups)
        scopes: dict[Scope, list[int]] = {(): []}
        for place, spec in enumerate(specs):
            scopes.setdefault(spec.scope, []).append(place)
        return TaskPlan(
            specs=specs,
            scopes={scope: tuple(places) for scope, places in scopes.items()},
            routes=self.routes,
            given=self.given,
            outputs=self.outputs,
            nodes={node.name: node for node in self.nodes},
        )

    def _groups(self, grouping: GroupingStrategy) -> list[NodeGroup]:
        """Return the groups of a strategy, split where they must be, each after those that it needs."""
        strategy = type(grouping).__name__
        proposed = grouping.group_nodes(list(self.nodes))
        _check_groups(proposed, self.nodes, strategy)
        places = {node.name: place for place, node in enumerate(self.nodes)}
        for group in proposed:
            group.nodes = sorted(group.nodes, key=lambda node: places[node.name])
        scopes = self.fan_outs.scopes
        order, circle = self._ordered(proposed, lambda node: scopes[node.name])
        if circle is not None:
            # What lies before and what lies behind a fan-out is in one group, or nodes that read across.
            stages = self._stages()
            order, circle = self._ordered(proposed, lambda node: (stages[node.name], scopes[node.name]))
        if circle is not None and any(self.fan_outs.gathered(node) for node in self.nodes):
            # Of what gathers from one fan-out, some needs what others need of it, without a border between.
            turns = self._turns(proposed)
            order, circle = self._ordered(proposed, lambda node: (turns[node.name], scopes[node.name]))
        if circle is not None:
            raise HeadwaterError(
                f"The grouping strategy {strategy} makes tasks that need each other: "
                f"{' → '.join(circle[::-1])}. Put their nodes into one group, or into more."
            )
        return order

    def _ordered(
        self, proposed: Sequence[NodeGroup], key: Callable[[Node], Any]
    ) -> tuple[list[NodeGroup], list[str] | None]:
        """Return the parts of groups whose nodes have one key, each after those it needs; or a circle."""
        by_id = {part.base_id: part for group in proposed for part in _parts(group, key)}
        self.makers = {node.name: base_id for base_id, part in by_id.items() for node in part.nodes}
        self.outer = {base_id: self._outer_reads(part) for base_id, part in by_id.items()}
        order, circle = topological(by_id, lambda base_id: self._needed(by_id[base_id]))
        return [by_id[base_id] for base_id in order], circle

    def _stages(self) -> Mapping[str, int]:
        """Return how many borders of fan-outs lie before each node, at most."""
        stages: dict[str, int] = {}
        for node in self.nodes:
            reads = self.fan_outs.reads[node.name]
            stages[node.name] = max((stages.get(r.name, 0) + r.crosses for r in reads), default=0)
        return stages

    def _turns(self, proposed: Iterable[NodeGroup]) -> Mapping[str, int]:
        """Return how often the way to each node goes from one group, or scope, to another, at most.

        No part of a group whose nodes have one such number can need itself: the number never falls on a way,
        and rises wherever one part is left for another.
        """
        homes = {node.name: group.base_id for group in proposed for node in group.nodes}
        turns: dict[str, int] = {}
        for node in self.nodes:
            turns[node.name] = max(
                (
                    turns[read.name] + (read.crosses or homes[read.name] != homes[node.name])
                    for read in self.fan_outs.reads[node.name]
                    if read.name in turns
                ),
                default=0,
            )
        return turns

    def _scope(self, group: NodeGroup) -> Scope:
        return self.fan_outs.scopes[group.nodes[0].name]

    def _outer_reads(self, group: NodeGroup) -> list[Read]:
        """Return what a group needs from others; a fan-out that is given needs its elements."""
        inside = {node.name for node in group.nodes}
        outer = {
            read.name: read
            for node in group.nodes
            for read in self.fan_outs.reads[node.name]
            if read.crosses or read.name not in inside
        }
        outer.update((name, Read(name, ())) for name in self.given if name in inside)
        return list(outer.values())

    def _needed(self, group: NodeGroup) -> list[str]:
        # A group that gathers what it makes itself needs itself, and must be split.
        own = {node.name for node in group.nodes if node.name in self.given}
        names = [read.name for read in self.outer[group.base_id] if read.name not in own]
        return list(dict.fromkeys(self.makers[name] for name in names if name in self.makers))

    def _at(self, scope: Scope, name: str) -> Route:
        return self.routes.setdefault(scope, {}).setdefault(name, Route())

    def _route(self, read: Read, scope: Scope, place: int) -> None:
        """Note the way of a value to a task."""
        if read.gathers is not None and read.name != read.gathers:
            self._at((*read.scope, read.gathers), read.name).gathered = True
        for depth in range(len(read.scope), len(scope)):
            below = self._at(scope[:depth], read.name).below
            if scope[depth] not in below:
                below.append(scope[depth])
        self._at(scope, read.name).here.append(place)

    def _ask(self, name: str) -> None:
        """Note that a value is asked for; in a fan-out, those of all elements."""
        scope = self.fan_outs.scopes.get(name, ())
        for depth in range(len(scope), 0, -1):
            self._at(scope[:depth], name).gathered = True
        self._at((), name).is_output = True

    def _spec(self, group: NodeGroup) -> TaskSpec:
        scope = self._scope(group)
        names = [node.name for node in group.nodes]
        expanders = tuple(name for name in names if (*scope, name) in self.routes)
        outputs = [name for name in names if name in self.routes.get(scope, ()) or name in expanders]
        reads = [read.name for read in self.outer[group.base_id]]
        computed = [node for node in group.nodes if node.name not in self.given]
        return TaskSpec(
            base_id=group.base_id,
            spawning_task_base_id=self.makers[scope[-1]] if scope else None,
            nodes=tuple(group.nodes),
            purpose=group.purpose,
            outputs_to_compute=tuple(outputs),
            base_dependencies=tuple(self._needed(group)),
            plan=plan_task(computed, [self.graph[name] for name in reads], outputs),
            scope=scope,
            reads=tuple(reads),
            expanders=expanders,
            needs=needs_of(computed),
        )


def _check_groups(groups: Sequence[NodeGroup], nodes: Sequence[Node], strategy: str) -> None:
    held = Counter(node.name for group in groups for node in group.nodes)
    wrong = [node.name for node in nodes if held[node.name] != 1]
    if wrong or len(held) != len(nodes):
        raise HeadwaterError(
            f"The grouping strategy {strategy} must put every node that it is given into one group, and no "
            f"other. It does not do so for {', '.join(map(repr, wrong)) or 'nodes that it was not given'}."
        )
    twice = [base_id for base_id, count in Counter(group.base_id for group in groups).items() if count > 1]
    if twice:
        raise HeadwaterError(
            f"The grouping strategy {strategy} makes several groups named '{twice[0]}'. Give each a base_id "
            "of its own."
        )


def _parts(group: NodeGroup, key: Callable[[Node], Any]) -> list[NodeGroup]:
    parts: dict[Any, list[Node]] = {}
    for node in group.nodes:
        parts.setdefault(key(node), []).append(node)
    if len(parts) == 1:
        return [group]
    return [
        NodeGroup(f"{group.base_id}-{number}", None, nodes, _purpose_of_part(nodes))
        for number, (_, nodes) in enumerate(sorted(parts.items(), key=lambda part: part[0]), 1)
    ]


def _purpose_of_part(nodes: Iterable[Node]) -> NodeGroupPurpose:
    nodes = list(nodes)
    if any(map(is_expander, nodes)):
        return NodeGroupPurpose.EXPAND_UNORDERED
    if all(any(is_collected(argument.type) for argument in node.arguments) for node in nodes):
        return NodeGroupPurpose.GATHER
    return NodeGroupPurpose.EXECUTE_BLOCK
