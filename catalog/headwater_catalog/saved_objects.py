"""Values that are no tables, as files: written in the sandbox, known here by their bytes, never opened."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Final

from headwater.errors import InvalidInput
from headwater_catalog.confined_tables import Finished
from headwater_catalog.handover import open_file

__all__ = ["BYTES", "SAVER", "file_name", "finish_object", "sha256_of", "type_of"]

BYTES: Final = "bytes"
"""Name of the scheme of fingerprints that are the sha256 of a file's bytes."""

SAVER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}")
"""What the name of a saver is; it is the format of what it saved, too."""


def file_name(saver: str) -> str:
    """Return the name under which a runner leaves what a saver has saved."""
    return f"object.{saver}"  # some savers add the ending, where there is none


def finish_object(folder: Path, saver: str, node: str, type_name: str) -> Finished:
    """Return what is known of the file that a saver has left.

    Args:
        folder: The folder where it is.
        saver: Name of the saver.
        node: What was saved.
        type_name: Of what type that is.

    Raises:
        InvalidInput: There is no file.
    """
    path = folder / file_name(saver)
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise InvalidInput(
            f"The saver '{saver}' left no file for '{node}' ({error.strerror or error}). Feature code may "
            "have removed it, or put something else in its place."
        ) from None
    told = {"type": type_name, "fingerprint": sha256}
    return Finished(0, f"{BYTES}:{sha256}", {node: told}, "")


def sha256_of(path: Path) -> str:
    """Return the sha256 of the bytes of a file that is one, and that nobody else has under another name.

    Raises:
        OSError: It is not there, or is something else.
    """
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def type_of(preview: Any, node: str) -> str:
    """Return the type that a runner tells of a value that is no column; "table" where it is one."""
    values = (preview or {}).get("values") or ()
    return next((str(each["type"]) for each in values if each["name"] == node), "table")
