"""Programs of Headwater's own that are confined, and processes that are prepared to become them.

To import pandas takes several times longer than most runs do. A process that confines programs again and
again, as a worker does, has fork servers (`confinement.fork_server`) for that: each has imported what some
program needs, and forks itself when that is asked for. Everywhere else, and where anything is in the way, a
program is started anew; what it can do and what it makes is the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import headwater
import headwater_catalog
from headwater_catalog.confinement import LARGEST_ORDER

__all__ = ["Forked", "Program", "fork", "prepared_processes"]

_ROOTS: Final = tuple(str(Path(package.__path__[0]).parent) for package in (headwater, headwater_catalog))
_PACKAGES: Final = tuple(sorted({Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}))
_SERVE: Final = """\
import sys
sys.path[:0] = sys.argv[1].split("|")
from headwater_catalog.confinement.fork_server import main
main()
"""
_CALL: Final = """\
import importlib, sys
sys.path[:0] = filter(None, sys.argv.pop(1).split("|"))
getattr(importlib.import_module(sys.argv.pop(1)), sys.argv.pop(1))()
"""
_PATIENCE: Final = 30  # seconds for a server to answer
_MOST_NAMES: Final = 1 << 18  # bytes


@dataclass(frozen=True, slots=True)
class Program:
    """A function of a module of Headwater's, as a program.

    Attributes:
        module: The module.
        function: A function without arguments, which finds its own in `sys.argv`.
        arguments: These.
        imports: What it imports in any case, and may have been imported for another program before it; as
            `module:function` also what it calls, where that finds the same at any time. No process is
            prepared for a program without any.
        packages: Folders from which to import, beside Python's own packages.
        brings: First parts of the names of modules that code may import which the program executes.
        python: Which Python executes it.
        is_apart: Whether it shares nothing with other programs, not even the seed by which texts are hashed.
    """

    module: str
    function: str
    arguments: tuple[str, ...]
    imports: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    brings: frozenset[str] = frozenset()
    python: str = sys.executable
    is_apart: bool = False

    def command(self) -> list[str]:
        """Return the command that executes it in a process started anew."""
        call = ["|".join(self.packages), self.module, self.function]
        return [self.python, "-I", "-c", _CALL, *call, *self.arguments]


class Forked:
    """A keeper that a fork server has made of itself; as much of `subprocess.Popen` as is needed of one.

    Attributes:
        pid: Its number.
        stdin: What ties it to this process.
        stdout: What its program writes.
    """

    def __init__(self, pid: int, ended: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self._ended: int | None = ended

    def poll(self) -> int | None:
        """Return 0 if it has ended."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It has not ended after so many seconds.
        """
        found = self._look(timeout)
        if found is None:
            raise subprocess.TimeoutExpired("keeper", timeout or 0)
        return found

    def _look(self, timeout: float | None) -> int | None:
        if self._ended is not None:
            events = select.poll()
            events.register(self._ended, select.POLLIN)
            if not events.poll(None if timeout is None else timeout * 1000):
                return None
            os.close(self._ended)
            self._ended = None
        return 0


class _Server:
    """A fork server, as this process knows it."""

    def __init__(self, imports: Sequence[str], environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._names: frozenset[str] | None = None
        self._packages = _state_of_packages()
        with theirs:
            number = theirs.fileno()
            words = ["|".join(_ROOTS), str(number), *imports]
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _SERVE, *words],
                cwd="/",
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(number,),
                start_new_session=True,
            )

    def names(self) -> frozenset[str] | None:
        """Return the first parts of the names of its modules; None as long as it imports them.

        Raises:
            OSError: It has ended.
        """
        if self._names is None:
            with contextlib.suppress(BlockingIOError):
                told = self._control.recv(_MOST_NAMES)
                if not told:
                    raise ConnectionResetError("it has ended")
                self._names = frozenset(json.loads(told))
                self._control.settimeout(_PATIENCE)
        return self._names

    def is_outdated(self) -> bool:
        """Tell whether packages were installed since it began, which it may have imported as they were."""
        return self._packages != _state_of_packages()

    def fork(self, order: bytes, files: Sequence[int]) -> tuple[int, int]:
        """Have it fork a keeper; return the number of that, and a file that says when it has ended.

        The keeper begins when it is told so.

        Raises:
            OSError: It has ended, does not answer, or takes no such order.
        """
        socket.send_fds(self._control, [order], list(files))
        told, received, _, _ = socket.recv_fds(self._control, 64, 1)
        if not received:
            raise ConnectionResetError("it has ended")
        return int(told), received[0]

    def close(self) -> None:
        """Let it end; what it has forked goes on."""
        self._control.close()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        self._process.wait()


class _Servers:
    """The fork servers of this process, by what they import."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[tuple[str, ...], _Server] = {}
        self._process: int | None = None
        self._wanted = 0

    def begin(self) -> None:
        """Let there be servers until as many ends."""
        with self._lock:
            if self._process != os.getpid():  # there may be those of which this is a copy
                self._process, self._wanted, self._servers = os.getpid(), 0, {}
            self._wanted += 1

    def end(self) -> None:
        """Let the servers end where nobody else wants any."""
        with self._lock:
            self._wanted -= 1
            if self._wanted == 0 and self._process == os.getpid():
                for server in self._servers.values():
                    server.close()
                self._servers.clear()

    def fork(
        self, program: Program, order: Mapping[str, Any], files: Sequence[int]
    ) -> tuple[int, int] | None:
        """Have a keeper forked; None where there is no server that can, or none yet."""
        # A copy of a process has nothing to say to the servers of that.
        if not self._wanted or self._process != os.getpid() or not _can_become(program):
            return None
        sent = json.dumps(_as_order(program, order)).encode()
        with self._lock:
            try:
                server = self._servers.get(program.imports)
                if server is None or server.is_outdated():
                    self._forget(program.imports)
                    # This program is not kept waiting for it, which another may be glad of.
                    self._servers[program.imports] = _Server(program.imports, _without_place(order))
                    return None
                names = server.names()
                if names is None or names & program.brings or len(sent) > LARGEST_ORDER:
                    return None
                return server.fork(sent, files)
            except OSError:  # it has ended, for example since nobody needed it for long
                self._forget(program.imports)
                return None

    def _forget(self, imports: tuple[str, ...]) -> None:
        if (server := self._servers.pop(imports, None)) is not None:
            server.close()


_SERVERS: Final = _Servers()


@contextlib.contextmanager
def prepared_processes() -> Iterator[None]:
    """Have processes prepared for the programs that this process confines meanwhile."""
    _SERVERS.begin()
    try:
        yield
    finally:
        _SERVERS.end()


def fork(program: Program, order: Mapping[str, Any], status: int) -> Forked | None:
    """Have a prepared process become the keeper of a program.

    Args:
        program: The program.
        order: What its keeper is told, but for the program.
        status: The file on which that answers.

    Returns:
        The keeper; None where none is prepared, and the program is to be started anew.
    """
    with contextlib.ExitStack() as opened:
        given, tie = map(opened.enter_context, _pipe())
        output, written = map(opened.enter_context, _pipe())
        forked = _SERVERS.fork(program, order, (given.fileno(), written.fileno(), status))
        if forked is None:
            return None
        opened.pop_all()
        given.close()
        written.close()
    with contextlib.suppress(BrokenPipeError):  # it was killed before it began, which is an end like others
        tie.write(b"\n")
    return Forked(*forked, tie, output)


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    receiving, sending = os.pipe()
    return os.fdopen(receiving, "rb", buffering=0), os.fdopen(sending, "wb", buffering=0)


def _state_of_packages() -> list[int]:
    """Return when packages were installed or removed last, in each folder of them."""
    return [place.stat().st_mtime_ns for place in _PACKAGES if place.is_dir()]


def _can_become(program: Program) -> bool:
    is_same = program.python == sys.executable and not program.is_apart
    return sys.platform == "linux" and is_same and bool(program.imports)


def _as_order(program: Program, order: Mapping[str, Any]) -> dict[str, Any]:
    called = {"program": [program.python, program.module, program.function]}
    return {**order, **called, "arguments": program.arguments, "packages": program.packages}


def _without_place(order: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a program without what tells its folder."""
    return {name: text for name, text in order["environment"].items() if text != order["folder"]}
