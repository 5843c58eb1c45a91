"""Run a program that is not trusted, with limits on what it can see and what it can use up.

What it may use: time, memory (of each process by the kernel, of all of them by watching), the size of each
file and of all in its folder, open files, processes, output. It has a clean environment, a folder of its own
to work in, no terminal and no input. On Linux it reads only what it is given and writes only to its folder,
has no network, is a user of its own where the worker is root, and nothing that it started outlives it (see
`confinement`). What the system at hand cannot hold is told with the outcome, measure by measure.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from headwater_catalog.errors import JobError
from headwater_catalog.footprint import Unmeasured, disk_of, footprint_of
from headwater_catalog.limits import MEGA, USERS, Limits
from headwater_catalog.prepared import Forked, Program, fork

__all__ = ["Access", "Limits", "Measure", "Outcome", "run"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_ENTER: Final = """\
import sys
sys.path.append(sys.argv.pop(1))
from headwater_catalog.confinement.keeper import main
main()
"""
_KEPT: Final = 64 * 1024  # bytes of output
_STATUS: Final = 64 * 1024
_TICK: Final = 0.2  # seconds between two looks at the clock and at the watch
_MEASURED: Final = 0.5  # seconds between two looks at what it uses
_PATIENCE: Final = 15  # seconds for all that it started to end


_Keeper: TypeAlias = subprocess.Popen[bytes] | Forked


@dataclass(frozen=True, slots=True)
class Access:
    """What a program may reach beside its folder.

    Attributes:
        reads: Files and folders that it may read beside Python and its packages.
        network: Whether it has the network.
        users: The users of which it is one, where this process is root.
    """

    reads: Sequence[Path] = ()
    network: bool = False
    users: range = USERS


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that holds a program, or does not hold it here.

    Attributes:
        name: What is held: files, network, processes and so on.
        held: Whether it is.
        detail: A sentence: by what it is held, or why it is not.
    """

    name: str
    held: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return the measure as JSON."""
        return {"name": self.name, "held": self.held, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        code: Its exit code; minus the number of the signal that ended it.
        reason: A sentence saying why it ended before its time; empty where it ended by itself.
        log: The last of what it wrote to its standard output and error, together.
        measures: What held it, and what did not.
    """

    code: int
    reason: str
    log: str
    measures: tuple[Measure, ...] = field(default=())


def run(
    program: Program | Sequence[str],
    folder: Path,
    limits: Limits | None = None,
    watch: Callable[[], str | None] | None = None,
    access: Access | None = None,
) -> Outcome:
    """Run a program to its end and return how it ended; whatever it started ends with it.

    Args:
        program: One of our own, which a process that is prepared may become; or the absolute path of any, and
            its arguments.
        folder: Its working directory, also its home and its place for temporary files; all that it may
            write to.
        limits: What it may use.
        watch: Called several times a second; a sentence that it returns ends the program.
        access: What it may reach.

    Raises:
        JobError: It could not be confined, and was not started.
    """
    limits, access = limits or Limits(), access or Access()
    receiving, sending = os.pipe()
    with os.fdopen(receiving, "rb") as status:
        try:
            keeper = _start(program, folder, limits, access, sending)
        finally:
            os.close(sending)
        assert keeper.stdout is not None
        with keeper.stdout as output:
            tail, looking = _Tail(), _Watch(keeper.pid, folder, limits, watch)
            try:
                reason = _follow(keeper, output, tail, looking)
            finally:
                _end(keeper)
                _take_back(folder)
            tail.drain(output)
        told = _read_status(status)
    if error := told.get("error"):
        raise JobError(f"{error} Nothing was executed.")
    code = told.get("code", -signal.SIGKILL)
    measures = [Measure(**measure) for measure in told.get("measures", [])]
    if measures and sys.platform == "linux":
        measures.append(_open_files(looking, limits))
    return Outcome(code, reason or _explain(code, limits), tail.text(), tuple(measures))


def _open_files(watch: _Watch, limits: Limits) -> Measure:
    """Return whether what a program has open without a name was counted."""
    if watch.looks < 2:
        return Measure("open files", True, "It ended before anybody could look at its open files twice.")
    held = "What it has open without a name counts among its files."
    left = f"That {_size(limits.spare_disk)} of the disk are left is watched alone"
    why = "What it has open without a name is not counted, since the worker may not look into its processes"
    detail = (
        held if watch.sees_all else f"What it has open without a name is not counted, since {why}. {left}."
    )
    return Measure("open files", watch.sees_all, detail)


def _start(
    program: Program | Sequence[str], folder: Path, limits: Limits, access: Access, status: int
) -> _Keeper:
    environment = _environment(folder)
    order = {
        "folder": str(folder),
        "environment": environment,
        "limits": limits.as_rlimits(),
        "reads": [*_of_python(folder), *map(str, access.reads)],
        "network": access.network,
        "users": [access.users[0], access.users[-1]],
    }
    if isinstance(program, Program):
        if (forked := fork(program, order, status)) is not None:
            return forked
        program = program.command()
    order |= {"program": [str(word) for word in program], "status": status}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _ENTER, str(_ROOT), json.dumps(order)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(status,),
        start_new_session=True,
    )


def _of_python(folder: Path) -> list[str]:
    """Return where this Python and its packages are; not what holds the folder, which is not theirs."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    parts = ("bin", "lib", "lib64", "pyvenv.cfg")
    places = [Path(prefix, part) for prefix in sorted(prefixes) for part in parts]
    places += [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    places += [Path(entry) for entry in sys.path if entry]
    return sorted({str(place) for place in places if not folder.is_relative_to(place)})


def _environment(folder: Path) -> dict[str, str]:
    home = str(folder)
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": home,
        "USER": "headwater",  # its user may have no name, and some packages ask for one
        # OpenBLAS reserves address space for every thread, on a large machine more than the limit.
        "OPENBLAS_NUM_THREADS": str(min(4, os.cpu_count() or 1)),
        # Its threads turn round and round for 2 to the power of this many cycles of the clock before they
        # sleep; with the usual 26 a tenth of the processor time of a short run goes into that.
        "OPENBLAS_THREAD_TIMEOUT": "20",
    }


class _Watch:
    """Says when a program must end."""

    def __init__(
        self, keeper: int, folder: Path, limits: Limits, further: Callable[[], str | None] | None
    ) -> None:
        self.keeper = keeper
        self.folder = folder
        self.limits = limits
        self.further = further
        self.deadline = time.monotonic() + limits.wall_seconds
        self.next_look = time.monotonic() + _TICK
        self.next_measure = time.monotonic()
        self.sees_all = True  # whether files without a name were counted, as far as they were looked for
        self.closed: frozenset[int] = frozenset()
        self.looks = 0

    def look(self, output: int) -> str:
        """Return why the program must end, having written so many bytes; empty where it may go on."""
        if output > self.limits.output:
            return f"It wrote more than {_size(self.limits.output)} of output."
        now = time.monotonic()
        if now > self.deadline:
            return f"It ran longer than {self.limits.wall_seconds:g} seconds."
        if now >= self.next_measure and (reason := self._measure()):
            return reason
        if self.further is not None and now >= self.next_look:
            self.next_look = now + _TICK
            return self.further() or ""
        return ""

    def _measure(self) -> str:
        limits = self.limits
        used = footprint_of(self.keeper, limits.memory)
        if used.memory > limits.memory:
            return f"Its processes together used more than {_size(limits.memory)} of memory."
        if used.processes > limits.processes + 1:  # beside the keeper's own
            return f"It had more than {limits.processes} processes."
        try:
            disk = disk_of(self.folder, limits.files, self.keeper)
        except Unmeasured as error:
            return str(error)
        # Seen twice, since a process is closed for a moment as it gives up rights and becomes the program.
        self.sees_all &= not disk.closed & self.closed
        self.closed = disk.closed
        self.looks += 1
        if disk.size > limits.disk:
            return f"Its files together took more than {_size(limits.disk)} of disk."
        if disk.files > limits.files:
            return f"It made more than {limits.files:,} files."
        if shutil.disk_usage(self.folder).free < limits.spare_disk:
            return f"Less than {_size(limits.spare_disk)} of the disk were left, for all that use it."
        self.next_measure = time.monotonic() + _MEASURED
        return ""


def _follow(keeper: _Keeper, output: IO[bytes], tail: _Tail, watch: _Watch) -> str:
    """Read the output until the program ends or must end; return why it must, or an empty text."""
    os.set_blocking(output.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while keeper.poll() is None:
            if tail.closed:  # it closed its output, and goes on or comes to its end
                with contextlib.suppress(subprocess.TimeoutExpired):
                    keeper.wait(_TICK)
            elif selector.select(_TICK):
                tail.take(output)
            if reason := watch.look(tail.total):
                return reason
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


def _end(keeper: _Keeper) -> None:
    """Let the keeper end all that there is, and end it should it not."""
    assert keeper.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        keeper.stdin.close()
    try:
        keeper.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()


def _take_back(folder: Path) -> None:
    """Make this process's user the owner of the folder and of the files in it that may be kept."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    with contextlib.suppress(OSError):
        for place in (folder, *folder.iterdir()):
            held = os.lstat(place)
            if stat.S_ISDIR(held.st_mode) or (stat.S_ISREG(held.st_mode) and held.st_nlink == 1):
                os.chown(place, 0, 0, follow_symlinks=False)


def _read_status(status: IO[bytes]) -> dict[str, Any]:
    """Read what the keeper told; it alone holds the other end, with the processes that it has ended."""
    os.set_blocking(status.fileno(), False)
    told: dict[str, Any] = {}
    for line in (status.read(_STATUS) or b"").splitlines():
        told |= json.loads(line)
    return told


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
    return f"{count // MEGA} MB" if count >= MEGA else f"{count} bytes"
