"""Groupings for executors whose cost is per task: nodes fused into tasks that are worth it."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import copy

from headwater.errors import HeadwaterError
from headwater.executors.clustering import Clusters
from headwater.executors.grouping import GroupByRepeatableBlocks, GroupingStrategy
from headwater.executors.needs import needs_of
from headwater.executors.tasks import NodeGroup, NodeGroupPurpose
from headwater.node import Node

__all__ = ["GroupByCost", "GroupChainsAndSiblings"]

_WORTH = 5
"""A task shall take this many times what it costs to have it run elsewhere, so that four fifths are work."""


_SPARE, _AMPLE = 4, 10
"""So many groups for each slot may remain where each is known to be ample, so many times what makes it worth
a task: who is done early takes another, and nobody waits for the slowest of two halves."""


class GroupByCost(GroupingStrategy):
    """Fuses single nodes into few tasks that can still run side by side, where that is worth their cost.

    A node and its only reader become one task where the reader needs nothing else: nothing is lost by it.
    Then the groups that are equally far from the inputs are put together, those that read the same first,
    until there are no more than `slots`, and each is worth a task by what its nodes are known to cost: of a
    small graph of known costs one task remains, of nodes that are known to take long up to four for a slot.
    At last groups follow each other in one task where nothing that could run has to wait for that, or for no
    longer than a task costs. Nodes that need unlike things, as a GPU, never share a task. What a fan-out
    repeats stays as `GroupByRepeatableBlocks` has it.

    Args:
        slots: How many tasks run at once, or what tells it; by default the number of processors.
        cost_of_task: Seconds that a task costs by itself: of being sent, scheduled and answered.
        costs: Seconds that nodes take. Those of other nodes are learned from the first execution in which
            they are measured; until then each counts as worth a task of its own, or where tasks are sent one
            level after the other as in Spark, as much as the nodes that are done (see `Regrouping`).
    """

    def __init__(
        self,
        slots: int | Callable[[], int] | None = None,
        cost_of_task: float = 0.01,
        costs: Mapping[str, float] | None = None,
    ) -> None:
        """Take what is known of costs.

        Raises:
            HeadwaterError: The number of slots is below 1, or the cost of a task below 0.
        """
        if isinstance(slots, int) and slots < 1:
            raise HeadwaterError(f"{type(self).__name__}: {slots} leaves no task. Give 1 or more.")
        if cost_of_task < 0:
            raise HeadwaterError(f"{type(self).__name__}: cost_of_task={cost_of_task} is below 0.")
        self.slots = slots
        self.cost_of_task = cost_of_task
        self.costs = dict(costs or {})
        self.learned = 0
        self._expected = _WORTH * cost_of_task
        self._most: int | None = None

    def learn(self, seconds: Mapping[str, float]) -> None:
        """Take what nodes took, for later executions; what is known already stays, so that groups settle."""
        unknown = {name: spent for name, spent in seconds.items() if name not in self.costs}
        if unknown:
            self.costs.update(unknown)
            self.learned += 1

    def is_uncertain(self, nodes: Iterable[Node]) -> bool:
        """Tell whether nodes could be grouped better if more were known of them."""
        return self.cost_of_task > 0 and any(node.name not in self.costs for node in nodes)

    def expecting(self, seconds: float, most: int) -> GroupByCost:
        """Return what groups alike, but for nodes of unknown cost.

        Args:
            seconds: What these are taken to cost.
            most: How many nodes may share a task, since they may cost more.
        """
        expecting = copy(self)
        expecting._expected, expecting._most = seconds, most
        return expecting

    def would_split(self, nodes: Sequence[Node]) -> bool:
        """Tell whether nodes are worth more than one task, if they can run side by side."""
        return len(nodes) > 1 and self._cost(nodes) >= 2 * _WORTH * self.cost_of_task

    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return the groups."""
        blocks = GroupByRepeatableBlocks().group_nodes(nodes)
        fused = self.fuse(
            nodes,
            [group.nodes for group in blocks],
            [
                None if group.purpose is not NodeGroupPurpose.EXECUTE_SINGLE else needs_of(group.nodes)
                for group in blocks
            ],
        )
        return [
            group
            if group.purpose is not NodeGroupPurpose.EXECUTE_SINGLE
            else NodeGroup(f"fused-{members[-1].name}", None, members, NodeGroupPurpose.EXECUTE_BLOCK)
            for group, members in zip(blocks, fused, strict=True)
            if members
        ]

    def fuse(
        self, nodes: Sequence[Node], groups: Sequence[Sequence[Node]], kinds: Sequence[Hashable]
    ) -> list[list[Node]]:
        """Return the nodes of each group, with those of the groups that were put to it; none of these.

        Args:
            nodes: The nodes, each after those that it reads.
            groups: Groups of them that are not taken apart, and none of which needs itself.
            kinds: What only groups of the same kind share; None for those that stay as they are.
        """
        clusters = Clusters(nodes, groups, kinds)
        width = self._width()
        clusters.fuse_chains()
        clusters.bundle(lambda level: self._bundles(level, clusters, width))
        clusters.fuse_without_delay(self._most, self._is_brief)
        return [clusters.ordered(number) for number in range(len(groups))]

    def _width(self) -> int:
        slots = self.slots() if callable(self.slots) else self.slots
        return max(1, slots if slots is not None else os.cpu_count() or 1)

    def _bundles(self, level: Sequence[int], clusters: Clusters, width: int) -> Iterable[list[int]]:
        """Split the clusters of a level into bundles of about the same cost, each of them worth a task."""
        ordered = sorted(level, key=lambda number: (sorted(clusters.sources[number]), number))
        costs = {number: self._cost(clusters.members[number]) for number in ordered}
        total = sum(costs.values())
        worth = _WORTH * self.cost_of_task
        if worth:
            known = sum(self.costs.get(node.name, 0.0) for each in level for node in clusters.members[each])
            ample = min(_SPARE * width, known / (_AMPLE * worth))
            width = int(min(max(width, ample), max(1, total / worth)))
        if self._most is not None:
            width = max(width, -(-sum(len(clusters.members[each]) for each in level) // self._most))
        share = total / width
        bundles: list[list[int]] = [[] for _ in range(width)]
        spent = 0.0
        for number in ordered:
            # The middle of what it adds says into which share it falls.
            place = int((spent + costs[number] / 2) / share) if share else 0
            bundles[min(place, width - 1)].append(number)
            spent += costs[number]
        return filter(None, bundles)

    def _is_brief(self, nodes: Sequence[Node]) -> bool:
        known = [self.costs[node.name] for node in nodes if node.name in self.costs]
        return len(known) == len(nodes) and sum(known) < self.cost_of_task

    def _cost(self, nodes: Iterable[Node]) -> float:
        return sum(self.costs.get(node.name, self._expected) for node in nodes)


class GroupChainsAndSiblings(GroupByCost):
    """Fuses single nodes into few tasks, a few to a level, whatever a task costs; see `GroupByCost`.

    Args:
        width: How many tasks shall be able to run at once; by default the number of processors.
        costs: What nodes cost, for instance their seconds in an earlier run; 1 for those not named.
    """

    def __init__(self, width: int | None = None, costs: Mapping[str, float] | None = None) -> None:
        """Take the width and the costs.

        Raises:
            HeadwaterError: The width is below 1.
        """
        if width is not None and width < 1:
            raise HeadwaterError(f"GroupChainsAndSiblings: width={width} leaves no task. Give 1 or more.")
        super().__init__(width, 0.0, costs)
        self.width = self._width()

    def learn(self, seconds: Mapping[str, float]) -> None:
        """Keep to the costs that were given."""

    def _cost(self, nodes: Iterable[Node]) -> float:
        return sum(self.costs.get(node.name, 1.0) for node in nodes)
