"""Contents of files in git, read through one process that is kept open."""

from __future__ import annotations

import contextlib
import subprocess
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from headwater_catalog.errors import RepositoryError

__all__ = ["Contents"]

_CHUNK: Final = 1 << 20


class Contents:
    """Reads contents by their names.

    Args:
        start: Starts `git cat-file --batch`.
        place: The mirror, for what is told of it.
    """

    def __init__(self, start: Callable[[], Any], place: Path) -> None:
        self._start = start
        self._place = place
        self._process: Any = None
        self._is_ahead = False

    def open_ahead(self) -> None:
        """Start the process before all is there that it will be asked for: the first content comes sooner."""
        self.open()
        self._is_ahead = True

    def open(self) -> None:
        """Start the process, where there is none."""
        if self._process is None:
            self._process = self._start()
            # Where nobody closes this, and it is found with others in a circle, the process ends before them.
            self._end = weakref.finalize(self, _end, self._process.proc)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process = None
            self._end()

    def read(self, oid: str, most: int, wanted: bytes = b"blob") -> bytes:
        """Return a content, of a larger one only so many bytes; what is of another kind than wanted has none.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        kind, size = self._ask(oid)
        data: bytes = self._process.stdout.read(min(size, most))
        if size > most:
            self.close()  # what is left may take long to come
        elif len(data) != size or self._process.stdout.read(1) != b"\n":
            raise self._lacks(oid)
        return data if kind == wanted else b""

    def copy(self, oid: str, file: IO[bytes]) -> None:
        """Write a content into a file, a little at a time.

        Raises:
            RepositoryError: The mirror lacks it, or it is no file.
        """
        kind, size = self._ask(oid)
        if kind != b"blob":
            self.close()
            raise RepositoryError(f"Object {oid} in {self._place} is no file, where one was expected.")
        while size:
            data = self._process.stdout.read(min(size, _CHUNK))
            if not data:
                raise self._lacks(oid)
            file.write(data)
            size -= len(data)
        self._process.stdout.read(1)

    def _ask(self, oid: str) -> tuple[bytes, int]:
        """Ask for an object; return its kind and its size, its content comes next."""
        try:
            return self._asked(oid)
        except RepositoryError:
            if not self._is_ahead:
                raise
        # It was started when the mirror was not whole yet, and may have ended for that.
        self._is_ahead = False
        return self._asked(oid)

    def _asked(self, oid: str) -> tuple[bytes, int]:
        self.open()
        try:
            self._process.stdin.write(f"{oid}\n".encode("ascii"))
            self._process.stdin.flush()
            _, kind, size = self._process.stdout.readline().split()
        except (OSError, ValueError) as error:
            raise self._lacks(oid) from error
        return kind, int(size)

    def _lacks(self, oid: str) -> RepositoryError:
        self.close()  # it may have ended, or say more of this one
        return RepositoryError(
            f"The mirror {self._place} lacks object {oid}, or is damaged. Delete the mirror and scan again."
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream is not None
        with contextlib.suppress(OSError):  # what was not written yet, nobody reads
            stream.close()
