"""Tasks that a Dask cluster has taken, and what is told where it does not give them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from headwater.errors import NodeFailed
from headwater.executors.dask_graph import Batch, Kept
from headwater.executors.held import Held
from headwater.executors.tasks import TaskState

if TYPE_CHECKING:
    from headwater.executors.dask_tasks import DaskExecutor

__all__ = ["Answer", "late", "lost"]


class Answer:
    """A task that the cluster has taken.

    Attributes:
        task: The task.
        batch: In which batch it went.
        number: The how-manieth task of that, counted from 0.
        seen: What was told last of how far it has come; see `Watch`.
        seconds: What its nodes took, once it is done.
    """

    def __init__(self, executor: DaskExecutor, batch: Batch, number: int) -> None:
        """Take where the task went."""
        self.batch = batch
        self.number = number
        self.task = batch.tasks[number]
        self.seen: Mapping[str, Any] = {}
        self.seconds: Mapping[str, float] = {}
        self._executor = executor
        spec = self.task.spec
        self._promised = {
            name: Held(executor, Kept(batch, (number, name)), is_pending=True)
            for name in spec.outputs_to_compute
            if name not in spec.expanders
        }
        self._outcome: dict[str, Any] | BaseException | None = None
        self._is_done = False
        self._lock = Lock()
        self._callbacks: list[Callable[[Any], object]] = []

    def promised(self) -> Mapping[str, Held]:
        """Return what stands for the outputs."""
        return self._promised

    def settle(self, outcome: dict[str, Any] | BaseException) -> None:
        """Take the outputs, or what ended the task; the first counts."""
        if self._outcome is None:
            self._outcome = outcome

    def end(self) -> None:
        """Tell who waits that the state is final."""
        with self._lock:
            callbacks, self._callbacks, self._is_done = self._callbacks, [], True
        for function in callbacks:
            function(self)

    def add_done_callback(self, function: Callable[[Any], object]) -> None:
        """Call a function once the task has ended."""
        with self._lock:
            if not self._is_done:
                self._callbacks.append(function)
                return
        function(self)

    def get_state(self) -> TaskState:
        """Return how far the task has come."""
        if not self._is_done:
            return TaskState.RUNNING
        return TaskState.FAILED if isinstance(self._opened(), BaseException) else TaskState.SUCCESSFUL

    def get_result(self) -> Any:
        """Return what stands for the outputs, None while the task is running, or raise what ended it."""
        if not self._is_done:
            return None
        outcome = self._opened()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _opened(self) -> dict[str, Any] | BaseException | None:
        if self._outcome is None:
            self._executor.read_replies()
        return self._outcome


def late(answer: Answer) -> NodeFailed:
    """Return the error of a node that takes longer than it may."""
    seen = answer.seen
    node = next(node for node in answer.task.nodes if node.name == seen["node"])
    return NodeFailed(
        f"{node.where} has been running for more than {seen['limit']:g} s, the most that its tag "
        "resources.seconds allows, and was given up. Allow more, or see why it takes so long.",
        node.name,
    )


def lost(answer: Answer, error: BaseException, workers: Iterable[Mapping[str, Any]]) -> NodeFailed:
    """Return the error of a task that the cluster gave up, with the node that was running, if known."""
    task, seen = answer.task, answer.seen
    name = seen.get("node", task.nodes[0].name)
    if type(error).__name__ != "KilledWorker":
        failed = NodeFailed(f"The Dask cluster gave up the task '{task.task_id}': {error}", name)
    else:
        where = f"{seen['place']} of {seen['of']} nodes of " if seen else ""
        names = f"'{name}'" if seen else ", ".join(f"'{node.name}'" for node in task.nodes)
        limits = [worker["memory_limit"] for worker in workers]
        memory = f" A worker may use {max(limits):,} bytes." if limits and all(limits) else ""
        failed = NodeFailed(
            f"Every worker that computed {names} ({where}the task '{task.task_id}') died: killed, perhaps "
            f"for want of memory, or crashed in native code.{memory} Let it need less, give workers more, or "
            "run the tasks in this process (SynchronousLocalTaskExecutor) to see what happens.",
            name,
        )
    failed.__cause__ = error
    return failed
