"""How the tasks of an execution go to Ray: their code once, then calls with references to what they read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pickle import PickleBuffer
from typing import TYPE_CHECKING, Any

from headwater.errors import HeadwaterError
from headwater.executors import ray_clusters
from headwater.executors.batches import (
    Element,
    Ref,
    Work,
    code_of,
    is_noted,
    promised_outputs,
    unprepared,
    unsendable_input,
)
from headwater.executors.held import Held
from headwater.executors.parcels import Parcel
from headwater.executors.ray_answers import Kept, Origin, Sent
from headwater.executors.ray_options import attempts_of, options_of
from headwater.executors.ray_workers import compute, compute_elements
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec

if TYPE_CHECKING:
    from headwater.executors.base import TaskExecutor
    from headwater.executors.shipments import Shipment

__all__ = ["Sending"]


class Sending:
    """The tasks of an execution, as they are sent."""

    def __init__(self, specs: Sequence[TaskSpec], context: RunContext, shipment: Shipment | None) -> None:
        """Send the code, with the files of the feature modules where workers need not have them.

        Raises:
            HeadwaterError: It cannot be sent, or a node has options that Ray cannot be given.
        """
        ray = ray_clusters.import_ray()
        self._reference = ray.ObjectRef
        self._places = {id(spec): place for place, spec in enumerate(specs)}
        self._remote = ray.remote(compute)
        self._remote_elements = ray.remote(compute_elements)
        self._ways: dict[tuple[int, int], Any] = {}
        self._count = 0
        for spec in specs:
            self._way(spec, 1)  # what is wrong with its options is told before anything is sent
        code = code_of(specs, context, shipment, cloudpickle="ray.cloudpickle")
        self._key = code.key
        self._code = ray.put(code._replace(data=PickleBuffer(code.data)))

    def send(self, executor: TaskExecutor, tasks: Sequence[TaskImplementation]) -> Sent:
        """Send some calls of one task together.

        Raises:
            NodeFailed: An input cannot be pickled.
        """
        dumps_value = ray_clusters.import_ray().cloudpickle.dumps
        spec = tasks[0].spec
        refs: dict[Any, int] = {}
        origins: dict[int, Origin] = {}

        def refer(held: Held) -> Ref:
            kept: Kept = held.reference
            if kept.origin is not None:
                origins[id(kept.origin)] = kept.origin
            return Ref(refs.setdefault(kept.ref, len(refs)))

        for task in tasks:  # a reference that the user has made is read where the task runs
            task.dynamic_inputs = {
                name: Held(executor, Kept(value)) if isinstance(value, self._reference) else value
                for name, value in task.dynamic_inputs.items()
            }
        self._count += 1
        work = Work(
            self._place(tasks[0]),
            [Element.of(task, refer) for task in tasks],
            attempts_of(spec),
            f"{self._key}-{self._count}" if is_noted(tasks) else "",
        )
        try:
            parcel = Parcel.of(work, dumps_value)
        except Exception as error:
            raise unsendable_input(tasks, error, dumps_value) from error
        names = promised_outputs(spec)
        handle = self._way(spec, len(tasks)).remote(self._code, parcel, len(names) * len(tasks), *refs)
        for task in tasks:
            task.dynamic_inputs = {}  # this process needs them no more
        return Sent(executor, tasks, names, handle, work.note, list(origins.values()))

    def _place(self, task: TaskImplementation) -> int:
        """Return which of the prepared tasks one is.

        Raises:
            HeadwaterError: It is none of them.
        """
        place = self._places.get(id(task.spec))
        if place is None:
            raise unprepared(task)
        return place

    def _way(self, spec: TaskSpec, calls: int) -> Any:
        """Return what sends some calls of a task.

        Raises:
            HeadwaterError: Ray cannot be given the options of the task.
        """
        way = self._ways.get((id(spec), calls))
        if way is None:
            returns: Any = 1 + calls * len(promised_outputs(spec))
            if spec.expanders:  # Ray's client has no streams, but knows what came before these
                returns = "dynamic" if ray_clusters.is_elsewhere() else "streaming"
            remote = self._remote_elements if spec.expanders else self._remote
            options = options_of(spec)
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "num_returns='dynamic' is deprecated")
                    way = remote.options(**options, num_returns=returns)
            except (TypeError, ValueError) as error:
                raise HeadwaterError(
                    f"Ray cannot be given the options {options} of the task '{spec.base_id}' "
                    f"({', '.join(node.where for node in spec.nodes[:5])}): {error}"
                ) from error
            self._ways[id(spec), calls] = way
        return way
