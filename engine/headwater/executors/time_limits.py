"""How a worker ends what takes longer than it may."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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
    armed = [True]

    def interrupt(number: int, frame: FrameType | None) -> None:
        if armed:
            armed.clear()
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, interrupt)
    with _ending(seconds):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                yield
            finally:
                armed.clear()  # from here on nothing is interrupted, also not what follows
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@contextmanager
def telling(seconds: float, tell: Callable[[], object], *, ends: bool) -> Iterator[None]:
    """Tell, from another thread, when the time of the work inside is up; the work goes on.

    Args:
        seconds: The time.
        tell: Tells it. Native code that never comes back, and lets no other thread of Python run, keeps it
            from being called.
        ends: Whether the process ends itself some seconds later, since it does nothing else.
    """
    timer = threading.Timer(seconds, tell)
    timer.name, timer.daemon = "headwater-time-limit", True
    timer.start()
    try:
        with _ending(seconds) if ends else nullcontext():
            yield
    finally:
        timer.cancel()


@contextmanager
def _ending(seconds: float) -> Iterator[None]:
    """End the process where the work inside is not done some seconds after its time is up."""
    if sys.__stderr__ is not None:
        # Not in Python, which may not come to its turn.
        faulthandler.dump_traceback_later(seconds + PATIENCE, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
