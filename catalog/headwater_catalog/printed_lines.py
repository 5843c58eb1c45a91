"""What feature code prints on a cluster, brought home to where a run's output is kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from threading import Lock, local
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater.node import Node

__all__ = ["PrintedLines"]

_MOST: Final = 64 * 1024
"""Characters of each task that come home, the last ones: a run keeps no more of its output either."""


class PrintedLines:
    """Notes what nodes print where they are computed, and prints it here once their task has ended."""

    def begin(self, node: Node, arguments: Sequence[Any]) -> None:
        """Begin to listen, in the thread that computes."""
        _listen()
        _heard.parts = getattr(_heard, "parts", None) or []

    def end(self, node: Node, value: Any) -> None:
        """Do nothing: the next node may print, too."""

    def take_record(self) -> str:
        """Return what was printed in this thread, and begin anew."""
        parts, _heard.parts = getattr(_heard, "parts", None), None
        return "".join(parts or ())[-_MOST:]

    def give_record(self, record: str) -> None:
        """Print what was printed elsewhere."""
        sys.stdout.write(record)


_heard = local()
_lock: Final = Lock()


class _Ear:
    """A stream that also notes what threads write to it that compute nodes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        parts = getattr(_heard, "parts", None)
        if parts is not None:
            parts.append(text)
            if len(parts) > 1000:  # in bounded memory
                parts[:] = ["".join(parts)[-_MOST:]]
        written: int = self._stream.write(text)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _listen() -> None:
    """Put an ear on the streams of this process, unless there is one; home has its own output."""
    with _lock:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _Ear):
                setattr(sys, name, _Ear(stream))
