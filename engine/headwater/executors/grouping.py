"""Strategies that group nodes into tasks, under Hamilton's names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from headwater.executors.fanout import FanOuts
from headwater.executors.tasks import (
    NodeGroup,
    NodeGroupPurpose,
    TaskImplementation,
    TaskSpec,
    is_expander,
)
from headwater.node import Node

__all__ = [
    "GroupByRepeatableBlocks",
    "GroupNodesAllAsOne",
    "GroupNodesByLevel",
    "GroupNodesIndividually",
    "GroupingStrategy",
    "NodeGroup",
    "NodeGroupPurpose",
    "TaskImplementation",
    "TaskSpec",
]


class GroupingStrategy(ABC):
    """Proposes which nodes run together as one task.

    What a fan-out repeats cannot share a task with what it does not, so a group that spans both is split.
    """

    @abstractmethod
    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return groups that hold each node once.

        Args:
            nodes: The nodes that are to be computed, each after those that it reads.
        """


class GroupByRepeatableBlocks(GroupingStrategy):
    """Groups what a fan-out repeats, so that it can run elsewhere, and leaves every other node by itself."""

    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return a group for each fan-out: what makes it, what it repeats, what collects from it."""
        fan_outs = FanOuts(nodes)
        groups: dict[str, NodeGroup] = {}
        for node in nodes:
            base_id, purpose = _place(node, fan_outs)
            if base_id not in groups:
                groups[base_id] = NodeGroup(base_id, None, [], purpose)
            groups[base_id].nodes.append(node)
        return list(groups.values())


def _place(node: Node, fan_outs: FanOuts) -> tuple[str, NodeGroupPurpose]:
    if is_expander(node):
        return f"expand-{node.name}", NodeGroupPurpose.EXPAND_UNORDERED
    gathered = fan_outs.gathered(node)
    if gathered is not None:
        return f"collect-{gathered}", NodeGroupPurpose.GATHER
    scope = fan_outs.scopes[node.name]
    if scope:
        return f"block-{scope[-1]}", NodeGroupPurpose.EXECUTE_BLOCK
    return node.name, NodeGroupPurpose.EXECUTE_SINGLE


class GroupNodesIndividually(GroupingStrategy):
    """Makes every node a task."""

    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return a group for each node."""
        fan_outs = FanOuts(nodes)
        return [NodeGroup(node.name, None, [node], _purpose(node, fan_outs)) for node in nodes]


def _purpose(node: Node, fan_outs: FanOuts) -> NodeGroupPurpose:
    _, purpose = _place(node, fan_outs)
    single = purpose is NodeGroupPurpose.EXECUTE_SINGLE
    return NodeGroupPurpose.EXECUTE_BLOCK if single else purpose


class GroupNodesAllAsOne(GroupingStrategy):
    """Makes the whole graph one task, apart from what a fan-out repeats."""

    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return one group."""
        return [NodeGroup("root", None, list(nodes), NodeGroupPurpose.EXECUTE_BLOCK)]


class GroupNodesByLevel(GroupingStrategy):
    """Makes a task of the nodes that are equally far from the inputs."""

    def group_nodes(self, nodes: list[Node]) -> list[NodeGroup]:
        """Return a group for each level."""
        levels: dict[int, list[Node]] = {}
        for node, level in zip(nodes, _levels(nodes), strict=True):
            levels.setdefault(level, []).append(node)
        return [
            NodeGroup(f"level_{level}", None, found, NodeGroupPurpose.EXECUTE_BLOCK)
            for level, found in sorted(levels.items())
        ]


def _levels(nodes: Sequence[Node]) -> list[int]:
    """Return for each node how many others the longest way to it has, the nodes being in order."""
    levels: dict[str, int] = {}
    for node in nodes:
        levels[node.name] = max((levels.get(name, -1) + 1 for name in node.dependencies), default=0)
    return list(levels.values())
