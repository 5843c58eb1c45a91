"""When to look for cycles of objects that nobody needs any more, and when not to."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_collection"]


@contextmanager
def without_collection(*, at_the_end: bool = False) -> Iterator[None]:
    """Let nothing look for cycles meanwhile.

    Syntax trees, graphs and what is made of them are many small objects without cycles; looking takes a fifth
    of the time.

    Args:
        at_the_end: The process has nothing else to do: what is there after this is never looked at again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_the_end:
            gc.freeze()
        if was_enabled:
            gc.enable()
