"""Removing folders that feature code may have filled with anything."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from pathlib import Path
from typing import Final

__all__ = ["remove_folder"]

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST: Final = 100_000  # levels; a process that was left behind may make new ones for ever


def remove_folder(folder: Path) -> None:
    """Remove a folder as far as that is possible; a link in its place goes, and not what it leads to."""
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
            return
        try:
            shutil.rmtree(folder)
        except (OSError, RecursionError):  # closed to its owner, or nested beyond what Python can follow
            _remove_by_levels(folder)


def _remove_by_levels(folder: Path) -> None:
    held = _opened(folder, None)
    try:
        for _ in range(_DEEPEST):
            names = _names(held)
            if not names:
                break
            for name in names:
                if _is_folder(name, held):
                    _lift(name, held)
                else:
                    os.unlink(name, dir_fd=held)
    finally:
        os.close(held)
    folder.rmdir()


def _lift(name: str, above: int) -> None:
    """Move what a folder holds to the one above, so that no path grows long, and remove it."""
    held = _opened(name, above)
    try:
        for below in _names(held):
            if _is_folder(below, held):
                os.close(_opened(below, held))  # a folder can be moved only by who may write into it
            os.rename(below, secrets.token_hex(16), src_dir_fd=held, dst_dir_fd=above)
    finally:
        os.close(held)
    os.rmdir(name, dir_fd=above)


def _opened(name: str | Path, above: int | None) -> int:
    """Open a folder as it stands, and to its owner; a link that is put in its place is not followed.

    One that is closed to its owner can be held without being opened, and is opened by that.
    """
    with contextlib.suppress(PermissionError):
        held = os.open(name, _FOLDER, dir_fd=above)
        os.fchmod(held, 0o700)
        return held
    place = os.open(
        name, getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above
    )
    try:
        Path(f"/proc/self/fd/{place}").chmod(0o700)  # by its number; it can be changed by no other way
        return os.open(".", _FOLDER, dir_fd=place)
    finally:
        os.close(place)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _is_folder(name: str, above: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
