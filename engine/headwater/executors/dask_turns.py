"""Turns of executions on a Dask cluster whose workers have not got their feature modules."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from headwater.errors import HeadwaterError
from headwater.executors.shipments import Shipment, forget
from headwater.materialize.packages import needed

__all__ = ["Turn", "end_turn"]

_NAME = "headwater-modules"


class Turn:
    """The time in which the workers of a cluster import feature modules from one shipment.

    Values travel between workers at any time, and Dask unpickles them by the names of their classes: so all
    workers, those too that come later, have the shipment from the beginning to the end, and none other.

    Args:
        client: A client of the cluster.
        shipment: The files.
        holder: Name of the execution.
    """

    def __init__(self, client: Any, shipment: Shipment, holder: str) -> None:
        """Take for whom it is."""
        self._client = client
        self._holder = holder
        self._shipment = shipment
        self._lock: Any = None

    def take(self, seconds: float) -> None:
        """Wait until no other execution is on the cluster, and give the workers the files.

        Raises:
            HeadwaterError: Others were on it all the time, or a worker cannot take the files.
        """
        distributed = needed("distributed", "Running tasks on Dask")
        # It is free again half a minute after its holder is gone without a word.
        with self._client.as_current():
            lock = distributed.Lock(_NAME)
        if not lock.acquire(timeout=seconds):
            raise HeadwaterError(
                f"Other executions were on the Dask cluster for {seconds:g} seconds. Its workers import the "
                "feature modules of one at a time. Try again later, or use another cluster."
            )
        self._lock = lock
        self._client.set_metadata([_NAME], self._holder)
        self._client.register_plugin(_plugin(distributed, self._shipment), name=_NAME)

    def give(self) -> None:
        """Let the workers forget the files, and others have their turn."""
        if self._lock is not None:
            with suppress(Exception):  # the cluster may be gone
                self._client.unregister_worker_plugin(_NAME)
            with suppress(Exception):
                self._client.set_metadata([_NAME], "")
                self._lock.release()


def end_turn(client: Any, holder: str) -> None:
    """End the turn of an execution whose process is gone, if it has one."""
    if client.get_metadata([_NAME], None) == holder:
        client.unregister_worker_plugin(_NAME)
        client.run_on_scheduler(_release)


def _release(dask_scheduler: Any) -> None:
    locks = dask_scheduler.extensions["semaphores"]
    for lease in list(locks.leases.get(_NAME, ())):
        locks.release(name=_NAME, lease_id=lease)


def _plugin(distributed: Any, shipment: Shipment) -> Any:
    class Modules(distributed.WorkerPlugin):  # type: ignore[misc]  # the package says nothing of types
        def setup(self, worker: Any) -> None:
            shipment.establish()

        def teardown(self, worker: Any) -> None:
            forget()

    return Modules()
