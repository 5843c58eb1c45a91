"""The processes that a process has started, as Linux tells."""

from __future__ import annotations

import os
from contextlib import suppress

__all__ = ["children", "collect", "descendants", "has_ended"]


def children(process: int) -> list[int]:
    """Return the children of a process; none where it has ended."""
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            try:
                with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as words:
                    found += map(int, words.read().split())
            except FileNotFoundError:
                if os.path.exists("/proc/self/task"):
                    return _by_parents(process)
    return found


def descendants(process: int) -> list[int]:
    """Return all that a process has started, and what these have started."""
    found: list[int] = []
    open_ends = [process]
    while open_ends:
        below = children(open_ends.pop())
        found += below
        open_ends += below
    return found


def collect() -> bool:
    """Collect the children of this process that have ended; False where no child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def has_ended(process: int) -> bool:
    """Tell whether a process has ended, also where nobody has collected it yet."""
    try:
        return _facts(process)[0] in (b"Z", b"X")
    except OSError:
        return True


def _by_parents(process: int) -> list[int]:
    """Return the children of a process where the kernel keeps no lists of them."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                if int(_facts(int(name))[1]) == process:
                    found.append(int(name))
    return found


def _facts(process: int) -> list[bytes]:
    """Return what the kernel says of a process in one line: its state, its parent, and more."""
    with open(f"/proc/{process}/stat", "rb") as line:
        # The name of its program, in brackets, may hold anything.
        return line.read().rpartition(b")")[2].split()
