"""Group the nodes of a graph into tasks that can run one after the other, by a label of each node or by cost.

No two groups may need each other, however far around. So nodes of one label become one group unless a way
between two of them leads through nodes of others; then they become as few groups as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from headwater.executors.fanout import FanOuts
from headwater.executors.fusing import GroupByCost
from headwater.executors.needs import Needs, needs_of
from headwater.graph import topological
from headwater.node import Node

__all__ = ["Group", "group_by_cost", "group_nodes"]


@dataclass(slots=True)
class Group:
    """Nodes that are computed together.

    Attributes:
        label: What they have in common.
        nodes: Their names, in order.
    """

    label: str
    nodes: list[str]


def group_nodes(nodes: Sequence[Node], labels: Mapping[str, str]) -> list[Group]:
    """Return groups of nodes of one label, each after those that it needs.

    What a fan-out repeats stays together, and so do the nodes of one feature.

    Args:
        nodes: The nodes, each after those that it reads.
        labels: What each is grouped by.
    """
    needs, units = _units(nodes)
    label_of = {unit: _label(unit, members, labels) for unit, members in units.items()}
    groups = _Groups(units, needs)
    order = groups.ordered()
    depth: dict[str, int] = {}
    for unit in order:  # an edge to another label always leads deeper, so no two groups need each other
        depth[unit] = max(
            (depth[each] + (label_of[each] != label_of[unit]) for each in groups.sources[unit]), default=0
        )
    first: dict[tuple[str, int], str] = {}
    for unit in order:
        key = (label_of[unit], depth[unit])
        if key in first:
            groups.merge(unit, into=first[key])
        else:
            first[key] = unit
    _join_same(groups, first)
    return groups.told(nodes, label_of)


def group_by_cost(nodes: Sequence[Node], grouping: GroupByCost) -> list[Group]:
    """Return groups of nodes that are each worth a task, each after those that it needs.

    What a fan-out repeats stays together, and so do the nodes of one feature. A group has the name of the
    node that costs most.

    Args:
        nodes: The nodes, each after those that it reads.
        grouping: What engines group by, with what a task and each node cost.
    """
    needs, units = _units(nodes)
    by_name = {node.name: node for node in nodes}
    parts = [[by_name[name] for name in members] for members in units.values()]
    fused = [group for group in grouping.fuse(nodes, parts, [_kind(part) for part in parts]) if group]
    groups = _Groups({group[0].name: [node.name for node in group] for group in fused}, needs)
    costly = {
        group[0].name: max(group, key=lambda node: grouping.costs.get(node.name, 0.0)).name for group in fused
    }
    return groups.told(nodes, costly)


def _kind(nodes: Iterable[Node]) -> Needs:
    """Return what a machine must have for nodes: those that need unlike things do not share a task."""
    needs = needs_of(nodes)
    return replace(needs, seconds=None, attempts=None)


def _label(unit: str, members: Iterable[str], labels: Mapping[str, str]) -> str:
    return labels[unit] if unit in labels else next(labels[name] for name in members)


def _units(nodes: Sequence[Node]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return what each node reads of the others, and what stays together, by the node that stands for it."""
    places = {node.name for node in nodes}
    needs = {node.name: [each for each in node.dependencies if each in places] for node in nodes}
    leader = {node.name: node.name for node in nodes}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    def join(one: str, other: str) -> None:
        leader[find(one)] = find(other)

    fan_outs = FanOuts(nodes)
    for node in nodes:
        if node.feature in leader:
            join(node.name, node.feature)
        if scope := fan_outs.scopes[node.name]:
            join(node.name, scope[0])
        for read in fan_outs.reads[node.name]:
            if read.gathers is not None and read.gathers in leader:
                join(node.name, read.gathers)
    while True:  # a way out of what stays together and back again takes what is on it along
        around = _circle({name: find(name) for name in leader}, needs)
        if around is None:
            units: dict[str, list[str]] = {}
            for name in leader:
                units.setdefault(find(name), []).append(name)
            return needs, units
        for other in around[1:]:
            join(around[0], other)


def _circle(units: Mapping[str, str], needs: Mapping[str, Sequence[str]]) -> list[str] | None:
    between: dict[str, dict[str, None]] = {unit: {} for unit in units.values()}
    for name, read in needs.items():
        between[units[name]].update((units[each], None) for each in read if units[each] != units[name])
    return topological(between, between.__getitem__)[1]


class _Groups:
    """Groups by the node that stands for each, and which needs which."""

    def __init__(self, members: Mapping[str, list[str]], needs: Mapping[str, Sequence[str]]) -> None:
        self.members = {unit: list(names) for unit, names in members.items()}
        home = {name: unit for unit, names in members.items() for name in names}
        self.sources: dict[str, set[str]] = {unit: set() for unit in members}
        self.readers: dict[str, set[str]] = {unit: set() for unit in members}
        for name, read in needs.items():
            for each in read:
                if home[each] != home[name]:
                    self.sources[home[name]].add(home[each])
                    self.readers[home[each]].add(home[name])

    def ordered(self) -> list[str]:
        """Return the groups, each after those that it needs; the same whatever way they were made."""
        order, around = topological(self.members, lambda unit: sorted(self.sources[unit]))
        assert around is None, around
        return order

    def told(self, nodes: Sequence[Node], labels: Mapping[str, str]) -> list[Group]:
        """Return the groups by labels of those that stand for them, each after those that it needs."""
        places = {node.name: place for place, node in enumerate(nodes)}
        return [
            Group(labels[unit], sorted(self.members[unit], key=places.__getitem__)) for unit in self.ordered()
        ]

    def merge(self, unit: str, into: str) -> None:
        """Put one group to another."""
        self.members[into] += self.members.pop(unit)
        for source in self.sources.pop(unit):
            self.readers[source].discard(unit)
            if source != into:
                self.readers[source].add(into)
                self.sources[into].add(source)
        for reader in self.readers.pop(unit):
            self.sources[reader].discard(unit)
            if reader != into:
                self.sources[reader].add(into)
                self.readers[into].add(reader)

    def can_merge(self, one: str, other: str) -> bool:
        """Tell whether no way between two groups leads through a third."""
        return not self._leads(one, other) and not self._leads(other, one)

    def _leads(self, start: str, end: str) -> bool:
        pending = [each for each in self.readers[start] if each != end]
        seen = set(pending)
        while pending:
            for reader in self.readers[pending.pop()]:
                if reader == end:
                    return True
                if reader not in seen:
                    seen.add(reader)
                    pending.append(reader)
        return False


def _join_same(groups: _Groups, first: Mapping[tuple[str, int], str]) -> None:
    """Join groups of one label that were taken apart for nothing."""
    by_label: dict[str, list[str]] = {}
    for (label, _), unit in sorted(first.items()):
        for other in by_label.setdefault(label, []):
            if groups.can_merge(other, unit):
                groups.merge(unit, into=other)
                break
        else:
            by_label[label].append(unit)
