"""Files from a folder that feature code had: opened as they stand, and taken over into one that it never had.

In such a folder anything may stand under any name: a link to a file of the server, a pipe, a folder, a file
that has a second name elsewhere. What is taken over is a file with one name, and the one that was looked at.
Where files are kept afterwards they are opened in the same way, so that a link that got there leads nowhere;
but a backup may give them second names.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

__all__ = ["file_sizes", "is_file", "kept_sha256", "open_file", "open_folder", "open_kept", "take_file"]

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
    return _open(name, folder, names=1)


def open_kept(path: Path) -> BufferedReader:
    """Open a file for reading that is kept where feature code never was; a link is none.

    Raises:
        OSError: It is not there, or is something else.
    """
    return _open(path, None, names=None)


def is_file(path: Path) -> bool:
    """Tell whether a file is kept at a path; a link to one is none."""
    with contextlib.suppress(OSError):
        return stat.S_ISREG(path.lstat().st_mode)
    return False


def kept_sha256(path: Path) -> str:
    """Return the sha256 of the bytes of a file that is kept, as `open_kept` opens it.

    Raises:
        OSError: It is not there, or is something else.
    """
    with open_kept(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(name: str | Path, folder: int | None, names: int | None) -> BufferedReader:
    held = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _AS_IT_STANDS, dir_fd=folder)
    try:
        found = os.fstat(held)
        if not stat.S_ISREG(found.st_mode) or (names is not None and found.st_nlink != names):
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
