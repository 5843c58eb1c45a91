"""Who decides which executor gets which task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from headwater.executors.base import TaskExecutor
from headwater.executors.local import SynchronousLocalTaskExecutor
from headwater.executors.processes import MultiProcessingExecutor
from headwater.executors.tasks import NodeGroupPurpose, TaskImplementation

__all__ = ["DefaultExecutionManager", "ExecutionManager", "SingleExecutionManager"]


class ExecutionManager(ABC):
    """Holds executors, and chooses one for each task."""

    def __init__(self, executors: Sequence[TaskExecutor]) -> None:
        """Take the executors; nothing is started."""
        self.executors = list({id(executor): executor for executor in executors}.values())

    def init(self) -> None:
        """Begin an execution in all executors, or in none where one of them fails."""
        begun: list[TaskExecutor] = []
        try:
            for executor in self.executors:
                executor.init()
                begun.append(executor)
        except BaseException:
            for executor in begun:
                executor.finalize()
            raise

    def finalize(self) -> None:
        """End the execution in all executors, also where one of them fails to."""
        failure: BaseException | None = None
        for executor in self.executors:
            try:
                executor.finalize()
            except BaseException as error:
                failure = failure or error
        if failure is not None:
            raise failure

    @abstractmethod
    def get_executor_for_task(self, task: TaskImplementation) -> TaskExecutor:
        """Return the executor that shall run a task, one of `executors`."""


class DefaultExecutionManager(ExecutionManager):
    """Runs what fan-outs repeat in one executor, and all else in another.

    Args:
        local_executor: For what makes the elements of a fan-out, what collects from it, and single nodes;
            by default the thread of the execution.
        remote_executor: For groups of nodes; by default five processes.
    """

    def __init__(
        self, local_executor: TaskExecutor | None = None, remote_executor: TaskExecutor | None = None
    ) -> None:
        """Take the executors."""
        self.local_executor = local_executor or SynchronousLocalTaskExecutor()
        self.remote_executor = remote_executor or MultiProcessingExecutor(max_tasks=5)
        super().__init__([self.local_executor, self.remote_executor])

    def get_executor_for_task(self, task: TaskImplementation) -> TaskExecutor:
        """Return the remote executor for groups of nodes."""
        if task.purpose is NodeGroupPurpose.EXECUTE_BLOCK:
            return self.remote_executor
        return self.local_executor


class SingleExecutionManager(ExecutionManager):
    """Runs all tasks in one executor, also those that make and collect the elements of fan-outs."""

    def __init__(self, executor: TaskExecutor) -> None:
        """Take the executor."""
        self.executor = executor
        super().__init__([executor])

    def get_executor_for_task(self, task: TaskImplementation) -> TaskExecutor:
        """Return the executor."""
        return self.executor
