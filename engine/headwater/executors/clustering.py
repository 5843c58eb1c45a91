"""Nodes put together into clusters, none of which comes to need itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from headwater.node import Node

__all__ = ["Clusters"]


class Clusters:
    """Groups of nodes by number, and which reads which; a cluster that was put into another is empty.

    Attributes:
        members: The nodes of each cluster, in no order; see `ordered`.
        kinds: What only clusters of the same kind share; None for those that stay as they are.
        sources: The clusters that each reads.
        readers: The clusters that read each.
    """

    def __init__(
        self, nodes: Sequence[Node], groups: Sequence[Sequence[Node]], kinds: Sequence[Hashable]
    ) -> None:
        """Take nodes, each after those that it reads, and the groups they are in."""
        self.members = [list(group) for group in groups]
        self.kinds = list(kinds)
        self._places = {node.name: place for place, node in enumerate(nodes)}
        home = {node.name: number for number, group in enumerate(groups) for node in group}
        self.sources: list[set[int]] = [set() for _ in groups]
        self.readers: list[set[int]] = [set() for _ in groups]
        for number, group in enumerate(groups):
            read = {home[name] for node in group for name in node.dependencies if name in home} - {number}
            self.sources[number] = read
            for source in read:
                self.readers[source].add(number)

    def ordered(self, number: int) -> list[Node]:
        """Return the nodes of a cluster, each after those that it reads."""
        return sorted(self.members[number], key=lambda node: self._places[node.name])

    def fuse_chains(self) -> None:
        """Put every cluster to its only source, where that has no other reader."""
        for number in range(len(self.members)):
            if len(self.sources[number]) != 1:
                continue
            (source,) = self.sources[number]
            if self._alike(number, source) and len(self.readers[source]) == 1:
                self._merge(number, into=source)

    def bundle(self, split: Callable[[Sequence[int]], Iterable[list[int]]]) -> None:
        """Put clusters of one level and kind together, which cannot need each other, as `split` says."""
        for level in self._levels():
            alike: dict[Hashable, list[int]] = {}
            for number in level:
                if self.kinds[number] is not None:
                    alike.setdefault(self.kinds[number], []).append(number)
            for numbers in alike.values():
                for bundle in split(numbers):
                    for number in bundle[1:]:
                        self._merge(number, into=bundle[0])

    def fuse_without_delay(
        self, most: int | None = None, is_brief: Callable[[Sequence[Node]], bool] = lambda nodes: False
    ) -> None:
        """Put clusters to a source where nothing has to wait for that which would not wait anyway.

        All else that the cluster reads must be there before the source begins; then no way leads from the
        source to the cluster through a third one, so that no cluster comes to need itself. All else that
        reads the source must need the cluster, too, unless that is brief.

        Args:
            most: How many nodes may come together; None for any number.
            is_brief: Tells whether to wait for nodes is less than what a task costs.
        """
        order = [number for level in self._levels() for number in level]
        before: dict[int, int] = {}  # the clusters that must be done before each one, as bits
        for number in order:
            before[number] = 0
            for source in self.sources[number]:
                before[number] |= before[source] | 1 << source
        for number in order:
            for source in sorted(self.sources[number]):
                others = sum(1 << other for other in self.sources[number] if other != source)
                if (
                    self._alike(number, source)
                    and (most is None or len(self.members[number]) + len(self.members[source]) <= most)
                    and others & ~before[source] == 0
                    and (
                        all(before.get(r, 0) >> number & 1 for r in self.readers[source] if r != number)
                        or is_brief(self.members[number])
                    )
                ):
                    self._merge(number, into=source)
                    break

    def _alike(self, one: int, other: int) -> bool:
        return self.kinds[one] is not None and self.kinds[one] == self.kinds[other]

    def _merge(self, number: int, into: int) -> None:
        self.members[into] += self.members[number]
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
