"""Files that are read where they are, here or on a remote store, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import KW_ONLY, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from headwater.errors import InvalidInput
from headwater.materialize.packages import needed, needing
from headwater.materialize.packing import unpacked

__all__ = [
    "Stored",
    "by_way_of_memory",
    "found_store",
    "is_remote",
    "opened",
    "remove",
    "replacing",
    "write_bytes",
]

# Two letters at least, since one letter is the drive of a Windows path; `::` chains two protocols.
_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")


def is_remote(path: Any) -> bool:
    """Tell whether a path has a protocol, as `s3://bucket/file.csv`."""
    return isinstance(path, str) and _PROTOCOL.match(path) is not None


@dataclass
class Stored:
    """A loader or saver of files, which may lie in a remote store.

    Args:
        storage_options: What the store needs, in the words of fsspec.
    """

    _: KW_ONLY
    storage_options: Mapping[str, Any] | None = field(default=None, repr=False)  # which may hold passwords


@contextmanager
def opened(
    path: Any,
    mode: str = "r",
    encoding: str | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    unpacks: bool = False,
) -> Iterator[IO[Any]]:
    """Open a file to read: a plain one, one of a remote store, or one that is open already.

    Args:
        path: The file.
        mode: "r" or "rb".
        encoding: That of texts.
        options: What the remote store needs (`storage_options`).
        unpacks: Whether a name such as `orders.csv.gz` says that the file is packed; with "rb" alone.

    Raises:
        MissingExtra: A package that opens or unpacks the file is not installed.
    """
    with ExitStack() as stack:
        file = path
        if is_remote(path):
            with needing("fsspec", f"A path that begins with {_protocol(path)}"):
                file = stack.enter_context(_fsspec().open(path, mode, encoding=encoding, **(options or {})))
        elif not hasattr(path, "read"):
            file = stack.enter_context(Path(path).open(mode, encoding=encoding))
        yield stack.enter_context(unpacked(file, path)) if unpacks else file


@contextmanager
def replacing(
    target: Any, *, append: bool = False, options: Mapping[str, Any] | None = None
) -> Iterator[Any]:
    """Yield where to write, and put what was written in the place of the target if nothing failed.

    The temporary file has the name of the target, in a folder of its own, since suffixes choose formats
    and archives keep names. What is no path (a buffer) and no regular file (a device) is written as it is,
    and so is a file in a folder that takes no new ones.

    Args:
        target: A path, an address with a protocol, or a buffer.
        append: Whether the writer adds to what is there.
        options: What the remote store needs (`storage_options`).

    Raises:
        FileNotFoundError: The folder of the target does not exist.
        InvalidInput: The target is within an archive.
        MissingExtra: The path has a protocol and fsspec is not installed.
    """
    if is_remote(target):
        with tempfile.TemporaryDirectory() as folder, _uploading(target, folder, append, options) as made:
            yield made
        return
    if not isinstance(target, (str, os.PathLike)) or _is_special(Path(target)):
        yield target
        return
    # Through links, so that a link to a file stays one.
    path = Path(os.path.realpath(target))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to save into", str(path.parent))
    if not os.access(path.parent, os.W_OK):  # which leaves only to write the file in its place
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}.", dir=path.parent) as folder:
        written = Path(folder, path.name)
        if append and path.is_file():
            shutil.copy2(path, written)
        yield str(written)
        _put(written, path)


def write_bytes(made: Any, content: bytes | memoryview) -> None:
    """Write what `replacing` yielded, a path or a buffer."""
    if hasattr(made, "write"):
        made.write(content)
    else:
        Path(made).write_bytes(content)


@contextmanager
def by_way_of_memory(made: Any) -> Iterator[BytesIO]:
    """Yield a buffer, whose content goes to what `replacing` yielded if nothing failed.

    On a disk that is full Arrow's writer of ORC ends the whole process: it is given this.
    """
    buffer = BytesIO()
    yield buffer
    write_bytes(made, buffer.getbuffer())


def remove(path: Any, options: Mapping[str, Any] | None = None) -> None:
    """Remove a file, here or on a remote store, if it is there.

    Raises:
        InvalidInput: It is within an archive.
    """
    if not is_remote(path):
        Path(path).unlink(missing_ok=True)
        return
    _require_no_archive(path)
    store, inner = found_store(path, options)
    if store.exists(inner):
        store.rm_file(inner)


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _put(made: Path, path: Path) -> None:
    """Move what was written to its place; the files of a partitioned table join those that are there."""
    if made.is_dir() and path.is_dir():
        for part in sorted(made.rglob("*")):
            if part.is_file():
                place = path / part.relative_to(made)
                place.parent.mkdir(parents=True, exist_ok=True)
                part.replace(place)
    elif made.exists():
        if path.is_file():
            shutil.copymode(path, made)
        made.replace(path)


@contextmanager
def _uploading(target: str, folder: str, append: bool, options: Mapping[str, Any] | None) -> Iterator[str]:
    _require_no_archive(target)
    store, path = found_store(target, options)
    made = Path(folder, path.rstrip("/").rpartition("/")[2] or "data")
    if append and store.exists(path):
        store.get_file(path, str(made))
    yield str(made)
    files = sorted(part for part in made.rglob("*") if part.is_file()) if made.is_dir() else [made]
    # What a transaction holds becomes visible when it is complete, in the way of each kind of store.
    with store.transaction:
        for part in files:
            inner = part.relative_to(made).as_posix()
            place = path if inner == "." else f"{path.rstrip('/')}/{inner}"
            with part.open("rb") as read, store.open(place, "wb") as write:
                shutil.copyfileobj(read, write)


def found_store(path: Any, options: Mapping[str, Any] | None = None, purpose: str = "") -> tuple[Any, str]:
    """Return the store that a path is in, of fsspec, and the path within it.

    Args:
        path: The path; one without a protocol is here.
        options: What the store needs.
        purpose: What a path without a protocol needs it for, as the beginning of a sentence.

    Raises:
        MissingExtra: A package that the store needs is not installed.
    """
    if is_remote(path):
        purpose = f"A path that begins with {_protocol(path)}"
    with needing("fsspec", purpose):
        store, inner = needed("fsspec.core", purpose).url_to_fs(str(path), **(options or {}))
    return store, inner


def _require_no_archive(path: str) -> None:
    archive = needed("fsspec.archive", "A remote store").AbstractArchiveFileSystem
    with needing("fsspec", f"A path that begins with {_protocol(path)}"):
        store = _fsspec().get_filesystem_class(path.partition(":")[0])
    if issubclass(store, archive):
        raise InvalidInput(
            f"{path.partition('::')[0]} is within an archive, which can be read but not saved into. Save "
            "it as a file by itself; a text with a name such as orders.csv.zip becomes an archive of one."
        )


def _protocol(path: str) -> str:
    return path[: path.index(":")] + "://"


def _fsspec() -> Any:
    return needed("fsspec", "A path with a protocol, such as s3://bucket/file.csv,")
