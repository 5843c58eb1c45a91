"""Removing folders that feature code may have filled with anything."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from pathlib import Path
from typing import Final

__all__ = ["remove_folder"]

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
    for _ in range(_DEEPEST):
        entries = list(folder.iterdir())
        if not entries:
            break
        for entry in entries:
            if _is_folder(entry):
                _lift(entry)
            else:
                entry.unlink()
    folder.rmdir()


def _lift(folder: Path) -> None:
    """Move what a folder holds to the one above, so that no path grows long, and remove it."""
    folder.chmod(0o700)
    for entry in list(folder.iterdir()):
        if _is_folder(entry):
            entry.chmod(0o700)  # a folder can be moved only by who may write into it
        entry.rename(folder.parent / secrets.token_hex(16))
    folder.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
