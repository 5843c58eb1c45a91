"""Secrets in files: read where settings name one, and kept in the home where they are made."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from headwater_catalog.errors import SettingError

__all__ = ["keep_secret", "made_secret", "read_secret"]

_KEY_FILE: Final = "secret-key"
_MOST_SECRET: Final = 10_000  # characters


def made_secret(home: Path) -> str:
    """Return the key that signs sessions and forms and is kept in a home; the first time it is made.

    Raises:
        SettingError: It cannot be read or made.
    """
    path = home / _KEY_FILE
    try:
        if not path.exists():
            _make_secret(path)
        return read_secret(path)
    except OSError as error:
        raise SettingError(
            f"The secret key {path} cannot be read or made: {error}. "
            f"Set HEADWATER_HOME to a folder you can write to, or set HEADWATER_SECRET_KEY."
        ) from error


def read_secret(path: Path, who: str = "") -> str:
    """Return the secret that a file holds.

    Args:
        path: The file.
        who: What names it, for errors; by default the path.

    Raises:
        SettingError: It cannot be read, or holds none.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{who or path} cannot be read: {error}.") from error
    if not 0 < len(text) <= _MOST_SECRET or "\0" in text:
        raise SettingError(f"{who or path} holds no secret: it is empty, or too long.")
    return text


def _make_secret(path: Path) -> None:
    keep_secret(path, secrets.token_urlsafe(32))


def keep_secret(path: Path, secret: str) -> None:
    """Keep a secret in a file for its owner only; where one is there already, that stays.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    try:
        # A link appears whole or not at all, and never replaces the key of a process that was first.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
