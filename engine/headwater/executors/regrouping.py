"""Executions whose rest is cut into tasks anew, once it is known what their nodes take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from headwater.executors.taskplan import TaskPlan, make_task_plan
from headwater.executors.tasks import TaskSpec
from headwater.graph import Graph

if TYPE_CHECKING:
    from headwater.executors.fusing import GroupByCost

__all__ = ["Regrouping"]


_TRUST = 10
"""So many times as many nodes as were measured may share a task because those took little."""


class Regrouping:
    """Cuts the rest of one execution by what its nodes have taken so far.

    Of nodes of unknown cost every level is cut for all that can run side by side. Where a task is dear, as on
    Spark, that is what small nodes then take; not to cut would leave heavy ones to one worker. So what is
    ready at first shows which they are: all others are taken to cost as much as those that were done last,
    and are cut by it. They may be of another kind, so no task gets many times as many nodes as were measured,
    and what is left is cut again whenever twice as many were: few times, also in a graph of many nodes.

    Args:
        graph: The graph of the execution.
        grouping: What it was cut by.
    """

    def __init__(self, graph: Graph, grouping: GroupByCost) -> None:
        """Take both."""
        self._graph = graph
        self._grouping = grouping
        self._measured = 0
        self._last: dict[str, float] = {}
        self._enough = 1

    def learn(self, seconds: Mapping[str, float]) -> None:
        """Take what nodes took."""
        self._last.update(seconds)

    def is_due(self, tasks: Callable[[], Sequence[TaskSpec]]) -> bool:
        """Tell whether what is left is to be cut anew, once nothing runs.

        Args:
            tasks: Gives the tasks that have not begun. It is asked only where enough has been measured.
        """
        if self._measured + len(self._last) < self._enough:
            return False
        left = tasks()
        # One task remains as it is, unless its nodes now seem to be worth several.
        return len(left) > 1 or (len(left) == 1 and self._expecting().would_split(left[0].nodes))

    def plan(self, outputs: Iterable[str], given: Collection[str]) -> TaskPlan:
        """Return the tasks that compute what is left of the outputs from what is there."""
        expecting = self._expecting()
        self._measured += len(self._last)
        self._enough = 2 * self._measured
        self._last = {}
        return make_task_plan(self._graph, outputs, given, expecting)

    def _expecting(self) -> GroupByCost:
        mean = sum(self._last.values()) / len(self._last)
        return self._grouping.expecting(mean, _TRUST * (self._measured + len(self._last)))
