"""Files that are packed, as the endings of their names say: `orders.csv.gz`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

from headwater.errors import InvalidInput
from headwater.materialize.packages import needed

__all__ = ["is_packed", "packed", "unpacked"]

_PACKERS = {
    ".bz2": "bz2",
    ".gz": "gzip",
    ".xz": "lzma",
    ".zst": "compression.zstd" if sys.version_info >= (3, 14) else "zstandard",
}
"""The module that packs, by the ending; besides these there are archives of one file, `.zip`."""


def is_packed(path: Any) -> bool:
    """Tell whether the name of a file says that it is packed; an open file has none."""
    return isinstance(path, (str, Path)) and _ending(path) in (*_PACKERS, ".zip")


@contextmanager
def unpacked(file: IO[bytes], path: Any) -> Iterator[IO[bytes]]:
    """Yield what is in a file, packed as its path says or not at all.

    Raises:
        InvalidInput: It is an archive of no file, or of several.
        MissingExtra: The package that unpacks it is not installed.
    """
    if not is_packed(path):
        yield file
    elif _ending(path) != ".zip":
        with _packer(path).open(file, "rb") as inner:
            yield inner
    else:
        # As a whole, since archives are read from their end, which not every store can begin with.
        with ZipFile(BytesIO(file.read())) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise InvalidInput(
                    f"The archive {_name(path)} holds {len(names)} files. Say which one is wanted: "
                    f"zip://NAME::PATH."
                )
            with archive.open(names[0]) as inner:
                yield inner


@contextmanager
def packed(made: str | Path) -> Iterator[IO[bytes]]:
    """Yield a file whose content goes into a file that lies here, packed as its name says.

    Raises:
        MissingExtra: The package that packs it is not installed.
    """
    if _ending(made) != ".zip":
        with _packer(made).open(made, "wb") as inner:
            yield inner
    else:
        with (
            ZipFile(made, "w", ZIP_DEFLATED) as archive,
            archive.open(Path(made).stem, "w", force_zip64=True) as inner,
        ):
            yield inner


def _packer(path: Any) -> Any:
    return needed(_PACKERS[_ending(path)], f"A file ending in {_ending(path)}")


def _ending(path: str | Path) -> str:
    return PurePosixPath(_name(path)).suffix.lower()


def _name(path: str | Path) -> str:
    """Return the path of a file without what an address has around it."""
    text = str(path)
    address = next((part for part in text.split("::") if "://" in part), None)
    return text if address is None else address.partition("://")[2].partition("?")[0]
