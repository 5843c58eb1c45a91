"""What a program and all that it has started use of the machine: memory, processes, disk."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_catalog.confinement import processes

__all__ = ["Disk", "Footprint", "Unmeasured", "disk_of", "footprint_of"]

_COUNTED: Final = ("RssAnon", "RssShmem")
"""What a process holds beside files: memory of its own, and what it shares with others, of no file either."""

_SHARED: Final = ("Pss_Anon", "Pss_Shmem")
_SHARED_FILES: Final = "dev/shm"
_DEEPEST: Final = 200  # folders within one another, each of which is held open on the way down
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


class Unmeasured(Exception):
    """What a program uses cannot be measured, because of what it did; the message says what."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process and all below it use.

    Attributes:
        processes: How many there are below it.
        memory: Bytes that they hold beside files; what is in a `/dev/shm` of their own is no file.
    """

    processes: int
    memory: int


@dataclass(frozen=True, slots=True)
class Disk:
    """What files take.

    Attributes:
        size: Bytes.
        files: How many there are, counted up to a number.
        closed: The processes of which it was not seen which files without a name they have open.
    """

    size: int
    files: int
    closed: frozenset[int] = frozenset()


def footprint_of(process: int, enough: int) -> Footprint:
    """Measure all that a process has started, itself left out.

    Args:
        process: Its number.
        enough: Memory from which on it is worth while to find out what processes share.
    """
    if sys.platform != "linux":
        return Footprint(0, 0)
    found = processes.descendants(process)
    in_files, device = _own_shared_files(process)
    memory = in_files + sum(map(_held, found))
    if memory > enough:  # files in memory that are mapped, and what is shared after a fork, counted twice
        memory = in_files + sum(_share(each, device, in_files) for each in found)
    return Footprint(len(found), memory)


def _own_shared_files(process: int) -> tuple[int, str]:
    """Return the bytes in the `/dev/shm` of a process's namespace, and how the kernel names that device.

    Nothing is told where the process has that of the machine.
    """
    try:
        place = Path("/proc", str(process), "root", _SHARED_FILES)
        device = place.stat().st_dev
        if device == Path("/", _SHARED_FILES).stat().st_dev:
            return 0, ""
        found = os.statvfs(place)
        name = f"{os.major(device):02x}:{os.minor(device):02x}"
        return (found.f_blocks - found.f_bfree) * found.f_frsize, name
    except OSError:  # it has ended, or may not be looked at
        return 0, ""


def _held(process: int) -> int:
    try:
        return _told(f"/proc/{process}/status", _COUNTED)
    except (OSError, ValueError):  # it has ended
        return 0


def _share(process: int, device: str, in_files: int) -> int:
    """Return the share of a process in what it holds, but for what it has mapped of a device.

    Of one that cannot be looked into it is what it holds beside all files there: it may have mapped them all.
    """
    try:
        share = _told(f"/proc/{process}/smaps_rollup", _SHARED)
        return max(0, share - _mapped(process, device)) if device else share
    except (OSError, ValueError):  # it has ended, or has closed itself to view
        return max(0, _held(process) - in_files)


def _told(path: str, names: tuple[str, ...]) -> int:
    """Return the sum of some lines of a file of the kernel, in bytes."""
    lines = (line.split() for line in Path(path).read_text("utf-8", "replace").splitlines())
    return sum(int(words[1]) * 1024 for words in lines if words and words[0][:-1] in names)


def _mapped(process: int, device: str) -> int:
    """Return the share of a process in the pages that it has mapped of the files of a device."""
    share, is_there = 0, False
    with Path(f"/proc/{process}/smaps").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if not words[0].endswith(":"):  # the head of a mapping: place, rights, offset, device, ...
                is_there = words[3] == device
            elif is_there and words[0] == "Pss:":
                share += int(words[1]) * 1024
            elif is_there and words[0] == "Anonymous:":  # written to, and its own since then
                share -= int(words[1]) * 1024
    return max(0, share)


def disk_of(folder: Path, most_files: int, process: int | None = None) -> Disk:
    """Return what the files below a folder take.

    Args:
        folder: The folder; a program may be at work in it.
        most_files: How many files are counted.
        process: The process that has started the program; files that it or what it started has open and that
            have no name any more are counted, as far as they can be seen.

    Raises:
        Unmeasured: There is a folder that cannot be looked into, or that is too deep.
    """
    size = files = 0
    with contextlib.suppress(FileNotFoundError):
        size, files = _disk_below(os.open(folder, _FOLDER), most_files, 0)
    if process is None or sys.platform != "linux":
        return Disk(size, files)
    nameless, closed = _nameless(processes.descendants(process), most_files)
    return Disk(size + sum(nameless.values()), files + len(nameless), frozenset(closed))


def _disk_below(folder: int, most_files: int, depth: int) -> tuple[int, int]:
    """Return the same of a folder that is open, and close it."""
    size = files = 0
    try:
        if depth > _DEEPEST:
            raise Unmeasured(f"Its folders are more than {_DEEPEST} deep.")
        with os.scandir(folder) as entries:
            for entry in entries:
                files += 1
                if files > most_files:
                    break
                with contextlib.suppress(FileNotFoundError):  # it goes at this moment
                    if not entry.is_dir(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                    elif (below := _open_below(entry.name, folder)) is not None:
                        more = _disk_below(below, most_files - files, depth + 1)
                        size, files = size + more[0], files + more[1]
        return size, files
    finally:
        os.close(folder)


def _open_below(name: str, folder: int) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError:
        raise Unmeasured("It has closed a folder, so that what is in it cannot be counted.") from None
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # it is no folder any more
            return None
        raise


def _nameless(found: list[int], most: int) -> tuple[dict[tuple[int, int], int], set[int]]:
    """Return the files that processes have open and that have no name any more, with their bytes.

    Also the processes that may not be looked into.
    """
    sizes: dict[tuple[int, int], int] = {}
    closed = set[int]()
    for process in found:
        try:
            sizes |= _nameless_of(process)
        except PermissionError:
            if not processes.has_ended(process):
                closed.add(process)
        except OSError:  # it has ended
            continue
        if len(sizes) > most:
            break
    return sizes, closed


def _nameless_of(process: int) -> dict[tuple[int, int], int]:
    sizes: dict[tuple[int, int], int] = {}
    with os.scandir(f"/proc/{process}/fd") as opened:
        for entry in opened:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                held = Path(entry.path).stat()
                if stat.S_ISREG(held.st_mode) and held.st_nlink == 0:
                    sizes[held.st_dev, held.st_ino] = held.st_blocks * 512
    return sizes
