"""How a worker ends what takes longer than it may."""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from headwater.errors import NodeFailed
from headwater.executors.tasks import TaskImplementation
from headwater.executors.worker_notes import Notes

__all__ = ["time_limit"]

_PATIENCE = 5.0
"""Seconds that code has to let itself be interrupted, before its process is ended."""


class _OutOfTime(BaseException):
    """Time is up; no `Exception`, so that features which go on after those do not go on after this."""


@contextmanager
def time_limit(seconds: float | None, task: TaskImplementation, notes: Notes) -> Iterator[None]:
    """Interrupt the work inside when its time is up.

    Python code is interrupted where it is, which tells the node and the line. Native code that never comes
    back cannot be: some seconds later the process ends itself, and whoever gave it the task learns from the
    notes that it took too long.

    Raises:
        NodeFailed: The time was up.
    """
    if seconds is None:
        yield
        return
    # A process has one clock of this kind, and only its main thread can be interrupted by it.
    is_interruptible = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    notes.deadline(time.time() + seconds + _PATIENCE)
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds + _PATIENCE, exit=True, file=sys.__stderr__)
    before = signal.signal(signal.SIGALRM, _interrupt) if is_interruptible else None
    try:
        if is_interruptible:
            signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    except _OutOfTime as interruption:
        raise _given_up(seconds, task, notes, interruption) from TimeoutError(
            f"not ended after {seconds:g} s"
        ).with_traceback(interruption.__traceback__)
    finally:
        if is_interruptible:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise _OutOfTime


def _given_up(
    seconds: float, task: TaskImplementation, notes: Notes, interruption: BaseException
) -> NodeFailed:
    node = notes.current or task.nodes[0]
    return NodeFailed(
        f"{node.where} was given up: the task '{task.task_id}' had not ended after the {seconds:g} s that "
        "its nodes may take (the tag resources.seconds). Give it more, or see in the traceback where it was.",
        node.name,
    )
