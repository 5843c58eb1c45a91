"""Addresses of git repositories: which ones are followed, and in what form they are kept."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from headwater_catalog.errors import RepositoryError

__all__ = ["normal_url"]

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
        raise RepositoryError(f"{url!r} is no address of a git repository. {_ADDRESSES}")
    if "://" in url:
        return _checked_url(url)
    if _SCP_LIKE.fullmatch(url):
        return url
    folder = Path(url).expanduser()
    if not folder.is_dir():
        raise RepositoryError(f"{url!r} is no folder here. {_ADDRESSES}")
    return str(folder.resolve())


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        raise RepositoryError(f"{url!r} is no address of a git repository: {error}. {_ADDRESSES}") from error
    if parts.password is not None:
        raise RepositoryError(
            f"The address of {host} holds a password, which every reader of the catalog would see. "
            "Keep it in ~/.netrc, or use an ssh key."
        )
    if parts.scheme not in ("file", "ssh", "https"):
        raise RepositoryError(
            f"{url!r} uses '{parts.scheme}', which Headwater does not fetch by. {_ADDRESSES}"
        )
    # ssh would take a host or a user that begins with a dash for an option.
    dashed = host.startswith("-") or (parts.username or "").startswith("-")
    if dashed or (parts.scheme != "file" and not host):
        raise RepositoryError(f"{url!r} names no host. {_ADDRESSES}")
    return url
