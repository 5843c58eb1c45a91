"""What is handed out for a task of a batch: promises of its outputs, then what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from headwater.executors.batches import Reply
from headwater.executors.failures import Unmet
from headwater.executors.held import Held
from headwater.executors.tasks import TaskImplementation, TaskState

__all__ = ["Answer", "share", "unmet"]


class Answer:
    """A task that a cluster has taken.

    Attributes:
        task: The task.
        seconds: What nodes of its batch took, once it is done.
        record: What was noted in the worker, which goes to the recorder with the result.
    """

    def __init__(self, task: TaskImplementation, promised: Mapping[str, Held]) -> None:
        """Take the task, and what stands for its outputs."""
        self.task = task
        self.seconds: Mapping[str, float] = {}
        self.record: Any = None
        self._promised = promised
        self._outcome: Mapping[str, Any] | BaseException | None = None
        self._is_done = False
        self._lock = Lock()
        self._told: list[Callable[[Any], object]] = []

    def promised(self) -> Mapping[str, Held]:
        """Return what stands for the outputs, apart from the elements of fan-outs."""
        return self._promised

    def settle(self, outcome: Mapping[str, Any] | BaseException) -> None:
        """Take the outputs, or what ended the task; the first counts."""
        if self._outcome is None:
            self._outcome = outcome

    def end(self) -> None:
        """Tell who waits that the state is final."""
        with self._lock:
            told, self._told, self._is_done = self._told, [], True
        for function in told:
            function(self)

    def add_done_callback(self, function: Callable[[Any], object]) -> None:
        """Call a function once the task has ended."""
        with self._lock:
            if not self._is_done:
                self._told.append(function)
                return
        function(self)

    def get_state(self) -> TaskState:
        """Return how far the task has come."""
        if not self._is_done:
            return TaskState.RUNNING
        return TaskState.FAILED if isinstance(self._settled(), BaseException) else TaskState.SUCCESSFUL

    def get_result(self) -> Any:
        """Return what stands for the outputs, None while the task is running, or raise what ended it."""
        if not self._is_done:
            return None
        outcome = self._settled()
        record, self.record = self.record, None
        if record is not None:
            self.task.around().give_record(record)  # type: ignore[union-attr]  # the worker's took it
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _settled(self) -> Mapping[str, Any] | BaseException | None:
        return self._outcome


def share(
    reply: Reply, answers: Sequence[tuple[int, Answer]], results: Callable[[int, Answer], Mapping[str, Any]]
) -> bool:
    """Settle the answers of a batch by its reply, and tell whether all succeeded.

    Args:
        reply: The reply.
        answers: The answers that still wait for it, with the places of their elements in the batch.
        results: Returns what stands for the outputs of an element that succeeded.
    """
    all_succeeded = True
    for turn, (number, answer) in enumerate(answers):
        if turn == 0:
            answer.record, answer.seconds = reply.record, reply.seconds
        failure = reply.fault or reply.failures.get(number)
        outcome: Mapping[str, Any] | BaseException
        if failure is not None:
            outcome = failure.revive()
        elif number in reply.failures:
            outcome = unmet(answer.task)
        else:
            for name, held in answer.promised().items():
                held.summary = reply.summaries[number, name]
            try:
                outcome = results(number, answer)
            except Exception as error:  # elements that cannot be unpickled here
                outcome = error
        all_succeeded = all_succeeded and not isinstance(outcome, BaseException)
        answer.settle(outcome)
    return all_succeeded


def unmet(task: TaskImplementation) -> Unmet:
    """Return the error of a task that was not run."""
    return Unmet(f"The task '{task.task_id}' was not run: one that it reads from, or beside it, failed.")
