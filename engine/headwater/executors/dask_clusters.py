"""Dask clusters: one of this machine started, and what an execution leaves on any of them ended."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from headwater.executors.dask_turns import end_turn
from headwater.materialize.packages import needed

__all__ = ["close", "end_busy_workers", "end_execution", "forget_events", "started", "topic_of"]

_LAST_MOMENT = 0.5
"""Seconds that a worker which is ended has to close what it has open."""

_DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""What workers of our own do first: an interrupt from the keyboard goes to all processes, and the first one
decides what follows."""

_DESERTED = "60s"
"""How long tasks wait where no worker is left. Those that die are started anew, but a cluster of one machine
gives one up that is not there again, or that has died again, 15 seconds after it has died."""

_GRACE = 1.0
"""Seconds that tasks are given to end by themselves once their execution has failed."""


@contextmanager
def started(workers: int | None, memory_limit: str | int) -> Iterator[Any]:
    """Start a cluster on loopback, which nobody else reaches, with ports and a folder of its own.

    Args:
        workers: How many processes, one for each processor where None.
        memory_limit: What each of these may use.
    """
    distributed = needed("distributed", "Running tasks on Dask")
    config = needed("dask", "Running tasks on Dask").config
    with tempfile.TemporaryDirectory(prefix="hw-dask-", ignore_cleanup_errors=True) as folder:
        with config.set(
            {"temporary-directory": folder, "distributed.scheduler.no-workers-timeout": _DESERTED}
        ):
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=memory_limit,
                silence_logs=logging.ERROR,  # of workers that die, the error tells
                preload=[_DEAF],
            )
        try:
            yield cluster
        finally:
            close(cluster)


def close(one: Any) -> None:
    """Close a cluster or a client."""
    with suppress(TimeoutError):  # it was told to end, and will
        one.close()


def end_busy_workers(client: Any, topic: str, *, is_own: bool) -> None:
    """End workers that do not end by themselves what they run of an execution, and start others.

    Args:
        client: A client of the cluster.
        topic: Names the execution.
        is_own: Whether the cluster ends with the execution: nobody needs others, nor time to end well.
    """
    until = time.monotonic() + (0.0 if is_own else _GRACE)
    while busy := _busy(client, topic):
        if time.monotonic() >= until:
            client.run(_end, not is_own, workers=busy, nanny=True, on_error="ignore")
            return
        time.sleep(0.05)


def forget_events(client: Any, topic: str) -> None:
    """Let the scheduler, which keeps the last thousand of every topic, forget what workers told."""
    client.run_on_scheduler(_truncate, topic)


def _busy(client: Any, topic: str) -> list[str]:
    """Return the addresses of the workers that still run something of an execution."""
    running = client.run(_is_running, topic, on_error="ignore")
    return [address for address, is_running in running.items() if is_running]


# What follows is called where the cluster is.


async def _end(again: bool, dask_worker: Any) -> None:
    """End, in the nanny of a worker, that process, and start it anew if that is wanted."""
    # What it runs does not end when it is asked to: that was tried.
    await dask_worker.kill(timeout=_LAST_MOMENT, reason="its execution has failed")
    if again:
        await dask_worker.instantiate()


def _is_running(topic: str, dask_worker: Any) -> bool:
    """Tell, in a worker, whether it runs a task of an execution."""
    return any(topic in str(key) for key in dask_worker.active_keys)


def _truncate(topic: str, dask_scheduler: Any) -> None:
    dask_scheduler._broker.truncate(topic)


def topic_of(name: str) -> str:
    """Return the topic under which the cluster tells of an execution by a name."""
    return f"headwater-{name}"


def end_execution(client: Any, name: str) -> None:
    """End what is left on a cluster of an execution whose process was killed.

    Args:
        client: A client of the cluster.
        name: The name that its `DaskExecutor` had.
    """
    topic = topic_of(name)
    end_busy_workers(client, topic, is_own=False)
    end_turn(client, topic)
    forget_events(client, topic)
