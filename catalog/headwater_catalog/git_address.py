"""Addresses of git repositories: which ones are followed, and in what form they are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from headwater_catalog.errors import RepositoryError

__all__ = ["normal_url"]

_HOST: Final = re.compile(r"[\w.:-]+")
_LONGEST_SHOWN: Final = 200  # characters of an address in a message

_SCP_LIKE = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!:)[^\s]+")
_ADDRESSES = (
    "Give a local folder, or an address like https://host/path, ssh://user@host/path, "
    "user@host:path or file:///path."
)


def normal_url(url: str) -> str:
    """Return the address of a repository in the form that is kept; a local path becomes absolute.

    Raises:
        RepositoryError: It is no local folder and no file, ssh or https address, or it holds a password.
    """
    if not url or url.startswith("-") or any(ord(character) < 32 for character in url):
        raise RepositoryError(f"{_shown(url)} is no address of a git repository. {_ADDRESSES}")
    if "://" in url:
        return _checked_url(url)
    if _SCP_LIKE.fullmatch(url):
        return url
    try:
        folder = Path(url).expanduser()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError):  # a name too long, or a user that nobody knows
        is_folder = False
    if not is_folder:
        raise RepositoryError(f"{_shown(url)} is no folder here. {_ADDRESSES}")
    return str(folder.resolve())


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # which may hold a password in its text
        raise RepositoryError(f"{_shown(url)} is no address of a git repository. {_ADDRESSES}") from None
    if parts.password is not None or parts.query or (parts.scheme != "ssh" and parts.username is not None):
        raise RepositoryError(
            f"The address of {host} holds a password, or what may be a token, which every reader of the "
            "catalog would see. Keep it in ~/.netrc, or use an ssh key."
        )
    if parts.scheme not in ("file", "ssh", "https") or not url.startswith(f"{parts.scheme}://"):
        raise RepositoryError(
            f"{_shown(url)} uses '{url.partition(':')[0]}', which Headwater does not fetch by. {_ADDRESSES}"
        )
    # ssh would take a host or a user that begins with a dash for an option.
    dashed = host.startswith("-") or (parts.username or "").startswith("-")
    is_host = _HOST.fullmatch(host) or (parts.scheme == "file" and not host)
    if dashed or port == 0 or not is_host:
        raise RepositoryError(f"{_shown(url)} names no host. {_ADDRESSES}")
    return url


def _shown(url: str) -> str:
    """Return an address as messages have it: without what may be a password, and not endless."""
    hidden = re.sub(r"(?s)(?<=//).*@|^.*:.*@", "…@", url)
    return repr(hidden if len(hidden) <= _LONGEST_SHOWN else f"{hidden[:_LONGEST_SHOWN]}…")
