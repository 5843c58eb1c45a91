"""When to look for cycles of objects that nobody needs any more, and when not to."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["without_collection"]


@contextmanager
def without_collection() -> Iterator[None]:
    """Let nothing look for cycles meanwhile.

    Syntax trees, graphs and what is made of them are many small objects without cycles; looking takes a fifth
    of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
