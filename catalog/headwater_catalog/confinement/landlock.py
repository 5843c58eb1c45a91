"""Landlock: the files that a process, and all that it starts, may read and write."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterable

from headwater_catalog.confinement.kernel import syscall

__all__ = ["Ruleset", "version"]

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # of x86_64 and aarch64 alike
_ASK_VERSION = 1
_PATH_BENEATH = 1

# linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _MAKE_FIFO, _MAKE_SYM = 1 << 7, 1 << 8, 1 << 10, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_ALL = (1 << 13) - 1  # what the first version knows
_TCP = 0b11  # to bind and to connect
_SCOPES = 0b11  # abstract sockets and signals

_READING = _EXECUTE | _READ_FILE | _READ_DIR
_CHANGING = _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG
_WRITING = _READING | _CHANGING | _MAKE_FIFO | _MAKE_SYM | _REFER
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


def version() -> int:
    """Return the version that the kernel has; 0 without any."""
    try:
        return syscall(_CREATE, None, 0, _ASK_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0  # too old, switched off, or forbidden by what contains this machine
        raise


class Ruleset:
    """What a process may do with files; nothing at first.

    Args:
        number: The version that the kernel has.
        network: Whether TCP is left alone.
    """

    def __init__(self, number: int, *, network: bool) -> None:
        """Make an empty set."""
        self.handled = _FIRST_ALL
        self.handled |= _REFER if number >= 2 else 0
        self.handled |= _TRUNCATE if number >= 3 else 0
        self.handled |= _IOCTL_DEV if number >= 5 else 0
        words = [self.handled]
        if number >= 4:
            words.append(0 if network else _TCP)
        if number >= 6:
            words.append(_SCOPES)
        attributes = struct.pack(f"={len(words)}Q", *words)
        self._held = syscall(_CREATE, ctypes.c_char_p(attributes), len(attributes), 0)

    def allow(self, paths: Iterable[str], *, writing: bool = False) -> None:
        """Allow what is at and below some paths; what is not there is left out."""
        for path in paths:
            try:
                place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:  # not there
                continue
            rights = _WRITING if writing else _READING
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                rights &= _OF_FILES
            rule = struct.pack("=Qi", rights & self.handled, place)
            try:
                syscall(_ADD_RULE, self._held, _PATH_BENEATH, ctypes.c_char_p(rule), 0)
            finally:
                os.close(place)

    def restrict(self) -> None:
        """Hold this process, and all that it starts, to the set, for ever."""
        syscall(_RESTRICT, self._held, 0)
        os.close(self._held)
