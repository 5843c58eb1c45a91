"""A grouping for executors whose cost is per task: chains and siblings fused, a few tasks to a level."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from headwater.errors import HeadwaterError
from headwater.executors.grouping import GroupByRepeatableBlocks, GroupingStrategy
from headwater.executors.tasks import NodeGroup, NodeGroupPurpose
from headwater.node import Node

__all__ = ["GroupChainsAndSiblings"]


class GroupChainsAndSiblings(GroupingStrategy):
    """Fuses single nodes into few tasks that can still run side by side.

    A node and its only reader become one task where the reader needs nothing else: nothing is lost by it.
    Then the groups that are equally far from the inputs are put together, those that read the same first,
    until there are no more than `width` of about the same cost. What a fan-out repeats stays as
    `GroupByRepeatableBlocks` has it.

    Args:
        width: How many tasks shall be able to run at once; by default the number of processors.
        costs: What nodes cost, for instance their seconds in an earlier run; 1 for those not named.
    """

    def __init__(self, width: int | None = None, costs: Mapping[str, float] | None = None) -> None:
        """Take the width and the costs.

        Raises:
            HeadwaterError: The width is below 1.
        """
        self.width = width if width is not None else os.cpu_count() or 1
        self.costs = dict(costs or {})
        if self.width < 1:
            raise HeadwaterError(f"GroupChainsAndSiblings: width={width} leaves no task. Give 1 or more.")

    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return the groups."""
        blocks = GroupByRepeatableBlocks().group_nodes(nodes)
        clusters = _Clusters(nodes, [group.nodes for group in blocks])
        fixed = {i for i, group in enumerate(blocks) if group.purpose is not NodeGroupPurpose.EXECUTE_SINGLE}
        clusters.fuse_chains(fixed)
        clusters.bundle(fixed, lambda level: self._bundles(level, clusters))
        clusters.fuse_chains(fixed)
        return [
            group
            if number in fixed
            else NodeGroup(f"fused-{members[-1].name}", None, members, NodeGroupPurpose.EXECUTE_BLOCK)
            for number, group in enumerate(blocks)
            if (members := clusters.members[number])
        ]

    def _bundles(self, level: Sequence[int], clusters: _Clusters) -> Iterable[list[int]]:
        """Split the clusters of a level into bundles of about the same cost."""
        ordered = sorted(level, key=lambda number: (sorted(clusters.sources[number]), number))
        costs = {number: self._cost(clusters.members[number]) for number in ordered}
        share = sum(costs.values()) / self.width
        bundles: list[list[int]] = [[] for _ in range(self.width)]
        spent = 0.0
        for number in ordered:
            # The middle of what it adds says into which share it falls.
            place = int((spent + costs[number] / 2) / share) if share else 0
            bundles[min(place, self.width - 1)].append(number)
            spent += costs[number]
        return filter(None, bundles)

    def _cost(self, nodes: Iterable[Node]) -> float:
        return sum(self.costs.get(node.name, 1.0) for node in nodes)


class _Clusters:
    """Groups of nodes by number, and which reads which; a cluster that was put into another is empty."""

    def __init__(self, nodes: Sequence[Node], groups: Sequence[Sequence[Node]]) -> None:
        self.members = [list(group) for group in groups]
        self._places = {node.name: place for place, node in enumerate(nodes)}
        home = {node.name: number for number, group in enumerate(groups) for node in group}
        self.sources: list[set[int]] = [set() for _ in groups]
        self.readers: list[set[int]] = [set() for _ in groups]
        for number, group in enumerate(groups):
            read = {home[name] for node in group for name in node.dependencies if name in home} - {number}
            self.sources[number] = read
            for source in read:
                self.readers[source].add(number)

    def fuse_chains(self, fixed: set[int]) -> None:
        """Put every cluster to its only source, where that has no other reader."""
        for number in range(len(self.members)):
            if number in fixed or len(self.sources[number]) != 1:
                continue
            (source,) = self.sources[number]
            if source not in fixed and len(self.readers[source]) == 1:
                self._merge(number, into=source)

    def bundle(self, fixed: set[int], split: Callable[[Sequence[int]], Iterable[list[int]]]) -> None:
        """Put clusters of one level together, which cannot need each other, as `split` says."""
        for level in self._levels():
            for bundle in split([number for number in level if number not in fixed]):
                for number in bundle[1:]:
                    self._merge(number, into=bundle[0])

    def _merge(self, number: int, into: int) -> None:
        joined = self.members[into] + self.members[number]
        self.members[into] = sorted(joined, key=lambda node: self._places[node.name])
        self.members[number] = []
        for source in self.sources[number]:
            self.readers[source].discard(number)
            self.readers[source].add(into)
        for reader in self.readers[number]:
            self.sources[reader].discard(number)
            self.sources[reader].add(into)
        self.sources[into] = (self.sources[into] | self.sources[number]) - {into}
        self.readers[into] = (self.readers[into] | self.readers[number]) - {into}
        self.sources[number], self.readers[number] = set(), set()

    def _levels(self) -> list[list[int]]:
        """Return clusters by the length of the longest way to them; not those behind a circle of blocks."""
        missing = {number: len(self.sources[number]) for number, found in enumerate(self.members) if found}
        levels: list[list[int]] = []
        level = [number for number, count in missing.items() if not count]
        while level:
            levels.append(level)
            level = [reader for number in level for reader in self._freed(number, missing)]
        return levels

    def _freed(self, number: int, missing: dict[int, int]) -> list[int]:
        for reader in self.readers[number]:
            missing[reader] -= 1
        return sorted(reader for reader in self.readers[number] if not missing[reader])
