"""One writer at a time in a mirror, and the end of what a killed one has left there."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["writing"]

_LEFT: Final = (
    *("*.lock", "refs/heads/**/*.lock", "refs/remotes/**/*.lock", "refs/tags/**/*.lock"),
    *("refs/headwater/*.lock", "objects/pack/tmp_*", "objects/??/tmp_obj_*"),
)
"""What git leaves behind where it is killed; pins have writers of their own."""


@contextmanager
def writing(mirror: Path) -> Iterator[int]:
    """Wait until nobody else writes to a mirror, and take away what a killed writer has left.

    Yields:
        The lock, to be handed to the processes that write: it lasts until the last of them has ended.
    """
    with (mirror / "headwater.writer").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for pattern in _LEFT:
            for left in mirror.glob(pattern):
                left.unlink(missing_ok=True)
        yield lock.fileno()
