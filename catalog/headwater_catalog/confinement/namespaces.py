"""Namespaces: processes that end together, and shared memory that nobody else sees."""

from __future__ import annotations

import os
from typing import Final

from headwater_catalog.confinement import kernel

__all__ = ["enter", "own_shared_memory"]

_NEW_MOUNTS: Final = 0x00020000  # linux/sched.h
_NEW_USERS: Final = 0x10000000
_NEW_PROCESSES: Final = 0x20000000
_PRIVATE: Final = 0x00040000 | 0x4000  # MS_PRIVATE | MS_REC
_PLAIN: Final = 0x2 | 0x4 | 0x8  # MS_NOSUID | MS_NODEV | MS_NOEXEC


def enter() -> str:
    """Let the processes that this one will start live in namespaces of their own.

    Returns:
        Why that is not possible; empty where it is.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        if user == 0:
            kernel.unshare(_NEW_PROCESSES | _NEW_MOUNTS)
        else:
            kernel.unshare(_NEW_USERS | _NEW_PROCESSES | _NEW_MOUNTS)
            _keep_user(user, group)
    except OSError as error:
        return f"the system allows no namespaces to this worker ({error.strerror})"
    return ""


def _keep_user(user: int, group: int) -> None:
    """Be in the new namespace who one was before."""
    identity = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    for name, line in identity.items():
        held = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(held, line.encode())
        finally:
            os.close(held)


def own_shared_memory(size: int) -> bool:
    """Put a /dev/shm of this size in place of the machine's, inside a namespace; False where that fails."""
    try:
        kernel.mount("", "/", "", _PRIVATE)
        kernel.mount("tmpfs", "/dev/shm", "tmpfs", _PLAIN, f"size={size},mode=1777")  # noqa: S108
    except OSError:
        return False
    return True
