"""Calls of the Linux kernel that Python does not offer, with their errors as `OSError`."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

__all__ = ["drop_capabilities", "keep_reading", "mount", "prctl", "syscall", "unshare"]

_PR_SET_SECUREBITS = 28  # linux/prctl.h
_PR_CAP_AMBIENT = 47
_AMBIENT_RAISE = 2
_AMBIENT_CLEAR_ALL = 4
_PR_SET_KEEPCAPS = 8
_NO_ROOT_LOCKED = 0b11  # SECBIT_NOROOT and its lock: root is a user like others
_READ_SEARCH = 2  # CAP_DAC_READ_SEARCH
_CAPABILITIES_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3

_libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def prctl(option: int, *arguments: int) -> int:
    """Call prctl(2) with as many arguments as its option takes."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    return _checked(_libc.prctl(option, *(ctypes.c_ulong(value) for value in padded)))


def syscall(number: int, *arguments: Any) -> int:
    """Call a system call by its number; integers are passed as machine words."""
    words = (ctypes.c_long(value) if isinstance(value, int) else value for value in arguments)
    return _checked(_libc.syscall(ctypes.c_long(number), *words))


def unshare(flags: int) -> None:
    """Give this process namespaces of its own."""
    _checked(_libc.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount a file system, or change how one is mounted."""
    texts = (text.encode() or None for text in (source, target, kind))
    _checked(_libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None))


def keep_reading() -> None:
    """Let this process keep, over the coming change of its user, the right to be given to the next program.

    To be followed, after the change, by `drop_capabilities(reading=True)`.
    """
    prctl(_PR_SET_KEEPCAPS, 1)


def drop_capabilities(*, reading: bool = False) -> None:
    """Give up the special rights of root, for this process and the programs that it becomes.

    Args:
        reading: Keep that of reading whatever the mode of a file; something else must then say which files.
    """
    kept = 1 << _READ_SEARCH if reading else 0
    prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    if os.getuid() == 0:
        prctl(_PR_SET_SECUREBITS, _NO_ROOT_LOCKED)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    rights = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)  # effective, permitted, inheritable
    _checked(_libc.capset(header, rights))
    if reading:
        prctl(_PR_SET_KEEPCAPS, 0)
        prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, _READ_SEARCH)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
