"""What an executor is, and what it hands back for a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from headwater.errors import HeadwaterError
from headwater.executors.held import Held
from headwater.executors.needs import Needs
from headwater.executors.tasks import (
    RunContext,
    TaskImplementation,
    TaskSpec,
    TaskState,
    base_execute_task,
)

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = [
    "PoolExecutor",
    "TaskExecutor",
    "TaskFuture",
    "TaskFutureWrappingPythonFuture",
    "in_use",
]


class TaskFuture(Protocol):
    """A task that an executor has taken.

    A future may also have `add_done_callback(function)`, which calls the function with anything, from any
    thread, once the state is final; one that has not is asked for its state again and again.

    It may have `promised()`, which returns, as soon as the executor has taken the task, a `Held` for each
    output that can be handed on before it is there, by name. Tasks of the same executor that read them are
    then submitted at once. The elements of a fan-out are never among them, since nobody knows how many.
    """

    def get_state(self) -> TaskState:
        """Return how far the task has come, without waiting for another process."""

    def get_result(self) -> Any:
        """Return the outputs of a finished task by name, the values themselves or `Held` in their place.

        For the elements of a fan-out that stay elsewhere it is a `Gathered` with a `Held` for each.

        Raises:
            Exception: What ended the task.
        """


class TaskExecutor(ABC):
    """Runs tasks somewhere, each by calling `base_execute_task` with it.

    An executor is used for one execution at a time: `init`, any number of `submit_task`, `finalize`.

    Values come back by default. An executor that keeps them where they are computed hands out `Held` in
    their place, is given those again as inputs (also inside of `Gathered`), and fetches what is wanted here.

    Attributes:
        accepts_pending: Whether the executor can take a task before its inputs are there, and takes as many
            as it is given: then `submit_tasks` gets all tasks that are ready, those that read what these
            promise follow in further calls, and `flush` once there are no more.
    """

    accepts_pending: bool = False

    @abstractmethod
    def init(self) -> None:
        """Take what is needed to run tasks."""

    @abstractmethod
    def finalize(self) -> None:
        """Give back what was taken; called after every execution, whether it failed or not."""

    @abstractmethod
    def submit_task(self, task: TaskImplementation) -> TaskFuture:
        """Take a task, and return at once."""

    @abstractmethod
    def can_submit_task(self) -> bool:
        """Tell whether there is room for another task."""

    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:  # noqa: B027, most need nothing
        """Learn, after `init`, of all tasks that may follow, so that code travels once and not with each.

        Where the rest of an execution is cut anew, of those that follow instead; then nothing runs.
        """

    def submit_tasks(self, tasks: Sequence[TaskImplementation]) -> Sequence[TaskFuture]:
        """Take tasks, and return at once; an executor may send many of them as one.

        Asked of executors that accept pending inputs. An element of a fan-out is a task like any other, with
        a future of its own.
        """
        return [self.submit_task(task) for task in tasks]

    def flush(self) -> None:  # noqa: B027, most keep nothing back
        """Send what was taken and is not sent; called when nothing more can be submitted for now."""

    def hold(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return a `Held` for each value that is better sent once than with every task that reads it.

        Asked, once an execution has begun, for values from outside that several tasks of this executor read.
        By default nothing is held.
        """
        return values

    def fetch(self, held: Sequence[Held]) -> Sequence[Any]:
        """Return the values that this executor holds, waiting for them where they are not there.

        Raises:
            NodeFailed: A value cannot be had, and what to do.
        """
        raise HeadwaterError(f"{type(self).__name__} holds no values.")

    def slots(self) -> int:
        """Return how many tasks run at once; known after `init`, 1 before where it depends on a cluster."""
        return 1

    def lacks(self, needs: Needs) -> str:
        """Return what of some needs no machine of the executor has, as "1 GPU"; empty where all is there.

        Asked after `init`. Executors of this machine take needs as wishes, and lack nothing.
        """
        return ""

    def cancel(self) -> None:  # noqa: B027, most need nothing
        """Give up what was taken and is not finished; called before `finalize` where an execution failed."""


def in_use(executor: TaskExecutor, beside: str = "") -> HeadwaterError:
    """Return the error of an executor that is to begin an execution while another one uses it.

    Args:
        executor: The executor.
        beside: What several may share, as the end of the sentence.
    """
    return HeadwaterError(
        f"This {type(executor).__name__} is in use by another execution. Give each driver, and each thread "
        f"that executes, an executor of its own{beside}."
    )


class TaskFutureWrappingPythonFuture:
    """A task behind a future such as those of `concurrent.futures`."""

    def __init__(self, future: Any) -> None:
        """Take the future."""
        self.future = future

    def get_state(self) -> TaskState:
        """Return how far the task has come."""
        if not self.future.done():
            return TaskState.RUNNING
        failed = self.future.cancelled() or self.future.exception() is not None
        return TaskState.FAILED if failed else TaskState.SUCCESSFUL

    def get_result(self) -> Any:
        """Return the outputs, None while the task is running, or raise what ended it."""
        return self.future.result() if self.future.done() else None

    def add_done_callback(self, function: Callable[[Any], object]) -> None:
        """Call a function once the task has ended."""
        self.future.add_done_callback(function)


class PoolExecutor(TaskExecutor):
    """Runs tasks in a pool of workers, at most `max_tasks` at once."""

    def __init__(self, max_tasks: int) -> None:
        """Take the number of workers.

        Raises:
            HeadwaterError: It is not a whole number above 0.
        """
        if not isinstance(max_tasks, int) or max_tasks < 1:
            raise HeadwaterError(
                f"{type(self).__name__}: max_tasks={max_tasks!r} cannot be used. Give a whole number, 1 or "
                "more: how many tasks may run at once."
            )
        self.max_tasks = max_tasks
        self.pool: Executor | None = None
        self.active_futures: list[Future[Any]] = []
        self.initialized = False

    @abstractmethod
    def create_pool(self) -> Executor:
        """Return a new pool."""

    def init(self) -> None:
        """Begin an execution; the pool is made when the first task comes.

        Raises:
            HeadwaterError: Another execution is using the executor.
        """
        if self.initialized:
            raise in_use(self)
        self.initialized = True

    def finalize(self) -> None:
        """Shut the pool down, and wait until nothing of it runs."""
        pool, self.pool = self.pool, None
        self.active_futures = []
        self.initialized = False
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def cancel(self) -> None:
        """Drop the tasks that no worker has begun."""
        for future in self.active_futures:
            future.cancel()

    def submit_task(self, task: TaskImplementation) -> TaskFuture:
        """Hand a task to the pool."""
        return TaskFutureWrappingPythonFuture(self.submit(base_execute_task, task))

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function in the pool.

        Raises:
            HeadwaterError: No execution has begun.
        """
        if not self.initialized:
            raise HeadwaterError(
                f"This {type(self).__name__} was not initialized. Call init() before a task."
            )
        if self.pool is None:
            self.pool = self.create_pool()
        future = self.pool.submit(function, *arguments)
        self.active_futures.append(future)
        return future

    def slots(self) -> int:
        """Return the number of workers."""
        return self.max_tasks

    def can_submit_task(self) -> bool:
        """Tell whether a worker is free."""
        if len(self.active_futures) >= self.max_tasks:
            self.active_futures = [future for future in self.active_futures if not future.done()]
        return len(self.active_futures) < self.max_tasks
