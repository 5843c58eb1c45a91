"""The environments that were built, up to a limit: each is built once, and none goes while a run is in it.

Beside each there is a lock: shared by the runs that are in it, and taken whole by who builds or removes it.
When that was last used is the time of the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from headwater_catalog.environments import Environment, build
from headwater_catalog.errors import JobError
from headwater_catalog.removal import remove_folder

__all__ = ["environment_held", "make_room", "total_size"]

_FOLDER: Final = "environments"
_KEY: Final = re.compile(r"[0-9a-f]{32}")
_TICK: Final = 0.2


@contextlib.contextmanager
def environment_held(
    home: Path,
    environment: Environment,
    uv: str | None,
    stopping: Callable[[], str | None] = lambda: None,
) -> Iterator[Path]:
    """Give the folder of an environment, built first where it is not there, which stays until the end.

    Args:
        home: Folder of the catalog, which keeps it.
        environment: What it is to have.
        uv: The program uv, if it is to install; pip does it else.
        stopping: Asked several times a second; a sentence that it returns ends the building.

    Raises:
        JobError: It cannot be built, or the building was ended.
    """
    place = home / _FOLDER
    place.mkdir(parents=True, exist_ok=True)
    built = place / environment.key
    while True:
        with _locked(built, fcntl.LOCK_SH, stopping) as lock:
            if _is_whole(built):
                os.utime(lock.fileno())
                yield built
                return
        with _locked(built, fcntl.LOCK_EX, stopping) as lock:
            if not _is_whole(built):  # nobody has built it meanwhile
                _build(environment, built, uv, lock.fileno(), stopping)


def make_room(home: Path, most: int) -> int:
    """Remove what was left half built, and beyond `most` bytes the environments not used for longest.

    Returns:
        How many environments were removed.
    """
    place = home / _FOLDER
    keys = sorted({found[0] for path in place.glob("*") if (found := _KEY.match(path.name))})
    kept, removed = dict[Path, float](), 0
    for key in keys:
        built = place / key
        if _is_whole(built):
            kept[built] = _used_at(built)
        if (built.exists() and built not in kept) or any(place.glob(f"{key}.partial*")):
            with _free(built) as is_free:
                if is_free:
                    _clear(built, whole=not _is_whole(built))
    over = sum(map(_size, kept)) - most
    for built in sorted(kept, key=kept.__getitem__):
        if over <= 0:
            break
        with _free(built) as is_free:
            if is_free and _used_at(built) == kept[built]:
                over -= _size(built)
                _clear(built, whole=True)
                removed += 1
    return removed


def total_size(home: Path) -> int:
    """Return how many bytes the environments take."""
    folders = (path for path in (home / _FOLDER).glob("*") if _KEY.fullmatch(path.name))
    return sum(_size(built) for built in folders)


def _build(
    environment: Environment, built: Path, uv: str | None, lock: int, stopping: Callable[[], str | None]
) -> None:
    _clear(built, whole=False)  # of a worker that was killed
    partial = built.with_name(f"{built.name}.partial")
    try:
        build(environment, partial, uv, lock, stopping)
        remove_folder(built)  # where it is broken
        partial.replace(built)
        _measure(built)
    finally:
        _clear(built, whole=False)


def _is_whole(built: Path) -> bool:
    """Tell whether an environment is there and its Python, which may be a link to one of the system."""
    return (built / "bin" / "python").exists()


def _clear(built: Path, *, whole: bool) -> None:
    """Remove what was left half built, and with `whole` the environment itself with its lock."""
    if whole:
        with contextlib.suppress(OSError):  # half of it would look as if all were there
            built.rename(built.with_name(f"{built.name}.partial-gone"))
    for partial in built.parent.glob(f"{built.name}.partial*"):
        remove_folder(partial)
    if whole:
        for beside in (_sized(built), _lock(built)):
            beside.unlink(missing_ok=True)


def _lock(built: Path) -> Path:
    return built.with_name(f"{built.name}.lock")


def _sized(built: Path) -> Path:
    return built.with_name(f"{built.name}.size")


def _used_at(built: Path) -> float:
    with contextlib.suppress(OSError):
        return _lock(built).stat().st_mtime
    return 0.0


def _size(built: Path) -> int:
    """Return how many bytes an environment takes, which is measured once: it has many files."""
    with contextlib.suppress(OSError, ValueError):
        return int(_sized(built).read_text("ascii"))
    return _measure(built)


def _measure(built: Path) -> int:
    size = 0
    with contextlib.suppress(OSError):  # it goes at this moment
        size = sum(path.lstat().st_size for path in built.rglob("*"))
        _sized(built).write_text(str(size), "ascii")
    return size


@contextlib.contextmanager
def _locked(built: Path, how: int, stopping: Callable[[], str | None]) -> Iterator[IO[bytes]]:
    """Wait for the lock of an environment; who hands it to a process has it until that has ended."""
    while True:
        with _lock(built).open("ab") as lock:  # which does not change its time
            if _take(lock, how):
                if _is_same(lock, built):
                    yield lock
                    return
                continue  # the environment was removed, and its lock with it
        if reason := stopping():
            raise JobError(reason)
        time.sleep(_TICK)


@contextlib.contextmanager
def _free(built: Path) -> Iterator[bool]:
    """Take the lock of an environment, and tell whether that was possible without waiting."""
    with _lock(built).open("ab") as lock:
        yield _take(lock, fcntl.LOCK_EX) and _is_same(lock, built)


def _take(lock: IO[bytes], how: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, how | fcntl.LOCK_NB)
        return True
    return False


def _is_same(lock: IO[bytes], built: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(lock.fileno()), _lock(built).stat())
    return False
