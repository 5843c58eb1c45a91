"""What a program and all that it has started use of the machine: memory, processes, disk."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_catalog.confinement import processes

__all__ = ["Footprint", "disk_of", "footprint_of"]

_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process and all below it use.

    Attributes:
        processes: How many there are below it.
        memory: Bytes that they hold beside files.
    """

    processes: int
    memory: int


def footprint_of(process: int, enough: int) -> Footprint:
    """Measure all that a process has started, itself left out.

    Args:
        process: Its number.
        enough: Memory from which on it is worth while to find out what processes share.
    """
    if sys.platform != "linux":
        return Footprint(0, 0)
    found = processes.descendants(process)
    memory = sum(map(_held, found))
    if memory > enough and len(found) > 1:  # after a fork, what both share was counted twice
        memory = sum(map(_share, found))
    return Footprint(len(found), memory)


def _held(process: int) -> int:
    try:
        _, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text("ascii").split()
    except (OSError, ValueError):  # it has ended
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _share(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text("ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) * 1024
    except (OSError, ValueError):  # it has ended, or has closed itself to view
        return _held(process)


def disk_of(folder: Path, most_files: int) -> tuple[int, int]:
    """Return how many bytes the files below a folder take, and how many they are, counting up to a number."""
    size = files = 0
    open_ends = [str(folder)]
    while open_ends and files <= most_files:
        with contextlib.suppress(OSError), os.scandir(open_ends.pop()) as entries:
            for entry in entries:
                files += 1
                if files > most_files:
                    break
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        open_ends.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
    return size, files
