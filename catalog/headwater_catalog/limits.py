"""What the feature code of a run may use up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["MEGA", "USERS", "Limits"]

MEGA: Final = 1024 * 1024
"""Bytes of what people call a megabyte."""

USERS: Final = range(60600, 61100)
"""The users of which each run is one, where the worker is root; numbers that systems leave unused."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use, in seconds, bytes, files and processes.

    Attributes:
        wall_seconds: Time by the clock.
        cpu_seconds: Time of the processor, for each process.
        memory: Of each process, and of all together.
        file_size: Of each file.
        disk: Of all files in its folder together.
        files: How many there may be in its folder.
        open_files: How many each process may have open.
        processes: How many processes and threads it may have at once.
        output: What it may write to its standard output and error.
        spare_disk: What must be left of the disk, whoever fills it.
    """

    wall_seconds: float = 900
    cpu_seconds: int = 900
    memory: int = 4096 * MEGA
    file_size: int = 4096 * MEGA
    disk: int = 8192 * MEGA
    files: int = 100_000
    open_files: int = 512
    processes: int = 256
    output: int = 64 * MEGA
    spare_disk: int = 256 * MEGA

    def as_rlimits(self) -> dict[str, tuple[int, int]]:
        """Return the limits that the kernel keeps, soft and hard, by their names in the `resource` module."""
        return {
            # Past the soft limit comes a signal that tells the reason, past the hard one the end.
            "RLIMIT_CPU": (self.cpu_seconds, self.cpu_seconds + 2),
            "RLIMIT_AS": (self.memory, self.memory),
            "RLIMIT_FSIZE": (self.file_size, self.file_size),
            "RLIMIT_NOFILE": (self.open_files, self.open_files),
            "RLIMIT_NPROC": (self.processes, self.processes),
            "RLIMIT_CORE": (0, 0),
        }
