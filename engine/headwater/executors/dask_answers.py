"""Tasks that a Dask cluster has taken, and what is told where it does not give them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headwater.errors import NodeFailed
from headwater.executors.answers import Answer
from headwater.executors.batches import promised_outputs
from headwater.executors.dask_graph import Batch, Kept
from headwater.executors.held import Held
from headwater.executors.losses import overdue, place_of, when, where
from headwater.executors.tasks import TaskImplementation
from headwater.executors.worker_notes import Note

if TYPE_CHECKING:
    from headwater.executors.dask_tasks import DaskExecutor

__all__ = ["DaskAnswer", "lost"]


class DaskAnswer(Answer):
    """A task that the cluster has taken; its reply is read when somebody asks.

    Attributes:
        batch: In which batch it went.
        number: The how-manieth task of that, counted from 0.
    """

    def __init__(self, executor: DaskExecutor, batch: Batch, number: int) -> None:
        """Take where the task went."""
        task = batch.tasks[number]
        promised = {
            name: Held(executor, Kept(batch, (number, name)), is_pending=True)
            for name in promised_outputs(task.spec)
        }
        super().__init__(task, promised)
        self.batch = batch
        self.number = number
        self._executor = executor

    def _settled(self) -> Mapping[str, Any] | BaseException | None:
        if self._outcome is None:
            self._executor.settle(self.batch)
        return self._outcome


def lost(
    error: BaseException, tasks: Sequence[TaskImplementation], note: Note | None, memory: int
) -> NodeFailed:
    """Return the error of a batch that the cluster gave up, with the node that was running, if known.

    Args:
        error: What Dask says of it.
        tasks: The tasks of the batch.
        note: How far the last worker came; None where that is not known.
        memory: Bytes that a worker may use; 0 where there is no limit.
    """
    task, node = place_of(note, tasks)
    if type(error).__name__ != "KilledWorker":
        text = f"The Dask cluster gave up {where(node, task)}: {error}"
    elif late := overdue(note, node, task):
        text = f"A worker of Dask {late}"
    else:
        limit = f" A worker may use {memory:,} bytes." if memory else ""
        text = (
            f"Every worker of Dask that was given it died {when(node, task)}: killed, perhaps for want of "
            f"memory, or crashed in native code.{limit} Let it need less, give workers more, or run the "
            "tasks in this process (SynchronousLocalTaskExecutor) to see what happens."
        )
    failed = NodeFailed(text, (node or task.nodes[0]).name)
    failed.__cause__ = error
    return failed
