"""How a worker ends what takes longer than it may."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["PATIENCE", "OutOfTime", "can_interrupt", "interrupting", "telling"]

PATIENCE = 5.0
"""Seconds that code has to let itself be interrupted, before its process is ended."""


class OutOfTime(BaseException):
    """Time is up; no `Exception`, so that features which go on after those do not go on after this."""


def can_interrupt() -> bool:
    """Tell whether code of this thread can be interrupted: a process has one clock, for its main thread."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def interrupting(seconds: float) -> Iterator[None]:
    """Interrupt the work inside when its time is up, which must be in the main thread.

    Python code is interrupted where it is. Native code that never comes back cannot be: some seconds later
    the process ends itself.

    Raises:
        OutOfTime: The time was up.
    """
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds + PATIENCE, exit=True, file=sys.__stderr__)
    armed = [True]

    def interrupt(number: int, frame: FrameType | None) -> None:
        if armed:
            armed.clear()
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            yield
        finally:
            armed.clear()  # from here on nothing is interrupted, also not what follows
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def telling(seconds: float, tell: Callable[[], object]) -> Iterator[None]:
    """Tell, from another thread, when the time of the work inside is up; the work goes on."""
    timer = threading.Timer(seconds, tell)
    timer.name, timer.daemon = "headwater-time-limit", True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
