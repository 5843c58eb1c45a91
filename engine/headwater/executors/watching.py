"""Where a batch has come to, told to who drives it, so that one that ends badly can be told with its node."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from threading import Event, Lock, Thread
from time import perf_counter
from typing import Any

from headwater.executors.needs import needs_of
from headwater.executors.tasks import TaskImplementation
from headwater.node import Node
from headwater.plan import Around, call_it

__all__ = ["Watch"]

_EVERY = 0.05
"""Seconds between two looks at what is running: a node that is done sooner is told of only by chance."""

_watched: set[Watch] = set()
_lock = Lock()
_watcher: Thread | None = None


class Watch:
    """Computes the nodes of a task, measures them, and tells of those that take long.

    Told are dictionaries of plain values: `task`, `node`, `place` (the how-manieth node of the task), `of`,
    and `is_late` once it takes longer than it may by its tag `resources.seconds`.

    Args:
        task: The task.
        inner: What computes a node in the place of its call, if anything does.
        tell: Told, from another thread.
        seconds: Where the time of each node is put.
    """

    def __init__(
        self,
        task: TaskImplementation,
        inner: Around | None,
        tell: Callable[[dict[str, Any]], object],
        seconds: MutableMapping[str, float],
    ) -> None:
        """Take what to watch."""
        self._task_id, self._of = task.task_id, len(task.nodes)
        self._inner = inner or call_it
        self._tell = tell
        self._seconds = seconds
        self._limits = {
            node.name: limit
            for node in task.nodes
            if "resources.seconds" in node.tags and (limit := needs_of([node]).seconds) is not None
        }
        self._now: tuple[int, str, float] | None = None
        self._place = 0
        self._told: int | None = None
        self._is_late = False

    def __call__(self, node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        """Compute a node."""
        self._place += 1
        began = perf_counter()
        self._now = (self._place, node.name, began)
        value = self._inner(node, call, arguments)
        self._seconds[node.name] = perf_counter() - began
        return value

    def __enter__(self) -> Watch:
        global _watcher
        with _lock:
            _watched.add(self)
            if _watcher is None:
                _watcher = Thread(target=_look, name="headwater-watch", daemon=True)
                _watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        with _lock:
            _watched.discard(self)

    def look(self) -> None:
        """Tell of the node that is being computed, once, and once more where it is late."""
        now = self._now
        if now is None:
            return
        place, node, began = now
        is_late = perf_counter() - began > self._limits.get(node, float("inf"))
        if place != self._told or (is_late and not self._is_late):
            self._told, self._is_late = place, is_late
            self._tell(
                {
                    "task": self._task_id,
                    "node": node,
                    "place": place,
                    "of": self._of,
                    "is_late": is_late,
                    "limit": self._limits.get(node, 0.0),
                }
            )


def _look() -> None:
    """Look at all that is watched, until there is nothing."""
    global _watcher
    pause = Event()
    while True:
        pause.wait(_EVERY)
        with _lock:
            watched = list(_watched)
            if not watched:
                _watcher = None
                return
        for watch in watched:
            watch.look()
