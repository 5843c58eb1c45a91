"""How the tasks of an execution go to Ray: their code once, then calls with references to what they read."""

from __future__ import annotations

import socket
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater import compat
from headwater.errors import HeadwaterError
from headwater.executors import ray_clusters
from headwater.executors.held import Gathered, Held
from headwater.executors.parcels import Parcel
from headwater.executors.portable import dumps, feature_modules, find_lost_modules, unsendable
from headwater.executors.ray_answers import Kept, Origin, Sent
from headwater.executors.ray_options import attempts_of, options_of
from headwater.executors.ray_workers import (
    Batch,
    Code,
    Place,
    compute,
    compute_elements,
    promised_outputs,
)
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec

if TYPE_CHECKING:
    from headwater.executors.base import TaskExecutor

__all__ = ["Sending"]


class Sending:
    """The tasks of an execution, as they are sent."""

    def __init__(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        """Send the code.

        Raises:
            HeadwaterError: It cannot be sent, or a node has options that Ray cannot be given.
        """
        ray = ray_clusters.import_ray()
        self._reference = ray.ObjectRef
        self._context = context
        self._places = {id(spec): place for place, spec in enumerate(specs)}
        self._remote = ray.remote(compute)
        self._remote_elements = ray.remote(compute_elements)
        self._ways: dict[tuple[int, int], Any] = {}
        self._key = uuid.uuid4().hex
        self._count = 0
        found = ray.get_runtime_context()
        self._notes = Path(found.get_temp_dir(), found.get_session_name(), "headwater")
        for spec in specs:
            self._way(spec, 1)  # what is wrong with its options is told before anything is sent
        self._code = ray.put(
            Code(
                key=self._key,
                tasks=_pickled(specs, context),
                machine=socket.gethostname(),
                paths=tuple(path for path in sys.path if path),
                stamps=_stamps(specs),
                is_aliased=compat.is_active(),
            )
        )

    def send(self, executor: TaskExecutor, tasks: Sequence[TaskImplementation]) -> Sent:
        """Send some calls of one task together.

        Raises:
            NodeFailed: An input cannot be pickled.
        """
        dumps_value = ray_clusters.import_ray().cloudpickle.dumps
        spec = tasks[0].spec
        places: dict[int, Place] = {}
        refs: list[Any] = []
        origins: dict[int, Origin] = {}

        def place(held: Held) -> Place:
            kept: Kept = held.reference
            if id(kept.ref) not in places:
                places[id(kept.ref)] = Place(len(refs))
                refs.append(kept.ref)
                if kept.origin is not None:
                    origins[id(kept.origin)] = kept.origin
            return places[id(kept.ref)]

        # A reference that the user has made is read where the task runs.
        inputs_of = [
            {
                name: Held(executor, Kept(value)) if isinstance(value, self._reference) else value
                for name, value in task.dynamic_inputs.items()
            }
            for task in tasks
        ]
        given = [{name: _placed(value, place) for name, value in inputs.items()} for inputs in inputs_of]
        try:
            inputs = Parcel.of(given, dumps_value)
        except Exception as error:
            raise _unsendable(tasks, given, error) from error
        is_noted = len(tasks) > 1 or len(spec.nodes) > 1 or spec.needs.seconds is not None
        self._count += 1
        note = self._notes / f"{self._key}-{self._count}" if is_noted else None
        known = self._places.get(id(spec))
        batch = Batch(
            spec=_pickled([spec], self._context) if known is None else known,
            names=tuple((task.spawning_task_id, task.group_id) for task in tasks),
            inputs=inputs,
            note=note,
            seconds=spec.needs.seconds,
            attempts=attempts_of(spec),
        )
        names = promised_outputs(spec)
        handle = self._way(spec, len(tasks)).remote(self._code, batch, len(names) * len(tasks), *refs)
        for task in tasks:
            task.dynamic_inputs = {}  # this process needs them no more
        return Sent(executor, tasks, names, handle, note, list(origins.values()))

    def _way(self, spec: TaskSpec, calls: int) -> Any:
        """Return what sends some calls of a task.

        Raises:
            HeadwaterError: Ray cannot be given the options of the task.
        """
        way = self._ways.get((id(spec), calls))
        if way is None:
            returns = "streaming" if spec.expanders else 1 + calls * len(promised_outputs(spec))
            remote = self._remote_elements if spec.expanders else self._remote
            options = options_of(spec)
            try:
                way = remote.options(**options, num_returns=returns)
            except (TypeError, ValueError) as error:
                raise HeadwaterError(
                    f"Ray cannot be given the options {options} of the task '{spec.base_id}' "
                    f"({', '.join(node.where for node in spec.nodes[:5])}): {error}"
                ) from error
            self._ways[id(spec), calls] = way
        return way


def _placed(value: Any, place: Callable[[Held], Place]) -> Any:
    """Return an input with places for what is held in the cluster."""
    if isinstance(value, Held):
        return place(value)
    if isinstance(value, Gathered):
        return Gathered(_placed(element, place) for element in value)
    return value


def _pickled(specs: Sequence[TaskSpec], context: RunContext) -> Parcel:
    """Return tasks as bytes, with the code of the modules that a worker could not import."""
    by_value = ["__main__", *find_lost_modules(specs)]
    return Parcel(dumps((tuple(specs), context), by_value, "ray.cloudpickle"))


def _stamps(specs: Sequence[TaskSpec]) -> dict[str, tuple[str, int, int]]:
    """Return for each feature module its file, and when that was changed and how large it is."""
    stamps = {}
    for name in feature_modules(specs):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is None or name == "__main__" or name.partition(".")[0] == "headwater":
            continue
        try:
            found = Path(file).stat()
        except OSError:
            continue
        stamps[name] = (file, found.st_mtime_ns, found.st_size)
    return stamps


def _unsendable(
    tasks: Sequence[TaskImplementation], given: Sequence[Mapping[str, Any]], error: Exception
) -> Exception:
    cloudpickle = ray_clusters.import_ray().cloudpickle
    for task, inputs in zip(tasks, given, strict=True):
        try:
            cloudpickle.dumps(inputs)
        except Exception:
            return unsendable(task, inputs, error, cloudpickle.dumps)
    return unsendable(tasks[0], given[0], error, cloudpickle.dumps)
