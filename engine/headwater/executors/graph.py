"""Executions cut into tasks, as `Builder.enable_dynamic_execution` asks for them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors.fanout import find_dynamic
from headwater.executors.fusing import GroupByCost
from headwater.executors.grouping import GroupByRepeatableBlocks, GroupingStrategy
from headwater.executors.managers import ExecutionManager
from headwater.executors.regrouping import Regrouping
from headwater.executors.running import run_tasks
from headwater.executors.taskplan import TaskPlan, make_task_plan
from headwater.executors.tasks import RunContext
from headwater.graph import Graph
from headwater.node import Node
from headwater.plan import keep_plan

__all__ = ["InvalidExecutorException", "TaskBasedGraphExecutor", "require_static"]


class InvalidExecutorException(HeadwaterError):
    """A graph with fan-outs was asked of a driver that does not cut executions into tasks."""


class TaskBasedGraphExecutor:
    """Executes graphs task by task, and keeps the plans for the next time.

    Args:
        execution_manager: Says which executor gets which task.
        grouping_strategy: Proposes which nodes make a task.
    """

    def __init__(
        self, execution_manager: ExecutionManager, grouping_strategy: GroupingStrategy | None = None
    ) -> None:
        """Take the manager; nothing is started before `execute`."""
        self.execution_manager = execution_manager
        self.grouping_strategy = grouping_strategy or GroupByRepeatableBlocks()
        self._plans: dict[Hashable, tuple[Graph, TaskPlan]] = {}

    def plan(self, graph: Graph, outputs: Iterable[str], given: Iterable[str]) -> TaskPlan:
        """Return the tasks that compute outputs from values that are given.

        Raises:
            UnknownNode: No node has one of the names.
            MissingInput: Inputs that are needed were not given.
            DefinitionError: A node reads from two fan-outs, or collects what is none.
        """
        # A strategy that has learned costs groups otherwise than before.
        learned = getattr(self.grouping_strategy, "learned", 0)
        key = (tuple(outputs), frozenset(given), learned)
        known, plan = self._plans.get(key, (None, None))
        if plan is None or known is not graph:
            plan = make_task_plan(graph, key[0], key[1], self.grouping_strategy)
            keep_plan(self._plans, key, (graph, plan))
        return plan

    def execute(
        self,
        graph: Graph,
        outputs: Iterable[str],
        given: Mapping[str, Any],
        context: RunContext | None = None,
    ) -> dict[str, Any]:
        """Compute outputs.

        Args:
            graph: The graph of one configuration.
            outputs: Names wanted. Of a node that a fan-out repeats, the values for all elements are handed
                back in a list.
            given: Values from outside: configuration, inputs and overrides.
            context: Name of the execution, and what adapters want to do with its nodes and tasks.

        Raises:
            NodeFailed: A feature function raised, or a value could not travel; the exception is the cause.
            CheckFailed: A check of importance "fail" did not hold.
        """
        plan = self.plan(graph, outputs, given)
        grouping = self.grouping_strategy
        learn, regrouping = getattr(grouping, "learn", None), None
        if isinstance(grouping, GroupByCost) and grouping.is_uncertain(plan.nodes.values()):
            regrouping = Regrouping(graph, grouping)
        return run_tasks(plan, given, self.execution_manager, context or RunContext(), learn, regrouping)


def require_static(nodes: Iterable[Node]) -> None:
    """Refuse nodes that only an execution cut into tasks can compute.

    Raises:
        InvalidExecutorException: One of them fans out, or collects.
    """
    node = find_dynamic(nodes)
    if node is not None:
        raise InvalidExecutorException(
            f"{node.where} uses Parallelizable[...] or Collect[...], which a driver runs only when it "
            "is built with Builder().enable_dynamic_execution(allow_experimental_mode=True)."
        )
