"""How far the worker of a task came, in a file that is there when the worker is not any more."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from headwater.executors.tasks import TaskSpec
from headwater.node import Node
from headwater.plan import Around, call_it

__all__ = ["Note", "Notes", "noting"]

_LAYOUT = struct.Struct("<IId")


class Note:
    """What such a file says.

    Attributes:
        element: Which call of the batch was made last, counted from 0.
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

    Attributes:
        current: The node that was begun last; None where none was.
    """

    def __init__(self, memory: mmap.mmap | None = None) -> None:
        """Take the memory of the file; None where nothing is written."""
        self.current: Node | None = None
        self._memory = memory
        self._element = 0
        self._deadline = 0.0

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
        """Note that a call of the batch begins."""
        self._element = number
        self._write(0)

    def deadline(self, when: float) -> None:
        """Note when the worker will be ended for taking too long."""
        self._deadline = when
        self._write(0)

    def node(self, number: int, node: Node) -> None:
        """Note that a node begins."""
        self.current = node
        self._write(number)

    def _write(self, node: int) -> None:
        if self._memory is not None:
            _LAYOUT.pack_into(self._memory, 0, self._element, node, self._deadline)


def noting(
    around: Around | None, notes: Notes, spec: TaskSpec, seconds: dict[str, float]
) -> Callable[[Node, Callable[..., Any], Sequence[Any]], Any]:
    """Return what calls the nodes of a task as `around` does, notes each of them before, and what it took.

    Args:
        around: What is called in the place of each node's call; None for that itself.
        notes: Told of each node that begins.
        spec: The task.
        seconds: Where what each node took is written, by name.
    """
    numbers = {node.name: number for number, node in enumerate(spec.nodes, 1)}
    inner = around or call_it

    def noted(node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        notes.node(numbers.get(node.name, 0), node)
        start = perf_counter()
        value = inner(node, call, arguments)
        seconds[node.name] = perf_counter() - start
        return value

    return noted


def _mapped(path: Path) -> mmap.mmap | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+b") as file:
            file.write(bytes(_LAYOUT.size))
            file.flush()
            return mmap.mmap(file.fileno(), _LAYOUT.size)
    except OSError:  # a full disk must not stop the work: only an error message gets shorter
        return None
