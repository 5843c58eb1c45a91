"""End what waits for somebody else, such as a query, once there is a reason to."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from headwater_catalog.errors import JobError

__all__ = ["Until", "interrupted", "interrupted_by_termination", "until_late"]

Until = Callable[[], "str | None"]
"""Asked again and again, from another thread; a sentence that it returns is the reason to end."""

_EVERY: Final = 0.2  # seconds


def until_late(stopping: Until, seconds: float, reason: str) -> Until:
    """Return what ends something when it is to stop, and after a while in any case."""
    late = time.monotonic() + seconds
    return lambda: stopping() or (reason if time.monotonic() > late else None)


@contextlib.contextmanager
def interrupted(interrupt: Callable[[], Any], until: Until) -> Iterator[None]:
    """Call for an end of what is done here, from another thread, once there is a reason to.

    Args:
        interrupt: Makes what is waited for fail; called until it has.
        until: Says the reason.

    Raises:
        JobError: There was one.
    """
    ended, reasons = threading.Event(), []

    def look() -> None:
        while not ended.wait(_EVERY):
            if reason := until():
                reasons.append(reason)
                while not ended.is_set():  # what was asked may only begin
                    with contextlib.suppress(Exception):  # the connection may be gone by now
                        interrupt()
                    ended.wait(_EVERY)

    thread = threading.Thread(target=look, name="headwater-interrupt", daemon=True)
    thread.start()
    try:
        yield
    except Exception as error:
        if reasons:
            raise JobError(reasons[0]) from error
        raise
    finally:
        ended.set()
        thread.join()
    if reasons:
        raise JobError(reasons[0])


@contextlib.contextmanager
def interrupted_by_termination() -> Iterator[None]:
    """Let SIGTERM interrupt what is done here, as Ctrl-C does; only the main thread can be interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
