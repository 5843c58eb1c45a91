"""Where the web pages of a Git host show a file of a repository, for the hosts whose addresses are known."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

__all__ = ["file_address"]

_SCP_LIKE: Final = re.compile(r"[\w.-]+@(?P<host>[\w.-]+):(?P<path>[^\s]+)")

_PATHS: Final = {
    "github": ("/blob/{sha}/{path}", "#L{line}"),
    "gitlab": ("/-/blob/{sha}/{path}", "#L{line}"),
    "bitbucket": ("/src/{sha}/{path}", "#lines-{line}"),
    "codeberg": ("/src/commit/{sha}/{path}", "#L{line}"),
}
"""By the kind of a host, how its pages of files are addressed, and a line of one."""


def file_address(url: str, sha: str, path: str, line: int = 0) -> str | None:
    """Return the page of a file at a commit; None where the host of the repository is none that is known.

    Args:
        url: The address that the repository is fetched from.
        sha: The commit.
        path: The file.
        line: A line of it, from 1; 0 for none.
    """
    host, project = _parted(url)
    kind = next((kind for kind in _PATHS if kind in host.split(".")), None)
    if kind is None or not project or not path:
        return None
    page, place = _PATHS[kind]
    address = f"https://{host}/{quote(project)}" + page.format(sha=quote(sha), path=quote(path))
    return address + (place.format(line=line) if line else "")


def _parted(url: str) -> tuple[str, str]:
    """Return the host of an address, and the project on it."""
    if found := _SCP_LIKE.fullmatch(url):
        host, path = found["host"], found["path"]
    else:
        parts = urlsplit(url)
        if parts.scheme not in ("https", "ssh"):
            return "", ""
        host, path = parts.hostname or "", parts.path
    return host.lower(), path.strip("/").removesuffix(".git")
