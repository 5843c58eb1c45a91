"""Names of files for what code calls things: the same on every machine, whatever its file system takes."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final

__all__ = ["file_name"]

_LONGEST: Final = 60
_PLAIN: Final = re.compile(r"[a-z0-9_]+(?:[.-][a-z0-9_]+)*")
_HASHED: Final = re.compile(r"-[0-9a-f]{16}$")
_RESERVED: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)))
)
"""What Windows takes for devices, whatever ending follows."""


@lru_cache(maxsize=100_000)
def file_name(text: str) -> str:
    """Return a name of a file, without its ending, that no other text has.

    It differs from all others also where capitals do not count. A text that is no such name itself gets a
    hash behind it, which no name has that is taken as it is.
    """
    is_plain = _PLAIN.fullmatch(text) and len(text) <= _LONGEST and not _HASHED.search(text)
    if is_plain and text.partition(".")[0] not in _RESERVED:
        return text
    shown = re.sub(r"[^a-z0-9_]+", "-", text.lower()[: 4 * _LONGEST]).strip("-")[:_LONGEST].rstrip("-")
    known = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{'_' if shown in _RESERVED else ''}{shown or 'x'}-{known}"
