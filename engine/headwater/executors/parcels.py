"""Values on their way to and from the workers of a cluster: bytes, and apart from them large buffers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Parcel", "Unmade"]

_WORTH_A_BUFFER = 1 << 16
"""Bytes from which on the pickled text itself travels beside the message, where it is not copied."""


class Parcel:
    """A value as bytes, and its large buffers, such as those of arrays and tables, apart from them.

    An engine that moves buffers without copying them, as Ray does, does so with these; what is opened from
    them can then only be read. The value is pickled where the parcel is made, and unpickled where it is
    opened: what goes wrong does so in our hands.
    """

    __slots__ = ("_buffers", "_data")

    def __init__(self, data: Any, buffers: Sequence[Any] = ()) -> None:
        """Take what `of` made."""
        self._data = data
        self._buffers = buffers

    @classmethod
    def of(cls, value: Any, dumps: Callable[..., bytes] = pickle.dumps) -> Parcel:
        """Pack a value.

        Args:
            value: The value.
            dumps: Pickles it: a function with the arguments of `pickle.dumps`.

        Raises:
            Exception: It cannot be pickled.
        """
        buffers: list[pickle.PickleBuffer] = []
        data: Any = dumps(value, protocol=5, buffer_callback=buffers.append)
        return cls(pickle.PickleBuffer(data) if len(data) >= _WORTH_A_BUFFER else data, buffers)

    def __reduce__(self) -> tuple[Any, ...]:
        # What an engine has moved is a view of its memory, which by itself cannot be pickled once more.
        return Parcel, (_apart(self._data), [_apart(buffer) for buffer in self._buffers])

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(memoryview(part).nbytes for part in (self._data, *self._buffers))

    def open(self) -> Any:
        """Return the value.

        Raises:
            Exception: It cannot be unpickled here.
        """
        return pickle.loads(self._data, buffers=self._buffers)  # noqa: S301, it comes from our own workers


def _apart(data: Any) -> Any:
    return data if isinstance(data, bytes | pickle.PickleBuffer) else pickle.PickleBuffer(data)


class Unmade:
    """Stands for a value that was never made, since its task failed or needed one that did."""
