"""How far a worker has come in a task: what its nodes took, which one runs, and whether it takes too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any

from headwater.errors import NodeFailed
from headwater.executors.needs import needs_of
from headwater.executors.tasks import TaskImplementation
from headwater.executors.time_limits import PATIENCE, OutOfTime, can_interrupt, interrupting, telling
from headwater.executors.worker_notes import Notes
from headwater.node import Node
from headwater.plan import Around, call_it

__all__ = ["Watch", "late", "limits_of"]


class Watch:
    """Computes the nodes of a task, and notes which of them it is at and what each took.

    A node that takes longer than it may by its tag `resources.seconds` is interrupted where that can be done;
    elsewhere who drives is told, and ends the worker.

    Args:
        task: The task.
        inner: What computes a node in the place of its call, if anything does.
        notes: Where is noted how far it is, for who looks after the worker has died.
        tell: Told of a late node, from another thread: `task`, `node` and `limit`, the seconds it may take.
        seconds: Where the time of each node is put.
        is_alone: Whether the process does nothing else, so that it may be ended.
    """

    def __init__(
        self,
        task: TaskImplementation,
        inner: Around | None,
        notes: Notes,
        tell: Callable[[Mapping[str, Any]], object],
        seconds: MutableMapping[str, float],
        *,
        is_alone: bool = False,
    ) -> None:
        """Take what to watch."""
        self._is_alone = is_alone
        self._task = task
        self._inner = inner or call_it
        self._notes = notes
        self._tell = tell
        self._seconds = seconds
        self._places = {node.name: place for place, node in enumerate(task.nodes, 1)}
        self._limits = limits_of(task)
        self._late: tuple[Node, float] | None = None

    def __call__(self, node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Compute a node."""
        limit = self._limits.get(node.name)
        began = time.perf_counter()
        if limit is None:
            self._notes.node(self._places.get(node.name, 0))
            value = self._inner(node, call, arguments)
        else:
            value = self._limited(limit, node, call, arguments)
        self._seconds[node.name] = time.perf_counter() - began
        return value

    def _limited(self, limit: float, node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        place = self._places.get(node.name, 0)
        interrupts = can_interrupt()
        self._notes.node(place, time.time() + limit + PATIENCE if interrupts or self._is_alone else 0.0)
        if not interrupts:
            told = {"task": self._task.task_id, "node": node.name, "limit": limit}
            with telling(limit, lambda: self._tell(told), ends=self._is_alone):
                return self._inner(node, call, arguments)
        self._late = node, limit
        with interrupting(limit):
            return self._inner(node, call, arguments)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell of a node that was interrupted.

        Raises:
            NodeFailed: One took too long.
        """
        if isinstance(error, OutOfTime) and self._late is not None:
            failed = late(*self._late)
            assert failed.__cause__ is not None  # late() has set it
            raise failed from failed.__cause__.with_traceback(error.__traceback__)


def limits_of(task: TaskImplementation) -> dict[str, float]:
    """Return how long nodes of a task may take, by name, for those that say it."""
    told = {node.name: needs_of([node]).seconds for node in task.nodes if "resources.seconds" in node.tags}
    return {name: seconds for name, seconds in told.items() if seconds is not None}


def late(node: Node, limit: float) -> NodeFailed:
    """Return the error of a node that takes longer than it may."""
    failed = NodeFailed(
        f"{node.where} has been running for more than {limit:g} s, the most that its tag resources.seconds "
        "allows, and was given up. Allow more, or see why it takes so long.",
        node.name,
    )
    failed.__cause__ = TimeoutError(f"'{node.name}' did not end within {limit:g} s")
    return failed
