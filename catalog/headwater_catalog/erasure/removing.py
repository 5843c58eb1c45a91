"""Removing files of the home, and nothing else: no link on the way is followed, whatever a record says."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ["NotRemoved", "remove_kept"]

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ROOTS: Final = ("datasets", "relays", "uploads", "values")


class NotRemoved(Exception):
    """A file stays, and the message says why."""


def remove_kept(home: Path, place: str) -> bool:
    """Remove a file that is kept in the home.

    Args:
        home: The home.
        place: Where it is, relative to that.

    Returns:
        Whether the same bytes are still there under another name, as a backup gives them one.

    Raises:
        NotRemoved: It is no place of such files, or something else stands there.
    """
    parts = PurePosixPath(place).parts
    if len(parts) < 2 or parts[0] not in _ROOTS or ".." in parts or "\0" in place:
        raise NotRemoved("The record names a place that is none of the catalog's.")
    with contextlib.ExitStack() as stack:
        held = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, held)
        try:
            for part in parts[:-1]:
                held = os.open(part, _FOLDER, dir_fd=held)
                stack.callback(os.close, held)
            found = os.stat(parts[-1], dir_fd=held, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode):
                raise NotRemoved("What stands there is no file: a link, say, leads elsewhere, and stays.")
            os.unlink(parts[-1], dir_fd=held)
            os.fsync(held)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise NotRemoved(f"It cannot be removed: {error.strerror}.") from error
        return found.st_nlink > 1
