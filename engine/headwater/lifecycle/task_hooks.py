"""The classes that people extend to be told of tasks, the groups of nodes that executors get."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from headwater.lifecycle.base import (
    BasePostTaskExecute,
    BasePostTaskExpand,
    BasePostTaskGroup,
    BasePostTaskReturn,
    BasePreTaskExecute,
    BasePreTaskSubmission,
)
from headwater.lifecycle.views import NodeView

if TYPE_CHECKING:
    from headwater.graph_types import HamiltonNode

__all__ = ["TaskExecutionHook", "TaskGroupingHook", "TaskReturnHook", "TaskSubmissionHook"]


class TaskSubmissionHook(BasePreTaskSubmission, ABC):
    """Is told of each task before an executor gets it, in the process of the driver."""

    @abstractmethod
    def run_before_task_submission(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[NodeView],
        inputs: dict[str, Any],
        overrides: dict[str, Any],
        spawning_task_id: str | None,
        purpose: Any,
        **future_kwargs: Any,
    ) -> None:
        """Take note of a task that will be submitted.

        Args:
            run_id: The execution it belongs to.
            task_id: The task.
            nodes: Its nodes.
            inputs: Values from other tasks and from outside, by name.
            overrides: Values that take the place of nodes, by name.
            spawning_task_id: The task that made it; None where it comes from the graph.
            purpose: What it is for, a `NodeGroupPurpose`.
            **future_kwargs: What later versions add.
        """

    def pre_task_submission(self, **facts: Any) -> None:
        """Tell `run_before_task_submission`."""
        self.run_before_task_submission(**facts)


class TaskReturnHook(BasePostTaskReturn, ABC):
    """Is told of each task that an executor gives back, in the process of the driver."""

    @abstractmethod
    def run_after_task_return(
        self,
        *,
        run_id: str,
        task_id: str,
        nodes: Sequence[NodeView],
        result: Any,
        success: bool,
        error: BaseException | None,
        spawning_task_id: str | None,
        purpose: Any,
        **future_kwargs: Any,
    ) -> None:
        """Take note of how a task ended.

        Args:
            run_id: The execution it belongs to.
            task_id: The task.
            nodes: Its nodes.
            result: Its values by name; None where it failed.
            success: Whether it did not fail.
            error: What was raised; None where it did not fail.
            spawning_task_id: The task that made it; None where it comes from the graph.
            purpose: What it is for, a `NodeGroupPurpose`.
            **future_kwargs: What later versions add.
        """

    def post_task_return(self, **facts: Any) -> None:
        """Tell `run_after_task_return`."""
        self.run_after_task_return(**facts)


class TaskExecutionHook(BasePreTaskExecute, BasePostTaskExecute, ABC):
    """Is told of each task before its first node and after its last, where it is executed."""

    @abstractmethod
    def run_before_task_execution(
        self,
        *,
        task_id: str,
        run_id: str,
        nodes: list[HamiltonNode],
        inputs: dict[str, Any],
        overrides: dict[str, Any],
        spawning_task_id: str | None,
        purpose: Any,
        **future_kwargs: Any,
    ) -> None:
        """Take note of a task that begins; see `TaskSubmissionHook` for what it is told."""

    @abstractmethod
    def run_after_task_execution(
        self,
        *,
        task_id: str,
        run_id: str,
        nodes: list[HamiltonNode],
        results: dict[str, Any] | None,
        success: bool,
        error: BaseException | None,
        spawning_task_id: str | None,
        purpose: Any,
        **future_kwargs: Any,
    ) -> None:
        """Take note of how a task ended; see `TaskReturnHook` for what it is told."""

    def pre_task_execute(self, *, nodes: Sequence[NodeView], **facts: Any) -> None:
        """Tell `run_before_task_execution`."""
        self.run_before_task_execution(nodes=_described(nodes), **facts)

    def post_task_execute(self, *, nodes: Sequence[NodeView], **facts: Any) -> None:
        """Tell `run_after_task_execution`."""
        self.run_after_task_execution(nodes=_described(nodes), **facts)


class TaskGroupingHook(BasePostTaskGroup, BasePostTaskExpand, ABC):
    """Is told of the tasks into which a graph is cut, and of those that a `Parallelizable` makes."""

    @abstractmethod
    def run_after_task_grouping(self, *, run_id: str, task_ids: list[str], **future_kwargs: Any) -> None:
        """Take note of the tasks into which a graph was cut."""

    @abstractmethod
    def run_after_task_expansion(
        self, *, run_id: str, task_id: str, parameters: dict[str, Any], **future_kwargs: Any
    ) -> None:
        """Take note of the tasks that one task made, with the parameters of each."""

    @final
    def post_task_group(self, *, run_id: str, task_ids: list[str]) -> None:
        """Tell `run_after_task_grouping`."""
        self.run_after_task_grouping(run_id=run_id, task_ids=task_ids)

    @final
    def post_task_expand(self, *, run_id: str, task_id: str, parameters: Mapping[str, Any]) -> None:
        """Tell `run_after_task_expansion`."""
        self.run_after_task_expansion(run_id=run_id, task_id=task_id, parameters=dict(parameters))


def _described(nodes: Sequence[NodeView]) -> list[HamiltonNode]:
    from headwater.graph_types import HamiltonNode

    return [HamiltonNode.of(view.node) for view in nodes]
