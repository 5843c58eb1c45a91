"""What the confinement of a run refuses, in words for who wrote the feature that asked for it."""

from __future__ import annotations

import errno
import re
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["NetworkAttempts", "hint"]

_MEGA: Final = 1024 * 1024
_NETWORK: Final = re.compile(
    r"(could not|cannot|can't|failed to|unable to)\b.{0,60}\b(connect|resolve|open socket)"
    r"|name resolution|network is unreachable",
    re.IGNORECASE,
)
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
_DEPTH: Final = 20  # causes that are followed


class NetworkAttempts:
    """Notes that this process asks for the network, which it does not have.

    It is a help, and no guard: only what Python's own sockets are asked is seen.

    Attributes:
        to: Where the last attempt went, as far as that is known; None before any.
    """

    def __init__(self) -> None:
        self.to: str | None = None

    def watch(self) -> None:
        """Note them from now on, to the end of the process."""
        sys.addaudithook(self._note)

    def _note(self, event: str, details: tuple[Any, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event == "socket.__new__" and details[1] in _FAMILIES:
            self.to = self.to or ""
        elif event in ("socket.getaddrinfo", "socket.gethostbyname") and isinstance(details[0], str):
            self.to = details[0][:200]


def hint(error: BaseException, attempts: NetworkAttempts | None) -> str:
    """Return what is refused to a run and may be behind an error; empty where nothing is.

    Args:
        error: Why the run came to nothing.
        attempts: How it asked for the network; None where it has it.
    """
    if attempts is not None and (attempts.to is not None or _NETWORK.search(str(error))):
        where = f" ({attempts.to})" if attempts.to else ""
        return (
            f"Feature code asked for the network{where}, which runs of this repository do not have. Give it "
            "the data as a source or an input instead. If it must have the network, an administrator can "
            "mark the repository as trusted: headwater repo trust NAME."
        )
    return next(filter(None, map(_refused, _with_causes(error))), "")


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it came from, the nearest first."""
    found: BaseException | None = error
    for _ in range(_DEPTH):
        if found is None:
            return
        yield found
        found = found.__cause__ or found.__context__


def _refused(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"A run may use {_limit('RLIMIT_AS', _MEGA)} MB of memory."
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return f"A run may have {_limit('RLIMIT_NPROC')} processes and threads."
    return _REFUSED.get(error.errno or 0, _nothing)() if isinstance(error, OSError) else ""


def _nothing() -> str:
    return ""


def _of_files() -> str:
    return (
        "A run reads Python's packages, the files of its commit and its inputs, and writes only to a folder "
        "of its own, which tempfile finds. It starts no other programs."
    )


_REFUSED: Final[dict[int, Callable[[], str]]] = {
    errno.EACCES: _of_files,
    errno.EPERM: lambda: "That is refused to the code of features.",
    errno.EAGAIN: lambda: f"A run may have {_limit('RLIMIT_NPROC')} processes and threads.",
    errno.EFBIG: lambda: f"A file of a run may have {_limit('RLIMIT_FSIZE', _MEGA)} MB.",
    errno.EMFILE: lambda: f"A process of a run may have {_limit('RLIMIT_NOFILE')} files open.",
    errno.ENOSPC: lambda: "The disk is full, or the shared memory of the run.",
}


def _limit(name: str, unit: int = 1) -> str:
    import resource

    return f"{resource.getrlimit(getattr(resource, name))[0] // unit:,}"
