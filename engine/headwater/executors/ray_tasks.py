"""Tasks on a cluster of Ray: sent all at once, values kept there, only what is asked for brought home."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors import ray_clusters
from headwater.executors.answers import Answer
from headwater.executors.base import TaskExecutor, in_use
from headwater.executors.batches import unprepared
from headwater.executors.held import Held
from headwater.executors.needs import Needs
from headwater.executors.parcels import Parcel, Unmade
from headwater.executors.ray_answers import Kept, Sent
from headwater.executors.ray_failures import lost_value, without_machine
from headwater.executors.ray_sending import Sending
from headwater.executors.shipments import Shipment
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec

__all__ = ["RayTaskExecutor"]

_BATCHES = 16
"""Batches for each processor that the elements of a fan-out are sent in: so many that none of the processors
waits long for another, so few that Ray's two milliseconds for each do not count."""

_PATIENCE, _GIVEN_UP = 5.0, 30.0
"""Seconds without any answer after which to look whether machines are left, and to give up where none is."""


class RayTaskExecutor(TaskExecutor):
    """Runs tasks on a cluster of Ray.

    Tasks are sent before their inputs are there, values stay in the cluster, and small elements of a fan-out
    are sent many at once. A cluster that runs in this process already is used as it is. Else one is started
    on this machine, on loopback and without statistics, and ended after each execution that no other runs
    beside; that takes ten seconds and more, so a program that executes often calls `ray.init()` itself.

    Where a worker or a machine is lost, Ray tries again (`@ray_remote_options(max_retries=...)` or the tag
    resources.attempts). Arrays and tables come out of shared memory, and can only be read.

    Args:
        num_cpus: How many processors the cluster that is started has; by default all.
        ray_init_config: What else `ray.init` is given, as `{"address": "auto"}` to reach a cluster.
        skip_init: Whether a cluster must be there already.
        keeps_cluster: Whether the cluster goes on after an execution, until the program ends.
        is_elastic: Whether the cluster starts machines when they are asked for, so that what no machine has
            now is waited for, and not refused.
        shipment: The files of the feature modules, where workers need not have them. Worker processes belong
            to one program, so those of others are not in the way.
    """

    accepts_pending = True
    cost_of_task = 0.002
    """Seconds that a task takes to be sent, scheduled and answered, as measured."""

    def __init__(
        self,
        num_cpus: int | None = None,
        ray_init_config: Mapping[str, Any] | None = None,
        skip_init: bool = False,
        *,
        keeps_cluster: bool = False,
        is_elastic: bool = False,
        shipment: Shipment | None = None,
    ) -> None:
        """Start nothing yet.

        Raises:
            MissingExtra: Ray is not installed.
        """
        ray_clusters.import_ray()
        self.num_cpus = num_cpus
        self.ray_init_config = dict(ray_init_config or {})
        self.skip_init = skip_init
        self.keeps_cluster = keeps_cluster
        self.is_elastic = is_elastic
        self.shipment = shipment
        self._is_in_use = False
        self._sending: Sending | None = None
        self._listener: _Listener | None = None

    def init(self) -> None:
        """Reach the cluster, or start it.

        Raises:
            HeadwaterError: Another execution uses the executor, or there is no cluster.
        """
        if self._is_in_use:
            raise in_use(self)
        if self.skip_init and not ray_clusters.is_reached():
            raise HeadwaterError(
                f"{type(self).__name__}(skip_init=True) needs a cluster that is there. Call ray.init(), "
                "or leave skip_init out."
            )
        own = {} if self.num_cpus is None else {"num_cpus": self.num_cpus}
        ray_clusters.begin_use({**own, **self.ray_init_config}, ends=not self.keeps_cluster)
        self._is_in_use = True
        self._listener = _Listener(self)

    @ray_clusters.telling_losses()
    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        """Send the code, once for all tasks.

        Raises:
            HeadwaterError: It cannot be sent, or a node has options that Ray cannot be given.
        """
        self._sending = Sending(specs, context, self.shipment)

    def submit_task(self, task: TaskImplementation) -> Answer:
        """Send a task."""
        return self.submit_tasks([task])[0]

    @ray_clusters.telling_losses()
    def submit_tasks(self, tasks: Sequence[TaskImplementation]) -> list[Answer]:
        """Send tasks; those of one fan-out some at once.

        Raises:
            NodeFailed: An input cannot be pickled.
        """
        if self._listener is None:
            raise HeadwaterError(
                f"This {type(self).__name__} was not initialized. Call init() before a task."
            )
        if self._sending is None:
            raise unprepared(tasks[0])
        sending = self._sending
        together: dict[int, list[TaskImplementation]] = {}
        for task in tasks:
            together.setdefault(id(task.spec), []).append(task)
        answers: dict[int, Answer] = {}
        for alike in together.values():
            size = 1 if alike[0].spec.expanders else -(-len(alike) // (_BATCHES * self.slots()))
            for start in range(0, len(alike), size):
                sent = sending.send(self, alike[start : start + size])
                self._listener.listen(sent)
                answers.update((id(answer.task), answer) for answer in sent.answers)
        return [answers[id(task)] for task in tasks]

    def can_submit_task(self) -> bool:
        """Tell that there is room: tasks wait in the cluster."""
        return True

    @ray_clusters.telling_losses()
    def hold(self, values: Sequence[Any]) -> Sequence[Any]:
        """Put values into the cluster; what cannot be sent stays, and is told with the task that reads it."""
        ray = ray_clusters.import_ray()
        held: list[Any] = []
        for value in values:
            if isinstance(value, ray.ObjectRef):
                held.append(Held(self, Kept(value)))
                continue
            try:
                parcel = Parcel.of(value, ray.cloudpickle.dumps)
            except Exception:
                held.append(value)
            else:
                held.append(Held(self, Kept(ray.put(parcel)), type(value).__name__))
        return held

    @ray_clusters.telling_losses()
    def fetch(self, held: Sequence[Held]) -> list[Any]:
        """Bring values home.

        Raises:
            NodeFailed: One was lost.
        """
        ray = ray_clusters.import_ray()
        kept: list[Kept] = [one.reference for one in held]
        try:
            parcels = ray.get([one.ref for one in kept])
        except ray.exceptions.RayError:
            parcels = []
            for one in kept:
                try:
                    parcels.append(ray.get(one.ref))
                except ray.exceptions.RayError as error:
                    raise lost_value(error, one.node, one.where) from error
        for one, parcel in zip(kept, parcels, strict=True):
            if isinstance(parcel, Unmade):
                raise HeadwaterError(f"The value of {one.where} was not made, since what it needs failed.")
        return [parcel.open() if isinstance(parcel, Parcel) else parcel for parcel in parcels]

    @ray_clusters.telling_losses()
    def slots(self) -> int:
        """Return how many processors the cluster has."""
        if not ray_clusters.is_reached():
            return self.num_cpus or os.cpu_count() or 1
        return max(1, int(sum(machine.get("CPU", 0) for machine in ray_clusters.machines())))

    @ray_clusters.telling_losses()
    def lacks(self, needs: Needs) -> str:
        """Return what no machine of the cluster has."""
        return "" if self.is_elastic else ray_clusters.missing_on(ray_clusters.machines(), needs)

    def cancel(self) -> None:
        """End what runs, and drop what waits."""
        if self._listener is not None:
            with suppress(HeadwaterError), ray_clusters.telling_losses():  # nothing is left to be ended then
                self._listener.cancel()

    def finalize(self) -> None:
        """Let go of the cluster, and end it if it was started for this execution."""
        listener, self._listener = self._listener, None
        self._sending = None
        was_in_use, self._is_in_use = self._is_in_use, False
        if listener is not None:
            listener.end()
        if was_in_use:
            ray_clusters.end_use()


class _Listener:
    """A thread that hears what became of tasks: to ask Ray for it may take a while."""

    def __init__(self, executor: RayTaskExecutor) -> None:
        self._executor = executor
        self._heard: queue.SimpleQueue[Sent | None] = queue.SimpleQueue()
        self._running: dict[int, Sent] = {}
        self._is_cancelled = False
        self._has_ended = False
        self._idle = 0.0
        self._thread: threading.Thread | None = None

    def listen(self, sent: Sent) -> None:
        """Wait for one more."""
        self._running[id(sent)] = sent
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="headwater-ray", daemon=True)
            self._thread.start()
        sent.when_done(lambda _: self._heard.put(sent))

    def cancel(self) -> None:
        """End all that was sent."""
        ray = ray_clusters.import_ray()
        self._is_cancelled = True
        ended = list(self._running.values())
        for sent in ended:
            ray.cancel(sent.handle, force=True)
        refs = [sent.done_ref for sent in ended]
        if refs:
            ray.wait(refs, num_returns=len(refs), timeout=_GIVEN_UP, fetch_local=False)

    def end(self) -> None:
        """Hear no more."""
        self._heard.put(None)
        if self._thread is not None:
            self._thread.join()
        self._running.clear()

    def _run(self) -> None:
        while not self._has_ended:
            try:
                with ray_clusters.telling_losses():
                    self._hear()
            except Exception as error:  # nobody would hear what became of them
                for sent in list(self._running.values()):
                    sent.fail(error)
                self._running.clear()

    def _hear(self) -> None:
        while True:
            try:
                sent = self._heard.get(timeout=_PATIENCE)
            except queue.Empty:
                self._look_for_machines()
                continue
            self._idle = 0.0
            if sent is None:
                self._has_ended = True
                return
            if not self._is_cancelled:
                self._settle(sent)

    def _settle(self, sent: Sent) -> None:
        waiting = sent.settle()
        if waiting is not None:  # whether it failed by itself is known when that is
            waiting.waiters.append(sent)
            return
        self._running.pop(id(sent), None)
        for waiter in sent.origin.waiters:
            self._heard.put(waiter)
        sent.origin.waiters.clear()

    def _look_for_machines(self) -> None:
        """Give up where what tasks wait for is not there any more: Ray would wait for ever."""
        if self._executor.is_elastic or not self._running or self._is_cancelled:
            return
        having = ray_clusters.machines()
        for sent in list(self._running.values()):
            missing = ray_clusters.missing_on(having, sent.tasks[0].spec.needs)
            if missing:
                self._idle += _PATIENCE
                if self._idle >= _GIVEN_UP:
                    sent.fail(without_machine(missing, sent.tasks[0]))
                return
        self._idle = 0.0
