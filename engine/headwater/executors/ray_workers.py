"""What a worker of Ray does with tasks: it learns the code once, computes, and tells how it went."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater import compat
from headwater.errors import HeadwaterError
from headwater.executors.failures import Failure
from headwater.executors.held import Gathered
from headwater.executors.parcels import Parcel, Unmade
from headwater.executors.portable import unsendable
from headwater.executors.ray_clusters import import_ray
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec, execute_task
from headwater.executors.time_limits import time_limit
from headwater.executors.worker_notes import Notes, noting
from headwater.plan import Around
from headwater.shapes import summary

__all__ = [
    "Batch",
    "Code",
    "Done",
    "Place",
    "Reply",
    "compute",
    "compute_elements",
    "promised_outputs",
    "read_note",
]

_KEPT = 4
"""Executions whose code a worker remembers."""

_SMALL = 100_000
"""Bytes up to which the elements of a fan-out go home at once, since their tasks are sent from there."""


@dataclass(frozen=True, slots=True)
class Code:
    """All tasks of an execution, as bytes.

    Attributes:
        key: Name of the execution, one of its own.
        tasks: The tasks and what they share.
        machine: The machine of the first process.
        paths: Where that finds modules.
        stamps: For each feature module its file, and when that was changed and how large it is.
        is_aliased: Whether `hamilton` is answered by Headwater.
    """

    key: str
    tasks: Parcel
    machine: str
    paths: tuple[str, ...]
    stamps: Mapping[str, tuple[str, int, int]]
    is_aliased: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the inputs of a call a value belongs that Ray brings, by its number among those."""

    number: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls of one task: one, or those for several elements of a fan-out.

    Attributes:
        spec: Its place among the tasks of the execution; or the task itself and what it shares, packed.
        names: For each call the task that made its element, and which element it is.
        inputs: For each call its inputs by name, with a `Place` for each that Ray brings.
        note: The file that tells how far the worker came; None where there is nothing to tell.
        seconds: How long one call may take; None for as long as it wants.
        attempts: How often a call that raises is made, in all.
    """

    spec: int | Parcel
    names: tuple[tuple[str | None, str | None], ...]
    inputs: Parcel
    note: Path | None = None
    seconds: float | None = None
    attempts: int = 1


@dataclass(slots=True)
class Done:
    """What became of one call.

    Attributes:
        failure: What ended it; None where it succeeded.
        is_skipped: Whether it was not made, since something that it reads was not.
        record: What was noted meanwhile.
        seconds: How long each node took.
        summaries: Type and shape of its outputs.
        elements: The elements of fan-outs that were small enough to go home, by name.
        counts: How many elements of other fan-outs follow, by name.
    """

    failure: Failure | None = None
    is_skipped: bool = False
    record: Any = None
    seconds: dict[str, float] = field(default_factory=dict)
    summaries: dict[str, str] = field(default_factory=dict)
    elements: dict[str, Parcel] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of the calls of a batch; none follow one that failed.

    Attributes:
        calls: Each call that was made.
        worker: Machine and process.
        seconds: How long they took together.
    """

    calls: tuple[Done, ...]
    worker: str
    seconds: float


def compute(code: Code, batch: Batch, count: int, *found: Any) -> tuple[Any, ...]:
    """Make the calls of a batch, and return the reply, then the outputs of each call, packed.

    Args:
        code: The tasks of the execution.
        batch: The calls.
        count: How many outputs there are in all, which Ray has promised.
        *found: The values that Ray brings, packed.
    """
    reply, outputs = _computed(code, batch, found)
    # What was not made must be handed out all the same.
    return (reply, *outputs, *[Unmade()] * (count - len(outputs)))


def compute_elements(code: Code, batch: Batch, count: int, *found: Any) -> Iterator[Any]:
    """Make the one call of a batch that makes elements of fan-outs, and yield what `compute` returns.

    The elements that do not go home with the reply follow.
    """
    reply, outputs = _computed(code, batch, found)
    yield reply
    for output in (*outputs, *[Unmade()] * (count - len(outputs))):  # noqa: UP028
        yield output  # Ray asks in a way that generators know, and lists do not


def _computed(code: Code, batch: Batch, found: Sequence[Any]) -> tuple[Reply, list[Any]]:
    """Return the reply, and the outputs of all calls that succeeded, packed."""
    start = time.perf_counter()
    calls: list[Done] = []
    outputs: list[Any] = []
    try:
        spec, context = _spec(code, batch.spec)
        opened = _Opened(found)
        with Notes.begun(batch.note) as notes:
            for number, (names, given) in enumerate(zip(batch.names, batch.inputs.open(), strict=True)):
                notes.element(number)
                task = TaskImplementation(spec, context, *names)
                done = _call(task, given, opened, batch, notes, outputs)
                calls.append(done)
                if done.is_skipped or done.failure is not None:
                    break
    except Exception as error:
        calls.append(Done(failure=Failure.of(error)))
    worker = f"{socket.gethostname()}:{os.getpid()}"
    return Reply(tuple(calls), worker, time.perf_counter() - start), outputs


def _call(
    task: TaskImplementation,
    given: Mapping[str, Any],
    opened: _Opened,
    batch: Batch,
    notes: Notes,
    outputs: list[Any],
) -> Done:
    """Make one call, add its outputs to those of the others, and return what became of it."""
    around = task.around()
    take_record = getattr(around, "take_record", None)
    if take_record is not None:
        take_record()  # what was noted before the code was sent is there already
    done = Done()
    try:
        task.dynamic_inputs = {name: opened.filled(value) for name, value in given.items()}
        with time_limit(batch.seconds, task, notes):
            results = _tried(task, noting(around, notes, task.spec, done.seconds), batch.attempts)
        outputs += _packed(task, results, done)
    except _NotMade:
        done.is_skipped = True
    except Exception as error:
        done.failure = Failure.of(error)
    done.record = None if take_record is None else take_record()
    return done


def _tried(task: TaskImplementation, around: Around, attempts: int) -> dict[str, Any]:
    for _ in range(attempts - 1):
        with contextlib.suppress(Exception):
            return execute_task(task, around)
    return execute_task(task, around)


def promised_outputs(spec: TaskSpec) -> list[str]:
    """Return the outputs that can be handed on before they are there: of elements nobody knows how many."""
    return [name for name in spec.outputs_to_compute if name not in spec.expanders]


def _packed(task: TaskImplementation, results: Mapping[str, Any], done: Done) -> list[Parcel]:
    """Return the outputs, packed, and note what the first process wants to know of them."""
    packed = []
    for name in promised_outputs(task.spec):
        packed.append(_parcel(task, name, results[name]))
        done.summaries[name] = summary(results[name])
    for name in task.spec.expanders:
        elements = _parcel(task, name, results[name])
        if elements.size <= _SMALL:
            done.elements[name] = elements
        else:
            done.counts[name] = len(results[name])
            packed += [_parcel(task, name, element) for element in results[name]]
    return packed


def _parcel(task: TaskImplementation, name: str, value: Any) -> Parcel:
    try:
        return Parcel.of(value, import_ray().cloudpickle.dumps)
    except Exception as error:
        raise unsendable(task, {name: value}, error) from error


class _NotMade(Exception):
    """A value that is read was not made."""


class _Opened:
    """The values that Ray brought, each unpacked once, when the first call reads it."""

    def __init__(self, found: Sequence[Any]) -> None:
        self._found = found
        self._values: dict[int, Any] = {}

    def filled(self, value: Any) -> Any:
        """Return an input with the values in the places for them."""
        if isinstance(value, Gathered):
            return [self.filled(element) for element in value]
        if not isinstance(value, Place):
            return value
        if value.number not in self._values:
            parcel = self._found[value.number]
            if isinstance(parcel, Unmade):
                raise _NotMade
            # What the user has put into the cluster is no parcel.
            self._values[value.number] = parcel.open() if isinstance(parcel, Parcel) else parcel
        return self._values[value.number]


_Work = tuple[tuple[TaskSpec, ...], RunContext]

_codes: dict[str, _Work] = {}
_stamps: dict[str, tuple[str, int, int]] = {}
_own_paths = tuple(sys.path)


def _spec(code: Code, wanted: int | Parcel) -> tuple[TaskSpec, RunContext]:
    if code.key not in _codes:
        _codes[code.key] = _learned(code.tasks, code)
        while len(_codes) > _KEPT:
            del _codes[next(iter(_codes))]
    if isinstance(wanted, Parcel):
        specs, context = _learned(wanted, code)
        return specs[0], context
    specs, context = _codes[code.key]
    return specs[wanted], context


def _learned(tasks: Parcel, code: Code) -> _Work:
    """Return the tasks of an execution, with the modules as they are now in the first process.

    Raises:
        HeadwaterError: This worker cannot load them.
    """
    if code.is_aliased:
        compat.activate()
    # Elsewhere the same path may hold something else.
    is_here = code.machine == socket.gethostname()
    sys.path[:] = dict.fromkeys((*code.paths, *_own_paths) if is_here else (*_own_paths, *code.paths))
    for name, stamp in code.stamps.items():
        if name in sys.modules and not _is_as_told(name, stamp):
            _forget(name)
    importlib.invalidate_caches()
    _stamps.update(code.stamps)
    try:
        work: _Work = tasks.open()
    except Exception as error:
        raise HeadwaterError(
            f"A worker of Ray on {socket.gethostname()} could not load the feature code: {error}. Workers on "
            "this machine import from where you do; to others Ray must bring the modules: "
            'ray_init_config={"runtime_env": {"working_dir": "."}}.'
        ) from error
    return work


def _is_as_told(name: str, stamp: tuple[str, int, int]) -> bool:
    """Tell whether a module was loaded from what its file holds now."""
    known = _stamps.get(name)
    if known is not None:
        return known == stamp
    return getattr(sys.modules[name], "__file__", None) == stamp[0]


def _forget(name: str) -> None:
    """Let a module be imported anew, with those beside it: its file has changed since."""
    package = name.partition(".")[0]
    for known in list(sys.modules):
        if known == package or known.startswith(f"{package}."):
            del sys.modules[known]


def read_note(path: Path) -> bytes | None:
    """Return a note that was left on this machine, and remove it; None where there is none."""
    try:
        data = path.read_bytes()
        path.unlink()
    except OSError:
        return None
    return data
