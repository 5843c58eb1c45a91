"""Files that people give to runs: checked to be what they say, kept by the sha256 of their bytes.

Only what can be told without reading the data is told here, since this process is trusted and the file is
not: the data itself is read in the sandbox of the run, within its limits of memory and time.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy.orm import Session

from headwater.errors import InvalidInput
from headwater_catalog.erased import erased_of
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.kept_inputs import FOLDER, input_file, is_kept, is_known, note_sent
from headwater_catalog.sources import format_of

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["LONGEST_NAME", "Upload", "keep_files", "keep_upload", "note_uploads", "require_kept"]

LONGEST_NAME: Final = 200
_CHUNK: Final = 1 << 20
_LOOKED_AT: Final = 1 << 20  # bytes at the beginning of a text
_MEGA: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is kept.

    Attributes:
        sha256: Of its bytes.
        name: How it is called where it comes from; its ending says the format.
    """

    sha256: str
    name: str


def keep_upload(settings: Settings, stream: IO[bytes], name: str) -> Upload:
    """Keep what a stream holds, whole or not at all; `kept_inputs.note_sent` says for which repository.

    Args:
        settings: Where it is kept, and how large it may be.
        stream: The bytes.
        name: The name of the file.

    Raises:
        Conflict: It is too large, of a format that is not read, or not what its name says.
    """
    name = _plain_name(name)
    format = _format(name)
    with _draft(settings) as held:
        sha256 = _copied(stream, held, name, settings.upload_limit)
        _FAULTS[format](held, name)
        held.replace(input_file(settings, sha256))
    return Upload(sha256, name)


def keep_files(settings: Settings, *given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the inputs of runs with an upload for each `Path` among them, a file of this machine.

    Copying takes time, so this is done before a transaction begins, and `note_uploads` in it. Callers must
    not make a `Path` from what others send them.

    Args:
        settings: Where files are kept.
        given: The inputs of each run; a file that several are given is copied once.

    Raises:
        NotFound: There is no such file.
        Conflict: As `keep_upload`.
    """
    kept: dict[Path, Upload] = {}
    for inputs in given:
        for name, file in inputs.items():
            if isinstance(file, Path) and file not in kept:
                kept[file] = _keep_file(settings, name, file)
    return [
        {name: kept[value] if isinstance(value, Path) else value for name, value in inputs.items()}
        for inputs in given
    ]


def _keep_file(settings: Settings, source: str, file: Path) -> Upload:
    if not file.is_file():
        raise NotFound(f"There is no file '{file}' to read as source '{source}'.")
    with file.open("rb") as stream:
        return keep_upload(settings, stream, file.name)


def note_uploads(session: Session, repository_id: int, inputs: Iterable[Any], now: int) -> None:
    """Note that the uploads among inputs were sent for a repository, whose runs may use them from now on."""
    for sha256 in dict.fromkeys(each.sha256 for each in inputs if isinstance(each, Upload)):
        note_sent(session, repository_id, sha256, now)


def require_kept(session: Session, settings: Settings, repository_id: int, upload: Upload) -> None:
    """Make sure that a file is still there that was sent for a repository, or used in it.

    Raises:
        NotFound: It is not.
        Conflict: Its name says no format that is read, or it was erased.
    """
    _format(_plain_name(upload.name))
    if erased := erased_of(session, "input", [upload.sha256]).get(upload.sha256):
        raise Conflict(
            f"'{upload.name}' is a file that was {erased}. A run would bring back what it holds: take that "
            "out of the file first."
        )
    # The hash alone must not do: pages of other repositories may show it.
    if not is_kept(settings, upload.sha256) or not is_known(session, repository_id, upload.sha256):
        raise NotFound(
            f"There is no upload {upload.sha256[:64]!r}. Send the file again: one that no run has needed "
            "for a day is removed, and later those go that were not used for longest."
        )


def _plain_name(name: str) -> str:
    plain = PurePosixPath(name.replace("\\", "/")).name
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise Conflict(
            f"An upload needs a plain name of at most {LONGEST_NAME} characters, not {name!r:.80}."
        )
    return plain


def _format(name: str) -> str:
    try:
        return format_of(name)
    except InvalidInput as error:
        raise Conflict(str(error)) from error


@contextmanager
def _draft(settings: Settings) -> Iterator[Path]:
    folder = settings.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="draft-", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _copied(stream: IO[bytes], to: Path, name: str, most: int) -> str:
    digest, size = hashlib.sha256(), 0
    with to.open("wb") as copy:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise Conflict(
                    f"'{name}' is larger than {most // _MEGA:,} MB, the most that is taken. Send fewer rows "
                    "or columns, or ask an administrator for a higher HEADWATER_UPLOAD_MEGABYTES."
                )
            digest.update(chunk)
            copy.write(chunk)
    if not size:
        raise Conflict(f"'{name}' is empty.")
    return digest.hexdigest()


def _refuse(name: str, expected: str, found: str) -> None:
    raise Conflict(f"'{name}' is no {expected}: {found}. Name it by what it is, or send the right file.")


def _parquet_fault(file: Path, name: str) -> None:
    head, tail = _ends(file, 4, 8)
    if head != b"PAR1" or tail[-4:] != b"PAR1":
        _refuse(name, "Parquet file", "it does not begin and end with PAR1")
    footer = int.from_bytes(tail[:4], "little")
    if footer + 12 > file.stat().st_size:
        _refuse(name, "Parquet file", "it is cut off, or its end is damaged")


def _arrow_fault(file: Path, name: str) -> None:
    head, tail = _ends(file, 6, 6)
    if head != b"ARROW1" or tail != b"ARROW1":
        _refuse(
            name, "Arrow file", "it does not begin and end with ARROW1; only Arrow files are read, no streams"
        )


def _csv_fault(file: Path, name: str) -> None:
    text = _text(file, name, "CSV file")
    line = text.partition("\n")[0].strip()
    if not line:
        _refuse(name, "CSV file", "its first line, which names the columns, is empty")
    if line[:1] in "{[<":
        _refuse(name, "CSV file", f"its first line begins with {line[:20]!r}")


def _json_fault(file: Path, name: str) -> None:
    if not _text(file, name, "JSON file").lstrip().startswith(("[", "{")):
        _refuse(name, "JSON file", "it begins with neither [ nor {")


def _text(file: Path, name: str, kind: str) -> str:
    """Return the beginning of a text, having looked whether all of it is one."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    beginning = ""
    with file.open("rb") as stream:
        try:
            while chunk := stream.read(_CHUNK):
                if b"\0" in chunk:
                    _refuse(name, kind, "it holds NUL bytes, as files of other formats do")
                text = decoder.decode(chunk)
                beginning = beginning if len(beginning) >= _LOOKED_AT else beginning + text
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            _refuse(name, kind, f"it is no UTF-8 ({error.reason})")
    return beginning


def _ends(file: Path, first: int, last: int) -> tuple[bytes, bytes]:
    with file.open("rb") as stream:
        head = stream.read(first)
        stream.seek(max(0, file.stat().st_size - last))
        return head, stream.read(last)


_FAULTS: Final[dict[str, Callable[[Path, str], None]]] = {
    "arrow": _arrow_fault,
    "csv": _csv_fault,
    "json": _json_fault,
    "parquet": _parquet_fault,
}
