"""What was sent to Ray, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.executors.failures import Unmet
from headwater.executors.held import Gathered, Held
from headwater.executors.ray_clusters import import_ray
from headwater.executors.ray_failures import find_note, is_inherited, lost_work
from headwater.executors.ray_workers import Done, Reply
from headwater.executors.tasks import TaskImplementation, TaskState

if TYPE_CHECKING:
    from headwater.executors.base import TaskExecutor

__all__ = ["Kept", "Origin", "RayAnswer", "Sent"]


@dataclass(eq=False, slots=True)
class Origin:
    """How far the work is that makes a value; apart from the work, which would hold other values.

    Attributes:
        state: RUNNING, SUCCESSFUL or FAILED.
        waiters: What failed perhaps because this did, to be looked at once it is known.
    """

    state: TaskState = TaskState.RUNNING
    waiters: list[Sent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """A value that the cluster keeps.

    Attributes:
        ref: Ray's reference to it.
        node: The node that made it; empty for what was put there.
        where: The node, with its place in the code.
        origin: How far the work is that makes it; None for what was put there.
    """

    ref: Any
    node: str = ""
    where: str = "an input"
    origin: Origin | None = None


class RayAnswer:
    """A task that was sent to Ray."""

    def __init__(self, task: TaskImplementation, promised: Mapping[str, Held]) -> None:
        """Take the task, and what stands for its outputs."""
        self.task = task
        self.seconds: Mapping[str, float] = {}
        self._promised = promised
        self._state = TaskState.RUNNING
        self._results: Mapping[str, Any] = {}
        self._done: Done | None = None
        self._error: BaseException | None = None
        self._told: list[Callable[[Any], object]] = []

    def get_state(self) -> TaskState:
        """Return how far the task has come."""
        return self._state

    def get_result(self) -> Any:
        """Return the outputs, None while the task is running, or raise what ended it."""
        if self._state is TaskState.RUNNING:
            return None
        done, self._done = self._done, None
        if done is not None and done.record is not None:
            self.task.around().give_record(done.record)  # type: ignore[union-attr]  # the worker's took it
        if self._error is not None:
            raise self._error
        return self._results

    def promised(self) -> Mapping[str, Held]:
        """Return what stands for the outputs, apart from the elements of fan-outs."""
        return self._promised

    def add_done_callback(self, function: Callable[[Any], object]) -> None:
        """Call a function once the task has ended."""
        if TaskState.is_terminal(self._state):
            function(self)
        else:
            self._told.append(function)

    def end(
        self,
        *,
        done: Done | None = None,
        results: Mapping[str, Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Say what became of the task."""
        self._done, self._error = done, error
        if done is not None:
            self.seconds = done.seconds
            for name, text in done.summaries.items():
                if name in self._promised:
                    self._promised[name].summary = text
        self._results = {**self._promised, **(results or {})}
        self._state = TaskState.SUCCESSFUL if error is None else TaskState.FAILED
        told, self._told = self._told, []
        for function in told:
            function(self)


class Sent:
    """Calls of one task that went to Ray together, and the reply that they share.

    Attributes:
        tasks: The calls.
        answers: What was handed out for each.
        origin: How far they are.
        done_ref: Ray's reference to what is there when they have ended.
        handle: What Ray is told to cancel.
    """

    def __init__(
        self,
        executor: TaskExecutor,
        tasks: Sequence[TaskImplementation],
        names: Sequence[str],
        handle: Any,
        note: Path | None,
        origins: Sequence[Origin],
    ) -> None:
        """Take what Ray gave for the calls.

        Args:
            executor: Who sent them.
            tasks: The calls.
            names: The outputs of each that are handed on before they are there.
            handle: Ray's references to the reply and the outputs, or to a stream of these.
            note: The file in which the worker notes how far it is.
            origins: How far the work is that makes what they read.
        """
        self.tasks = tasks
        self.origin = Origin()
        self._executor = executor
        self._names = names
        self._note = note
        self._origins = origins
        self._stream = handle if tasks[0].spec.expanders else None
        if self._stream is not None:
            self.handle = handle
            self.done_ref = handle.completed()
            self.answers = [RayAnswer(task, {}) for task in tasks]
            return
        refs = handle if isinstance(handle, list) else [handle]
        self.handle = self.done_ref = refs[0]
        self.answers = []
        for number, task in enumerate(tasks):
            start = 1 + number * len(names)
            promised = self._held(task, names, refs[start : start + len(names)])
            self.answers.append(RayAnswer(task, promised))

    def _held(self, task: TaskImplementation, names: Sequence[str], refs: Sequence[Any]) -> dict[str, Held]:
        nodes = {node.name: node for node in task.nodes}
        return {
            name: Held(self._executor, Kept(ref, name, nodes[name].where, self.origin), is_pending=True)
            for name, ref in zip(names, refs, strict=True)
        }

    def when_done(self, function: Callable[[Any], object]) -> None:
        """Call a function, from any thread, once the calls have ended."""
        self.done_ref.future().add_done_callback(function)

    def settle(self) -> Origin | None:
        """Say what became of each call; or return what must be known for that.

        It asks Ray, and may take a while.
        """
        ray = import_ray()
        refs: list[Any] = []
        try:
            if self._stream is not None:
                ray.get(self.done_ref)
                refs = list(self._stream)
                reply: Reply = ray.get(refs[0])
                if len(refs) != 1 + len(self._names) + sum(reply.calls[0].counts.values()):
                    ray.get(refs[-1])  # where a stream breaks off, its last element is the reason
            else:
                reply = ray.get(self.done_ref)
        except ray.exceptions.RayError as error:
            return self._lost(error)
        self.origin.state = TaskState.SUCCESSFUL
        for number, answer in enumerate(self.answers):
            done = reply.calls[number] if number < len(reply.calls) else Done(is_skipped=True)
            self._tell(answer, done, refs[1:])
        return None

    def _tell(self, answer: RayAnswer, done: Done, streamed: Sequence[Any]) -> None:
        if done.is_skipped or done.failure is not None:
            self.origin.state = TaskState.FAILED
        if done.is_skipped:
            answer.end(done=done, error=Unmet(f"The task '{answer.task.task_id}' was not run."))
            return
        if done.failure is not None:
            answer.end(done=done, error=done.failure.revive())
            return
        try:
            answer.end(done=done, results=self._streamed(answer.task, done, streamed))
        except Exception as error:  # elements that cannot be unpickled here
            self.origin.state = TaskState.FAILED
            answer.end(done=done, error=error)

    def _streamed(self, task: TaskImplementation, done: Done, refs: Sequence[Any]) -> dict[str, Any]:
        """Return the outputs of a task that makes elements of fan-outs."""
        if self._stream is None:
            return {}
        results: dict[str, Any] = dict(self._held(task, self._names, refs[: len(self._names)]))
        rest = iter(refs[len(self._names) :])
        for name in task.spec.expanders:
            if name in done.elements:
                results[name] = done.elements[name].open()
                continue
            elements = [self._held(task, [name], [next(rest)]) for _ in range(done.counts[name])]
            results[name] = Gathered(one[name] for one in elements)
        for held in results.values():
            if isinstance(held, Held):
                held.is_pending = False
        return results

    def _lost(self, error: BaseException) -> Origin | None:
        """Say that the calls were lost, or never made since others were."""
        if is_inherited(error):
            for origin in self._origins:
                if origin.state is TaskState.RUNNING:
                    return origin
        note = None if self._note is None else find_note(self._note)
        if is_inherited(error) and any(origin.state is TaskState.FAILED for origin in self._origins):
            self.fail(Unmet(f"The task '{self.tasks[0].task_id}' was not run."))
        else:
            self.fail(lost_work(error, self.tasks, note), note.element if note is not None else 0)
        return None

    def fail(self, error: Exception, number: int = 0) -> None:
        """Say that one call failed, and the others with it."""
        self.origin.state = TaskState.FAILED
        for place, answer in enumerate(self.answers):
            if place == number:
                answer.end(error=error)
            else:
                answer.end(error=Unmet(f"The task '{answer.task.task_id}' was not run."))
