"""What was made lately and is dear to make again, kept as far as there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

__all__ = ["Recent", "RecentOf"]

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
        self._sizes: dict[Hashable, int] = {}
        self._total = 0
        self._held: dict[Hashable, Hashable] = {}

    def get(self, key: Hashable, make: Callable[[], V], *, holder: Hashable = None) -> V:
        """Return the value of a key, made where it is not kept.

        Args:
            key: The key.
            make: Makes the value.
            holder: What always needs one value at hand: it is kept, whatever room there is, until the
                same holder asks for another one.
        """
        with self._lock:
            self._hold(key, holder)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # Made outside the lock: two threads may make the same value, which harms nobody.
        value = make()
        self.put(key, value)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Keep a value, in place of what was kept of its key."""
        with self._lock:
            self._drop(key)
            self._kept[key] = value
            self._sizes[key] = size = self._size(value)
            self._total += size
            self._make_room(key)

    def latest(self, accepts: Callable[[Hashable], bool]) -> tuple[Hashable, V] | None:
        """Return the value asked for last of those with a key that is accepted, after its key."""
        with self._lock:
            kept = list(self._kept.items())
        return next((each for each in reversed(kept) if accepts(each[0])), None)

    def _hold(self, key: Hashable, holder: Hashable) -> None:
        if holder is not None:
            self._held[holder] = key

    def _make_room(self, newest: Hashable) -> None:
        held = frozenset(self._held.values())
        room = self._most + sum(self._sizes.get(key, 0) for key in held)
        while self._total > room:
            key = next((key for key in self._kept if key not in held and key != newest), None)
            if key is None:
                return
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        self._kept.pop(key, None)
        self._total -= self._sizes.pop(key, 0)


class RecentOf(Generic[V]):
    """The values asked for last of each database, forgotten with it.

    Args:
        size: Tells how much room a value takes.
        most: How much there is in all for one database.
    """

    def __init__(self, size: Callable[[V], int], most: int) -> None:
        self._size, self._most = size, most
        self._lock = Lock()
        self._kept: WeakKeyDictionary[Engine, Recent[V]] = WeakKeyDictionary()

    def __getitem__(self, session: Session) -> Recent[V]:
        """Return the values of the database that a session reads."""
        with self._lock:
            return self._kept.setdefault(session.get_bind().engine, Recent(self._size, self._most))
