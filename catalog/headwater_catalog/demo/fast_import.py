"""The stream that `git fast-import` reads: many commits on one branch through one process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

__all__ = ["commit_command"]


def commit_command(*, author: str, date: datetime, message: str, files: Mapping[str, str]) -> bytes:
    """Return the command for a commit on top of `main` that writes whole files.

    Args:
        author: Name and e-mail, as in `Ines Duarte <ines.duarte@example.com>`.
        date: A time with its zone.
        message: Subject and body.
        files: The new text of each changed path.
    """
    signature = f"{author} {int(date.timestamp())} {date:%z}"
    parts = [
        f"commit refs/heads/main\nauthor {signature}\ncommitter {signature}\n".encode(),
        _data(message + "\n"),
        *(f"M 100644 inline {path}\n".encode() + _data(text) for path, text in files.items()),
    ]
    return b"".join(parts)


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%b\n" % (len(content), content)
