"""What a worker of Ray does with a batch: it runs it, and hands values to Ray packed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headwater.executors.batches import Code, Reply, promised_outputs, run_batch
from headwater.executors.failures import Unmet
from headwater.executors.parcels import Parcel, Unmade
from headwater.executors.portable import unsendable
from headwater.executors.ray_clusters import import_ray
from headwater.executors.tasks import TaskImplementation
from headwater.executors.worker_notes import take_note

__all__ = ["compute", "compute_elements", "left_note"]

_SMALL = 100_000
"""Bytes up to which the elements of a fan-out travel as one, since their tasks are sent from home."""


def compute(code: Code, work: Parcel, count: int, *found: Any) -> tuple[Any, ...]:
    """Run a batch, and return its reply, then the outputs of each element, packed.

    Args:
        code: The tasks of the execution.
        work: What is to be done.
        count: How many outputs there are in all, which Ray has promised.
        *found: The values that Ray brings, packed.
    """
    reply, outputs = _computed(code, work, found)
    # What was not made must be handed out all the same.
    return (reply, *outputs, *[Unmade()] * (count - len(outputs)))


def compute_elements(code: Code, work: Parcel, count: int, *found: Any) -> Iterator[Any]:
    """Run a batch of one element which makes the elements of fan-outs, and yield what `compute` returns.

    What its fan-outs make follows: in one piece where it is small, else element by element.
    """
    reply, outputs = _computed(code, work, found)
    yield reply
    for output in (*outputs, *[Unmade()] * (count - len(outputs))):  # noqa: UP028
        yield output  # Ray asks in a way that generators know, and lists do not


def left_note(name: str) -> bytes | None:
    """Return the note of a worker of this machine that died, and remove it; None where there is none."""
    return take_note(_notes() / name)


def _notes() -> Path:
    """Return where the workers of this machine note how far they are, which goes with the cluster."""
    found = import_ray().get_runtime_context()
    return Path(found.get_temp_dir(), found.get_session_name(), "headwater")


def _computed(code: Code, work: Parcel, found: Sequence[Any]) -> tuple[Reply, list[Any]]:
    """Return the reply, and the outputs of all elements that succeeded, packed."""
    packed, reply = run_batch(code, work.open, _Opened(found), _packed, folder=_notes())
    return reply, [parcel for several in packed for parcel in several or ()]


def _packed(task: TaskImplementation, outputs: Mapping[str, Any]) -> tuple[list[Parcel], dict[str, int]]:
    """Return the outputs of a task, packed, and the lengths of fan-outs whose elements come one by one."""
    packed = [_parcel(task, name, outputs[name]) for name in promised_outputs(task.spec)]
    counts: dict[str, int] = {}
    for name in task.spec.expanders:
        elements = _parcel(task, name, outputs[name])
        if elements.size <= _SMALL:
            packed.append(elements)
        else:
            counts[name] = len(outputs[name])
            packed += [_parcel(task, name, element) for element in outputs[name]]
    return packed, counts


def _parcel(task: TaskImplementation, name: str, value: Any) -> Parcel:
    dumps: Callable[..., bytes] = import_ray().cloudpickle.dumps
    try:
        return Parcel.of(value, dumps)
    except Exception as error:
        raise unsendable(task, {name: value}, error, dumps) from error


class _Opened(Sequence[Any]):
    """The values that Ray brought, each unpacked once, when the first element reads it."""

    def __init__(self, found: Sequence[Any]) -> None:
        self._found = found
        self._values: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, number: Any) -> Any:
        if number not in self._values:
            parcel = self._found[number]
            if isinstance(parcel, Unmade):
                raise Unmet("A task that this one reads from failed.")
            # What the user has put into the cluster is no parcel.
            self._values[number] = parcel.open() if isinstance(parcel, Parcel) else parcel
        return self._values[number]
