"""Submodules of a repository, of which nothing is read: whoever misses their features is told why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater_catalog.read import Diagnostic, is_source

__all__ = ["SUBMODULES", "unread_submodules"]

SUBMODULES: Final = ".gitmodules"
"""The file that names them."""

_CURE: Final = "Add its repository by itself."
_MOST: Final = 50  # that are told one by one
_MOST_BYTES: Final = 200_000


def unread_submodules(content: bytes) -> tuple[Diagnostic, ...]:
    """Return what is missing of a repository, since it is in submodules.

    Args:
        content: The file that names them.
    """
    found = [
        Diagnostic(SUBMODULES, line, f"Submodules are not read: what '{path}' holds is not here. {_CURE}")
        for line, path in _paths(content)
        if is_source(f"{path}/_.py")
    ]
    more = len(found) - _MOST
    told = (Diagnostic(SUBMODULES, 0, f"Submodules are not read: {more:,} more."),) if more > 0 else ()
    return (*found[:_MOST], *told)


def _paths(content: bytes) -> Iterator[tuple[int, str]]:
    section = ""
    for number, line in enumerate(content[:_MOST_BYTES].decode("utf-8", "replace").splitlines(), 1):
        said = line.strip()
        if said.startswith("["):
            section = said[1:].strip().partition(" ")[0].casefold()
            continue
        name, _, path = said.partition("=")
        path = path.strip().strip('"').removesuffix("/")
        if section == "submodule" and name.strip().casefold() == "path" and path:
            yield number, path
