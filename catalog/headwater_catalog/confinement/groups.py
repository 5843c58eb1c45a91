"""The control group of a process: where Linux tells it how much memory and processor it may use."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["telling_files"]

_TOLD_BY = "/proc/self/cgroup"  # cgroups(7): lines of `number:controllers:path`
_MOUNTED = "/sys/fs/cgroup"
_LIMITS = (
    *("memory.max", "memory.high", "cpu.max", "cpuset.cpus.effective"),
    *("memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpuset.cpus"),  # of version 1
)
_CONTROLLERS = {"", "cpu", "cpuacct", "cpuset", "memory"}


def telling_files() -> Iterator[str]:
    """Yield the files that tell this process its limits, and some that may not be there.

    Packages that adapt themselves to the machine look there, and some end where a file is there and closed.
    """
    yield _TOLD_BY
    try:
        with open(_TOLD_BY, encoding="utf-8", errors="surrogateescape") as told:
            lines = [line.rstrip("\n").split(":", 2) for line in told]
    except OSError:
        return
    for _, controllers, path in (line for line in lines if len(line) == 3):
        for controller in _CONTROLLERS.intersection(controllers.split(",")):
            for name in _LIMITS:
                yield f"{_MOUNTED}/{controller}{path}/{name}"
                yield f"{_MOUNTED}/{controller}/{name}"
