"""Audits of files that somebody sends: a few at once, so that the server goes on answering others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from werkzeug.exceptions import ServiceUnavailable

from headwater_catalog.audit import Audit, audit_file
from headwater_catalog.errors import Conflict
from headwater_web.reading import catalog, reading

__all__ = ["audit_sent", "place"]

_AT_ONCE: Final = threading.BoundedSemaphore(2)  # of the threads that a process of the server has
_PATIENCE: Final = 1.0  # seconds: audits that read a stamp alone are through by then
_AGAIN: Final = 15  # seconds
_LOOKS: Final = 15  # at the main line; each may take a second where a stamp names thousands of columns


def audit_sent(file: Path, *, name: str, sidecar: Path, verify: bool) -> Audit:
    """Return all that is known of a file that somebody sent, within what one request may take.

    Args:
        file: The file.
        name: What it is called where it comes from.
        sidecar: Where the file with its stamp is, if one was sent.
        verify: Also read its data, and compare.

    Raises:
        Conflict: It is no table, not what it says, or too much to be read while somebody waits.
        ServiceUnavailable: Others are being audited.
    """
    from headwater_catalog.confined_tables import BeyondLimits

    settings = catalog().settings
    held = replace(settings, runs=settings.runs.while_asked)
    with place():
        try:
            return audit_file(
                reading(), held, file, name=name, sidecar=sidecar, verify=verify, most_looks=_LOOKS
            )
        except Conflict as error:
            if not isinstance(error.__cause__, BeyondLimits):
                raise
            raise Conflict(
                f"{error} While somebody waits for an answer, no more is spent on a file. `headwater audit` "
                "on the machine of the catalog takes as much as a run may."
            ) from error


@contextmanager
def place() -> Iterator[None]:
    """Hold one of the places for audits; it is free again afterwards.

    Raises:
        ServiceUnavailable: None is free.
    """
    if not _AT_ONCE.acquire(timeout=_PATIENCE):
        raise ServiceUnavailable(
            "Other files are being looked at, as many as can be. Send it again in a moment.",
            retry_after=_AGAIN,
        )
    try:
        yield
    finally:
        _AT_ONCE.release()
