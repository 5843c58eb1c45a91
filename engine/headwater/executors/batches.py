"""Batches of tasks where they run: code as bytes, inputs by reference, a reply apart from the values."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock, local
from types import AsyncGeneratorType, GeneratorType
from typing import Any, NamedTuple

from headwater import compat
from headwater.errors import HeadwaterError, add_note
from headwater.executors.failures import Failure, Unmet
from headwater.executors.held import Gathered, Held
from headwater.executors.portable import dumps, feature_modules, find_lost_modules, unsendable
from headwater.executors.shipments import Shipment
from headwater.executors.surroundings import Surroundings, surroundings_of
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec, execute_task
from headwater.executors.watching import Watch

__all__ = ["Element", "Outcome", "Ref", "Reply", "code_of", "found", "referring", "run_batch"]

Outcome = tuple[list[dict[str, Any] | None], bytes]
"""What a batch leaves where it ran: the outputs of each element, None where there are none, and the reply."""


class Ref(NamedTuple):
    """Where a value is among what a batch is given.

    Attributes:
        source: Which of the things given, counted from 0.
        path: The way into it: nothing for itself, a place in a list, or place of the element, name of the
            output and, for an element of a fan-out, its place.
    """

    source: int
    path: tuple[Any, ...]


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


class Reply(NamedTuple):
    """What a batch tells of itself.

    Attributes:
        failures: For each element that has no outputs, why; None where something that it reads has failed.
        record: What was noted while its nodes were computed, for `give_record`.
        seconds: What the nodes took.
        counts: How many elements a fan-out has, by place of the element of the batch and name.
        fault: Why the batch could not begin.
    """

    failures: Mapping[int, Failure | None]
    record: Any = None
    seconds: Mapping[str, float] = {}
    counts: Mapping[tuple[int, str], int] = {}
    fault: Failure | None = None


class _Parts(list[Any]):
    """A list in which there are references."""


_Work = tuple[tuple[TaskSpec, ...], bytes]
_Code = tuple[Surroundings, bytes, bytes, bool]

_KEPT = 8
_work: OrderedDict[bytes, _Work] = OrderedDict()
"""The code of the latest executions, by the bytes it came as."""
_lock = Lock()
_mine = local()
"""The context of the latest execution for each thread: what adapters note of one batch is not for another."""


def code_of(specs: Sequence[TaskSpec], context: RunContext, shipment: Shipment | None = None) -> bytes:
    """Return the tasks of an execution as bytes, for `run_batch`.

    Functions travel by the names of their modules, and whole where workers could not import those: from a
    notebook, or from the script that is run.

    Args:
        specs: The tasks.
        context: What they share.
        shipment: The files of the feature modules, where workers need not have them.

    Raises:
        HeadwaterError: Something in it cannot be pickled.
    """
    lost = [*find_lost_modules(specs), *(name for name in feature_modules(specs) if name == "__main__")]
    around = dumps(context, by_value=lost)
    code: _Code = (
        surroundings_of(specs, lost, shipment),
        dumps(tuple(specs), by_value=lost),
        around,
        compat.is_active(),
    )
    return pickle.dumps(code, pickle.HIGHEST_PROTOCOL)


def referring(value: Any, refer: Callable[[Held], Ref]) -> Any:
    """Return an input with references in the place of what is held."""
    if isinstance(value, Held):
        return refer(value)
    if isinstance(value, Gathered):
        return _Parts(referring(element, refer) for element in value)
    return value


def run_batch(
    code: bytes, what: bytes, given: Sequence[Any], tell: Callable[[dict[str, Any]], object]
) -> Outcome:
    """Run a batch, and never raise.

    Args:
        code: What `code_of` made.
        what: Pickled: the place of the tasks' spec, and an `Element` for each task.
        given: What the references of the elements refer to.
        tell: Told how far the batch has come, from time to time; see `Watch`.
    """
    try:
        specs, context = _loaded(code)
        place, elements = pickle.loads(what)  # noqa: S301, it comes from the process that drives
    except BaseException as error:
        return [], pickle.dumps(Reply({}, fault=Failure.of(error)))
    values: list[dict[str, Any] | None] = []
    failures: dict[int, Failure | None] = {}
    counts: dict[tuple[int, str], int] = {}
    seconds: dict[str, float] = {}
    around: Any = None
    for number, element in enumerate(elements):
        outputs = None
        if any(failures.values()):
            failures[number] = None  # the execution is about to end, so the rest need not begin
        else:
            try:
                inputs = {name: found(value, given) for name, value in element.inputs.items()}
                task = TaskImplementation(specs[place], context, element.spawned_by, element.group_id, inputs)
                around = task.around()
                with Watch(task, around, tell, seconds) as watch:
                    outputs = execute_task(task, watch)
                _require_sendable(task, outputs)
                counts.update(((number, name), len(outputs[name])) for name in task.spec.expanders)
            except Unmet:
                failures[number] = None
            except BaseException as error:
                outputs, failures[number] = None, Failure.of(error)
        values.append(outputs)
    take_record = getattr(around, "take_record", None)
    record = None if take_record is None else take_record()
    return values, pickle.dumps(Reply(failures, record, seconds, counts))


def found(value: Any, given: Sequence[Any]) -> Any:
    """Return an input with values in the place of references.

    Raises:
        Unmet: What should have made the value has failed.
    """
    if isinstance(value, Ref):
        inside, path = given[value.source], value.path
        if len(path) >= 2:  # an output of an element of a batch
            outputs = inside[0][path[0]] if path[0] < len(inside[0]) else None
            inside, path = outputs and outputs[path[1]], path[2:]
            if outputs is None:
                raise Unmet("A task that this one reads from failed.")
        return inside[path[0]] if path else inside
    if isinstance(value, _Parts):
        return [found(element, given) for element in value]
    return value


def _loaded(code: bytes) -> tuple[tuple[TaskSpec, ...], RunContext]:
    """Return the tasks of an execution, unpickled once in a process, and their context, once in a thread.

    Raises:
        HeadwaterError: This process cannot load them.
    """
    try:
        specs, around = _work_of(code)
        known, context = getattr(_mine, "context", (b"", None))
        if context is None or known != code:
            context = pickle.loads(around)  # noqa: S301, it comes from the process that drives
            called = None if context.around is None else context.around("")
            take_record = getattr(called, "take_record", None)
            if take_record is not None:
                take_record()  # what was noted before is there already
            _mine.context = code, context
    except Exception as error:
        raise HeadwaterError(f"A worker could not load the feature code: {error}") from error
    return specs, context


def _work_of(code: bytes) -> _Work:
    with _lock:
        work = _work.get(code)
        if work is None:
            surroundings, specs, around, is_aliased = pickle.loads(code)  # noqa: S301, as above
            if is_aliased:
                compat.activate()
            surroundings.establish()
            work = _work[code] = pickle.loads(specs), around  # noqa: S301, as above
            if len(_work) > _KEPT:
                _work.popitem(last=False)
        return work


_PLAIN = (int, float, str, bytes, bool, type(None))
_KNOWN = ("numpy", "pandas", "polars", "pyarrow")


class _Nowhere:
    def write(self, data: Any) -> int:
        return len(data)


def _require_sendable(task: TaskImplementation, outputs: Mapping[str, Any]) -> None:
    """Refuse values that could stay here, but never leave: whether one must is for the cluster to decide.

    Raises:
        NodeFailed: A value cannot be pickled, or is a generator, which clusters take for something else.
    """
    for name, value in outputs.items():
        kind = type(value)
        if kind in _PLAIN or kind.__module__.partition(".")[0] in _KNOWN:
            continue
        try:
            if isinstance(value, (GeneratorType, AsyncGeneratorType)):
                raise TypeError("a generator cannot be gone through twice")
            pickle.Pickler(_Nowhere(), pickle.HIGHEST_PROTOCOL).dump(value)
        except Exception as error:
            failed = unsendable(task, {name: value}, error)
            add_note(failed, "It is handed on by the task to others, or home.")
            raise failed from error
