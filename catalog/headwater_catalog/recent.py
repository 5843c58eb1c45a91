"""What was made lately and is dear to make again, kept as far as there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Recent"]

V = TypeVar("V")


class Recent(Generic[V]):
    """The values asked for last, safe to share between threads.

    Args:
        size: Tells how much room a value takes.
        most: How much there is in all; the value asked for last is kept, however large.
    """

    def __init__(self, size: Callable[[V], int], most: int) -> None:
        self._size = size
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value of a key, made where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # Made outside the lock: two threads may make the same value, which harms nobody.
        value = make()
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > 1 and sum(map(self._size, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
        return value
