"""A user of its own for each program, where this process is root."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from collections.abc import Iterable
from contextlib import suppress

from headwater_catalog.confinement import kernel

__all__ = ["become", "can_read_all", "closed_path", "end_all_of", "take"]

_LOCKS = "/run/headwater-users"
_READ_SEARCH = 1 << 2  # CAP_DAC_READ_SEARCH


def take(first: int, last: int) -> int | None:
    """Take the first user of a range that nobody has taken; it is free again when this process ends.

    Returns:
        The number; None where all are taken.

    Raises:
        OSError: The list of those taken cannot be kept.
    """
    with suppress(FileExistsError):
        os.mkdir(_LOCKS, 0o700)
    for number in range(first, last + 1):
        held = os.open(f"{_LOCKS}/{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
        else:
            return number
    return None


def closed_path(paths: Iterable[str]) -> str | None:
    """Return the first file or folder, on the way to some paths, that is closed to other users."""
    known: set[str] = set()
    for path in paths:
        here = os.path.realpath(path)
        while here not in known:
            known.add(here)
            try:
                mode = os.stat(here).st_mode
            except OSError:
                break
            if not mode & (stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH):
                return here
            here = os.path.dirname(here)
    return None


def can_read_all() -> bool:
    """Tell whether this process may read whatever the mode of a file, and hand that on."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        lines = dict(line.split(":", 1) for line in status if ":" in line)
    return bool(int(lines.get("CapPrm", "0").strip(), 16) & _READ_SEARCH)


def become(number: int, *, reading: bool) -> None:
    """Make this process one of a user, with no special rights but perhaps that of reading."""
    if reading:
        kernel.keep_reading()
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
    kernel.drop_capabilities(reading=reading)


def end_all_of(number: int) -> None:
    """End every process of a user at once, and wait until there is none."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
