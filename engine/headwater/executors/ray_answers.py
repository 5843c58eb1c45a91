"""What was sent to Ray, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from headwater.errors import add_note
from headwater.executors import ray_clusters
from headwater.executors.answers import Answer, share, unmet
from headwater.executors.batches import Reply
from headwater.executors.held import Gathered, Held, held_in
from headwater.executors.losses import fail
from headwater.executors.ray_clusters import import_ray
from headwater.executors.ray_failures import find_note, is_inherited, lost_work
from headwater.executors.tasks import TaskImplementation, TaskState

if TYPE_CHECKING:
    from headwater.executors.base import TaskExecutor

__all__ = ["Kept", "Origin", "Sent"]

_ADVICE = (
    "Workers on this machine import from where you do; to others Ray must bring the modules: "
    'ray_init_config={"runtime_env": {"working_dir": "."}}.'
)
"""What to do where workers cannot load the code."""


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
        note: str,
        origins: Sequence[Origin],
    ) -> None:
        """Take what Ray gave for the calls.

        Args:
            executor: Who sent them.
            tasks: The calls.
            names: The outputs of each that are handed on before they are there.
            handle: Ray's references to the reply and the outputs, or to a stream of these.
            note: The name of the file in which the worker notes how far it is; empty for none.
            origins: How far the work is that makes what they read.
        """
        self.tasks = tasks
        self.origin = Origin()
        self._executor = executor
        self._names = names
        self._note = note
        self._origins = origins
        self._done: Any = None
        self._stream = handle if tasks[0].spec.expanders else None
        if self._stream is not None:
            self.handle = handle
            # From a program elsewhere a stream is a value, which is there when it is whole.
            self.done_ref = handle if ray_clusters.is_elsewhere() else handle.completed()
            self.answers = [Answer(task, {}) for task in tasks]
            return
        refs = handle if isinstance(handle, list) else [handle]
        self.handle = self.done_ref = refs[0]
        self.answers = []
        for number, task in enumerate(tasks):
            start = 1 + number * len(names)
            promised = self._held(task, names, refs[start : start + len(names)])
            self.answers.append(Answer(task, promised))

    def _held(self, task: TaskImplementation, names: Sequence[str], refs: Sequence[Any]) -> dict[str, Held]:
        nodes = {node.name: node for node in task.nodes}
        return {
            name: Held(self._executor, Kept(ref, name, nodes[name].where, self.origin), is_pending=True)
            for name, ref in zip(names, refs, strict=True)
        }

    def when_done(self, function: Callable[[Any], object]) -> None:
        """Call a function, from any thread, once the calls have ended."""
        self._done = self.done_ref.future()
        self._done.add_done_callback(function)

    def settle(self) -> Origin | None:
        """Say what became of each call, once that is heard; or return what must be known for that.

        It asks Ray, and may take a while. What came with the news is not asked for again: Ray's client would
        let go of the references in it when the first copy goes.
        """
        ray = import_ray()
        refs: list[Any] = []
        try:
            if self._stream is not None:
                whole = self._done.result()
                refs = list(whole if self.done_ref is self._stream else self._stream)
                reply: Reply = ray.get(refs[0])
                if len(refs) != self._count(reply):
                    ray.get(refs[-1])  # where a stream breaks off, its last element is the reason
            else:
                reply = self._done.result()
        except ray.exceptions.RayError as error:
            return self._lost(error)
        answers = list(enumerate(self.answers))
        if reply.fault is not None:
            fault = reply.fault.revive()
            add_note(fault, _ADVICE)
            self._end(fault, 0)
        else:
            self._end_as(share(reply, answers, lambda _, answer: self._results(answer, reply, refs[1:])))
        return None

    def _count(self, reply: Reply) -> int:
        """Return how many things come in a stream."""
        counts = [reply.counts.get((0, name), 1) for name in self.tasks[0].spec.expanders]
        return 1 + len(self._names) + (0 if reply.failures or reply.fault else sum(counts))

    def _results(self, answer: Answer, reply: Reply, streamed: Sequence[Any]) -> Mapping[str, Any]:
        """Return what stands for the outputs of a task; one that makes elements of fan-outs has a stream."""
        if self._stream is None:
            return answer.promised()
        task, rest = answer.task, iter(streamed)
        results: dict[str, Any] = self._held(task, self._names, list(islice(rest, len(self._names))))
        for name, held in results.items():
            held.summary = reply.summaries[0, name]
        for name in task.spec.expanders:
            count = reply.counts.get((0, name))
            if count is None:
                results[name] = import_ray().get(next(rest)).open()
                continue
            elements = [self._held(task, [name], [ref])[name] for ref in islice(rest, count)]
            results[name] = Gathered(elements)
        for held in (one for value in results.values() for one in held_in(value)):
            held.is_pending = False
        return results

    def _lost(self, error: BaseException) -> Origin | None:
        """Say that the calls were lost, or never made since others were."""
        if is_inherited(error):
            for origin in self._origins:
                if origin.state is TaskState.RUNNING:
                    return origin
        note = find_note(self._note) if self._note else None
        if is_inherited(error) and any(origin.state is TaskState.FAILED for origin in self._origins):
            self._end(unmet(self.tasks[0]), 0)
        else:
            self._end(lost_work(error, self.tasks, note), note.element if note is not None else 0)
        return None

    def fail(self, error: Exception) -> None:
        """Give the calls up."""
        self._end(error, 0)

    def _end(self, error: BaseException, number: int) -> None:
        """Say that one call failed, and the others with it."""
        fail(list(enumerate(self.answers)), error, number)
        self._end_as(False)

    def _end_as(self, succeeded: bool) -> None:
        self.origin.state = TaskState.SUCCESSFUL if succeeded else TaskState.FAILED
        for answer in self.answers:
            answer.end()
