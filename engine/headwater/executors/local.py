"""Executors of this process: the thread of the execution, and a pool of threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from headwater.executors.base import PoolExecutor, TaskExecutor
from headwater.executors.tasks import TaskImplementation, TaskState, base_execute_task

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["MultiThreadingExecutor", "SynchronousLocalTaskExecutor", "TaskFutureWrappingFunction"]


class TaskFutureWrappingFunction:
    """A task that runs, in the thread that asks, when its state or result is first asked for."""

    def __init__(self, function: Callable[[], Any]) -> None:
        """Take what computes the outputs."""
        self._function: Callable[[], Any] | None = function
        self._result: Any = None
        self._error: Exception | None = None

    def get_state(self) -> TaskState:
        """Run the task if that has not been done, and return how it ended."""
        function, self._function = self._function, None
        if function is not None:
            try:
                self._result = function()
            except Exception as error:
                self._error = error
        return TaskState.SUCCESSFUL if self._error is None else TaskState.FAILED

    def get_result(self) -> Any:
        """Return the outputs, or raise what ended the task."""
        self.get_state()
        if self._error is not None:
            raise self._error
        return self._result

    @property
    def is_pending(self) -> bool:
        """Tell whether the task has not been run."""
        return self._function is not None


class SynchronousLocalTaskExecutor(TaskExecutor):
    """Runs tasks in the thread of the execution, one after the other."""

    def __init__(self) -> None:
        """Take nothing."""
        self._last: TaskFutureWrappingFunction | None = None

    def init(self) -> None:
        """Forget what an earlier execution may have left."""
        self._last = None

    def finalize(self) -> None:
        """Let go of the last task."""
        self._last = None

    def submit_task(self, task: TaskImplementation) -> TaskFutureWrappingFunction:
        """Return a future that runs the task when it is asked."""
        self._last = TaskFutureWrappingFunction(partial(base_execute_task, task))
        return self._last

    def can_submit_task(self) -> bool:
        """Tell whether the task before has been run."""
        last = self._last
        if last is not None and not last.is_pending:
            self._last = last = None  # its values must not outlive it
        return last is None


class MultiThreadingExecutor(PoolExecutor):
    """Runs tasks in threads of this process: for waiting on others, and for code that releases the lock."""

    def create_pool(self) -> Executor:
        """Return a pool of threads."""
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.max_tasks, thread_name_prefix="headwater-task")
