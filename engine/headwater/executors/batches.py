"""Batches of tasks where workers of a cluster run them: code as bytes, inputs by reference, a reply apart."""

from __future__ import annotations

import pickle
import socket
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, local
from typing import Any, NamedTuple

from headwater import compat
from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors.failures import Failure, Unmet
from headwater.executors.held import Gathered, Held, held_in
from headwater.executors.portable import can_be_pickled, dumps, find_lost_modules, unsendable
from headwater.executors.replies import outcome_of, record_of
from headwater.executors.shipments import Shipment
from headwater.executors.surroundings import Surroundings, surroundings_of
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec
from headwater.executors.watching import Watch
from headwater.executors.worker_notes import Notes
from headwater.shapes import summary

__all__ = [
    "Code",
    "Element",
    "Ref",
    "Reply",
    "Work",
    "code_of",
    "found",
    "is_noted",
    "promised_outputs",
    "referring",
    "run_batch",
    "unprepared",
    "unsendable_input",
]


class Code(NamedTuple):
    """All tasks of an execution.

    Attributes:
        key: Name of the execution, one of its own.
        data: The tasks as bytes.
    """

    key: str
    data: Any


class Ref(NamedTuple):
    """Where a value is among what a batch is given.

    Attributes:
        source: Which of the things given, counted from 0.
        path: The way into it: nothing for itself, a place in a list, or place of the element, name of the
            output and, for an element of a fan-out, its place.
    """

    source: int
    path: tuple[Any, ...] = ()


class Element(NamedTuple):
    """One task of a batch.

    Attributes:
        spawned_by: The task whose fan-out it belongs to; None outside of fan-outs.
        group_id: Which element of the fan-out it has.
        inputs: Its inputs by name, with a `Ref` for each that comes from elsewhere.
    """

    spawned_by: str | None
    group_id: str | None
    inputs: Mapping[str, Any]

    @classmethod
    def of(cls, task: TaskImplementation, refer: Callable[[Held], Ref]) -> Element:
        """Return a task with references in the place of what is held."""
        inputs = {name: referring(value, refer) for name, value in task.dynamic_inputs.items()}
        return cls(task.spawning_task_id, task.group_id, inputs)


class Work(NamedTuple):
    """What a batch is to do.

    Attributes:
        place: Which of the tasks of the execution all of its elements are.
        elements: The elements.
        attempts: How often each is begun, in all, where a function raises.
        note: The file in which is noted how far it is; empty where there is nothing to tell.
    """

    place: int
    elements: Sequence[Element]
    attempts: int = 1
    note: str = ""


@dataclass(slots=True)
class Reply:
    """What a batch tells of itself.

    Attributes:
        failures: For each element that has no outputs, why; None where something that it reads has failed.
        record: What was noted while its nodes were computed, for `give_record`.
        seconds: What the nodes took.
        counts: How many elements a fan-out has that stay there, by the element's place in the batch and name.
        summaries: Type and shape of the outputs, by the same.
        fault: Why the batch could not begin.
    """

    failures: dict[int, Failure | None] = field(default_factory=dict)
    record: Any = None
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[tuple[int, str], int] = field(default_factory=dict)
    summaries: dict[tuple[int, str], str] = field(default_factory=dict)
    fault: Failure | None = None


class _Parts(list[Any]):
    """A list in which there are references."""


_Packed = tuple[Any, Mapping[str, int]]
_Loaded = tuple[tuple[TaskSpec, ...], bytes]

_KEPT = 8
_loaded: OrderedDict[str, _Loaded] = OrderedDict()
"""The code of the latest executions, by their keys."""
_lock = Lock()
_mine = local()
"""The context of the latest execution for each thread: what adapters note of one batch is not for another."""


def code_of(
    specs: Sequence[TaskSpec],
    context: RunContext,
    shipment: Shipment | None = None,
    cloudpickle: str = "cloudpickle",
) -> Code:
    """Return the tasks of an execution, for `run_batch`.

    Functions travel by the names of their modules, and whole where workers could not import those: from a
    notebook, or from the script that is run.

    Args:
        specs: The tasks.
        context: What they share.
        shipment: The files of the feature modules, where workers need not have them.
        cloudpickle: Where that is; see `dumps`.

    Raises:
        HeadwaterError: Something in it cannot be pickled.
    """
    lost = find_lost_modules(specs)
    code: tuple[Surroundings, bytes, bytes, bool] = (
        surroundings_of(specs, [*lost, "__main__"], shipment),
        _travelling(tuple(specs), lost, cloudpickle),
        _travelling(context, lost, cloudpickle),
        compat.is_active(),
    )
    return Code(uuid.uuid4().hex, pickle.dumps(code, pickle.HIGHEST_PROTOCOL))


def _travelling(what: Any, lost: Sequence[str], cloudpickle: str) -> bytes:
    """Return something as bytes, with the code of the script that is run, which workers cannot import."""
    if not lost:
        with suppress(HeadwaterError):
            data = dumps(what)
            if b"__main__" not in data:
                return data
    return dumps(what, ["__main__", *lost], cloudpickle)


def is_noted(tasks: Sequence[TaskImplementation]) -> bool:
    """Tell whether somebody who looks at a batch that died has to be told how far it was."""
    spec = tasks[0].spec
    return len(tasks) > 1 or len(spec.nodes) > 1 or "resources.seconds" in spec.nodes[0].tags


def referring(value: Any, refer: Callable[[Held], Ref]) -> Any:
    """Return an input with references in the place of what is held."""
    if isinstance(value, Held):
        return refer(value)
    if isinstance(value, Gathered):
        return _Parts(referring(element, refer) for element in value)
    return value


def unprepared(task: TaskImplementation) -> HeadwaterError:
    """Return the error of a task that was not told of before."""
    return HeadwaterError(
        f"The task '{task.task_id}' was not among those of prepare(), which must come before."
    )


def unsendable_input(
    tasks: Sequence[TaskImplementation], error: Exception, dumps: Callable[[Any], object] = pickle.dumps
) -> NodeFailed:
    """Return an error that names the input which cannot be sent, of the first of some tasks that has one."""
    here = [
        {name: value for name, value in task.dynamic_inputs.items() if not any(held_in(value))}
        for task in tasks
    ]
    for task, inputs in zip(tasks, here, strict=True):
        if not can_be_pickled(inputs, dumps):
            return unsendable(task, inputs, error, dumps)
    return unsendable(tasks[0], tasks[0].dynamic_inputs, error, dumps)


def promised_outputs(spec: TaskSpec) -> list[str]:
    """Return the outputs that can be handed on before they are there: of elements nobody knows how many."""
    return [name for name in spec.outputs_to_compute if name not in spec.expanders]


def run_batch(
    code: Code,
    work: Callable[[], Work],
    given: Sequence[Any],
    pack: Callable[[TaskImplementation, dict[str, Any]], _Packed],
    *,
    folder: Path,
    tell: Callable[[Mapping[str, Any]], object] = lambda _: None,
    is_alone: bool = False,
) -> tuple[list[Any], Reply]:
    """Run a batch, and never raise; return what is packed of each element, and the reply.

    Once an element has failed, the rest is not begun, since the execution is about to end: there is None.

    Args:
        code: What `code_of` made.
        work: Returns what is to be done.
        given: What the references of the elements refer to.
        pack: Makes, of the outputs of an element, what this leaves where it runs, and says how many elements
            those fan-outs have that it leaves there.
        folder: Where notes are.
        tell: Told of a node that takes too long and cannot be interrupted; see `Watch`.
        is_alone: Whether this process does nothing else.
    """
    packed: list[Any] = []
    reply = Reply()
    with ExitStack() as stack:
        try:
            specs, context = _tasks_of(code)
            place, elements, attempts, note = work()
            notes = stack.enter_context(Notes.begun(folder / note if note else None))
        except BaseException as error:
            reply.fault = Failure.of(error)
            return packed, reply
        around: Any = None
        for number, element in enumerate(elements):
            notes.element(number)
            packed.append(None)
            if any(reply.failures.values()):
                reply.failures[number] = None
                continue
            task = TaskImplementation(specs[place], context, element.spawned_by, element.group_id)
            around = task.around()
            try:
                task.dynamic_inputs = {name: found(value, given) for name, value in element.inputs.items()}
                with Watch(task, around, notes, tell, reply.seconds, is_alone=is_alone) as watch:
                    outcome = outcome_of(task, watch, _noting(reply, number, pack), attempts)
            except Unmet:
                reply.failures[number] = None
            except BaseException as error:
                reply.failures[number] = Failure.of(error)
            else:
                if isinstance(outcome, Failure):
                    reply.failures[number] = outcome
                else:
                    packed[number] = outcome
        reply.record = record_of(around)
    return packed, reply


def _noting(
    reply: Reply, number: int, pack: Callable[[TaskImplementation, dict[str, Any]], _Packed]
) -> Callable[[TaskImplementation, dict[str, Any]], Any]:
    """Return what packs the outputs of an element, and tells of them in the reply."""

    def packed(task: TaskImplementation, outputs: dict[str, Any]) -> Any:
        value, counts = pack(task, outputs)
        reply.counts.update(((number, name), count) for name, count in counts.items())
        for name in promised_outputs(task.spec):
            reply.summaries[number, name] = summary(outputs[name])
        return value

    return packed


def found(value: Any, given: Sequence[Any]) -> Any:
    """Return an input with values in the place of references.

    Raises:
        Unmet: What should have made the value has failed.
    """
    if isinstance(value, Ref):
        inside, path = given[value.source], value.path
        if len(path) >= 2:  # an output of an element of a batch
            outputs = inside[path[0]] if path[0] < len(inside) else None
            inside, path = outputs and outputs[path[1]], path[2:]
            if outputs is None:
                raise Unmet("A task that this one reads from failed.")
        return inside[path[0]] if path else inside
    if isinstance(value, _Parts):
        return [found(element, given) for element in value]
    return value


def _tasks_of(code: Code) -> tuple[tuple[TaskSpec, ...], RunContext]:
    """Return the tasks of an execution, unpickled once in a process, and their context, once in a thread.

    Raises:
        HeadwaterError: This process cannot load them.
    """
    try:
        specs, around = _load(code)
        known, context = getattr(_mine, "context", ("", None))
        if context is None or known != code.key:
            context = pickle.loads(around)  # noqa: S301, it comes from the process that drives
            record_of(None if context.around is None else context.around(""))
            _mine.context = code.key, context
    except Exception as error:
        raise HeadwaterError(
            f"A worker on {socket.gethostname()} could not load the feature code: {error}"
        ) from error
    return specs, context


def _load(code: Code) -> _Loaded:
    with _lock:
        loaded = _loaded.get(code.key)
        if loaded is None:
            surroundings, specs, around, is_aliased = pickle.loads(code.data)  # noqa: S301, as above
            if is_aliased:
                compat.activate()
            surroundings.establish()
            loaded = _loaded[code.key] = pickle.loads(specs), around  # noqa: S301, as above
            if len(_loaded) > _KEPT:
                _loaded.popitem(last=False)
        return loaded
