"""How far the worker of a batch came, in a file that is there when the worker is not any more."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Note", "Notes", "take_note"]

_LAYOUT = struct.Struct("<IId")


class Note:
    """What such a file says.

    Attributes:
        element: Which task of the batch was begun last, counted from 0.
        node: The number of the node of the task that was begun last, counted from 1; 0 for none.
        deadline: When the worker was to be ended for taking too long, in seconds since 1970; 0 for never.
    """

    __slots__ = ("deadline", "element", "node")

    def __init__(self, data: bytes) -> None:
        """Read what `Notes` wrote."""
        self.element, self.node, self.deadline = _LAYOUT.unpack(data)


class Notes:
    """Writes into memory that the system keeps when the process is killed, whatever killed it.

    That costs less than a microsecond each time, so every node can be told.
    """

    def __init__(self, memory: mmap.mmap | None = None) -> None:
        """Take the memory of the file; None where nothing is written."""
        self._memory = memory
        self._element = 0

    @classmethod
    @contextmanager
    def begun(cls, path: Path | None) -> Iterator[Notes]:
        """Make the file, and remove it when the work is done; nothing is written without a path."""
        memory = None if path is None else _mapped(path)
        try:
            yield cls(memory)
        finally:
            if memory is not None and path is not None:
                memory.close()
                path.unlink(missing_ok=True)

    def element(self, number: int) -> None:
        """Note that a task of the batch begins."""
        self._element = number
        self.node(0)

    def node(self, number: int, deadline: float = 0.0) -> None:
        """Note that a node begins, and when the worker will be ended if it takes too long."""
        if self._memory is not None:
            _LAYOUT.pack_into(self._memory, 0, self._element, number, deadline)


def take_note(path: Path) -> bytes | None:
    """Return what was left in a file of this machine, and remove that; None where there is none."""
    try:
        data = path.read_bytes()
        path.unlink()
    except OSError:
        return None
    return data if len(data) == _LAYOUT.size else None


def _mapped(path: Path) -> mmap.mmap | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+b") as file:
            file.write(bytes(_LAYOUT.size))
            file.flush()
            return mmap.mmap(file.fileno(), _LAYOUT.size)
    except OSError:  # a full disk must not stop the work: only an error message gets shorter
        return None
