"""Files from a folder that feature code had: opened as they stand, and taken over into one that it never had.

In such a folder anything may stand under any name: a link to a file of the server, a pipe, a folder, a file
that has a second name elsewhere. What is taken over is a file with one name, and the one that was looked at.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

__all__ = ["file_sizes", "open_file", "open_folder", "take_file"]

_AS_IT_STANDS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Give a folder as a number, by which it stays the same whatever is put in its place.

    Raises:
        OSError: It is not there, or is something else, such as a link to a folder.
    """
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _AS_IT_STANDS)
    try:
        yield held
    finally:
        os.close(held)


def open_file(name: str | Path, folder: int | None = None) -> BufferedReader:
    """Open a file for reading that has one name, this one.

    Args:
        name: Its name in the folder, or its path.
        folder: The folder, as `open_folder` gives it.

    Raises:
        OSError: It is not there, or is something else.
    """
    held = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _AS_IT_STANDS, dir_fd=folder)
    try:
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(f"'{Path(name).name}' is no file of its own")
        return os.fdopen(held, "rb")
    except BaseException:
        os.close(held)
        raise


def file_sizes(folder: int) -> dict[str, int]:
    """Return the files in a folder that have one name, with their sizes in bytes."""
    sizes: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                sizes[entry.name] = found.st_size
    return sizes


def take_file(name: str, folder: int, target: Path, mode: int = 0o640) -> int:
    """Move a file out of a folder that feature code had; it becomes this process's user's own.

    Args:
        name: Its name there.
        folder: The folder, as `open_folder` gives it.
        target: Where it goes, in a folder that feature code never had; what stands there is replaced.
        mode: Who may read it from now on.

    Returns:
        Its size in bytes.

    Raises:
        OSError: It is not there, or is something else; nothing was moved.
    """
    with open_file(name, folder) as file:
        held = file.fileno()
        os.fchmod(held, mode)
        with contextlib.suppress(PermissionError):  # of a process that is not root, it is its own already
            os.fchown(held, os.geteuid(), os.getegid())
        os.rename(name, target, src_dir_fd=folder)
        found = os.fstat(held)
        if not os.path.samestat(found, target.lstat()):  # something else was put in its place meanwhile
            target.unlink()
            raise OSError(f"'{name}' was replaced while it was taken over")
        return found.st_size
