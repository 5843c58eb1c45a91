"""Run a program that is not trusted, with limits on what it can use up.

What it holds: time, memory, the size of each file, open files, the amount of output; a clean environment, a
folder of its own to work in, no terminal, no input; its process group ends with it. On Linux it also ends
when the thread that started it does; elsewhere the system may refuse the limit on memory.

What it does not hold yet: the program runs as the same user, sees the same file system and network, and may
leave behind a process that it moved to another session. So run only code from people you trust as much as
those who may log in to this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

__all__ = ["Limits", "Outcome", "run"]

_CONFINE: Final = Path(__file__).with_name("confine.py")
_KEPT: Final = 64 * 1024  # bytes of output
_TICK: Final = 0.2  # seconds between two looks at the clock and at the watch
_MEGA: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use, in seconds, bytes and files."""

    wall_seconds: float = 900
    cpu_seconds: int = 900
    memory: int = 4096 * _MEGA
    file_size: int = 4096 * _MEGA
    open_files: int = 512
    output: int = 64 * _MEGA

    def as_rlimits(self) -> dict[str, tuple[int, int]]:
        """Return the limits that the kernel keeps, soft and hard, by their names in the `resource` module."""
        return {
            # Past the soft limit comes a signal that tells the reason, past the hard one the end.
            "RLIMIT_CPU": (self.cpu_seconds, self.cpu_seconds + 2),
            "RLIMIT_AS": (self.memory, self.memory),
            "RLIMIT_FSIZE": (self.file_size, self.file_size),
            "RLIMIT_NOFILE": (self.open_files, self.open_files),
            "RLIMIT_CORE": (0, 0),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        code: Its exit code; minus the number of the signal that ended it.
        reason: A sentence saying why it ended before its time; empty where it ended by itself.
        log: The last of what it wrote to its standard output and error, together.
    """

    code: int
    reason: str
    log: str


def run(
    program: Sequence[str],
    folder: Path,
    limits: Limits | None = None,
    watch: Callable[[], str | None] | None = None,
) -> Outcome:
    """Run a program to its end and return how it ended; whatever it started in its group ends with it.

    Args:
        program: Absolute path of the program, and its arguments.
        folder: Its working directory, also its home and its place for temporary files.
        limits: What it may use.
        watch: Called several times a second; a sentence that it returns ends the program.
    """
    limits = limits or Limits()
    confined = [
        sys.executable, "-I", "-S", str(_CONFINE), json.dumps(limits.as_rlimits()), str(os.getpid()), *program
    ]  # fmt: skip
    process = subprocess.Popen(
        confined,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        tail = _Tail()
        try:
            reason = _follow(process, output, tail, limits, watch)
        finally:
            _end(process)
        tail.drain(output)
    return Outcome(process.returncode, reason or _explain(process.returncode, limits), tail.text())


def _environment(folder: Path) -> dict[str, str]:
    home = str(folder)
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        # OpenBLAS reserves address space for every thread, on a large machine more than the limit.
        "OPENBLAS_NUM_THREADS": str(min(4, os.cpu_count() or 1)),
    }


def _follow(
    process: subprocess.Popen[bytes],
    output: IO[bytes],
    tail: _Tail,
    limits: Limits,
    watch: Callable[[], str | None] | None,
) -> str:
    """Read the output until the program ends or must end; return why it must, or an empty text."""
    os.set_blocking(output.fileno(), False)
    deadline = time.monotonic() + limits.wall_seconds
    next_look = time.monotonic() + _TICK
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while process.poll() is None:
            if tail.closed:  # it closed its output and goes on
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_TICK)
            elif selector.select(_TICK):
                tail.take(output)
            if tail.total > limits.output:
                return f"It wrote more than {_size(limits.output)} of output."
            now = time.monotonic()
            if now > deadline:
                return f"It ran longer than {limits.wall_seconds:g} seconds."
            if watch is not None and now >= next_look:
                next_look = now + _TICK
                if stop := watch():
                    return stop
    return ""


class _Tail:
    """The last of an output, in bounded memory."""

    def __init__(self) -> None:
        self.total = 0
        self.closed = False
        self._kept = bytearray()

    def take(self, output: IO[bytes]) -> bool:
        """Read once what is there; False where there is nothing."""
        try:
            chunk = os.read(output.fileno(), _KEPT)
        except BlockingIOError:
            return False
        self.closed = not chunk
        self.total += len(chunk)
        self._kept += chunk
        del self._kept[:-_KEPT]
        return bool(chunk)

    def drain(self, output: IO[bytes]) -> None:
        """Read what the program left in the pipe; bounded, since a stray process may still write."""
        for _ in range(64):
            if not self.take(output):
                return

    def text(self) -> str:
        """Return the tail as text, saying how much was left out before it."""
        left_out = self.total - len(self._kept)
        head = f"[{left_out} bytes of output left out]\n" if left_out else ""
        return head + self._kept.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    # The group has the number of the program, and outlives it for as long as it has members.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _explain(code: int, limits: Limits) -> str:
    if code >= 0:
        return ""
    if -code == signal.SIGXCPU:
        return f"It used more than {limits.cpu_seconds} seconds of processor time."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " The machine may have run out of memory." if -code == signal.SIGKILL else ""
    return f"It was ended by {name}.{hint}"


def _size(count: int) -> str:
    return f"{count // _MEGA} MB" if count >= _MEGA else f"{count} bytes"
