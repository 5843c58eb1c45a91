"""What the Python workers of Spark do with a task, and how they tell meanwhile what they are at."""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.carried import Carried
from headwater.errors import HeadwaterError, in_words
from headwater.executors.replies import refused, reply_of
from headwater.executors.surroundings import ShippedCode
from headwater.executors.tasks import TaskImplementation
from headwater.plan import Around, call_it

__all__ = ["Mark", "Work", "on_worker"]

Work = tuple[int, int | bytes, tuple[str | None, str | None], bytes]
"""A task on its way: its number, its place among the prepared ones or itself, its names, its inputs."""

_PATIENCE = 5.0
"""Seconds that code which ran out of time has to come back to Python, before its process is ended."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a worker is at.

    Attributes:
        number: The number of the task.
        process: The number of its process.
        until: When the process ends itself for taking too long, in seconds since 1970; 0 for never.
        node: The node that it began last; empty where it began none.
    """

    number: int
    process: int
    until: float
    node: str

    @classmethod
    def read(cls, path: Path) -> Mark | None:
        """Return what a worker wrote; None where it ended just now."""
        try:
            head, _, node = path.read_text().rstrip("\n ").partition("\n")
            process, until = head.split()
            return cls(int(path.name), int(process), float(until), node)
        except (OSError, ValueError):
            return None

    @property
    def is_alive(self) -> bool:
        """Tell whether the worker runs; another process that got its number is none."""
        try:
            # Empty for one that ended, and was not waited for.
            return b"pyspark" in Path(f"/proc/{self.process}/cmdline").read_bytes()
        except OSError:
            return sys.platform != "linux" and _is_running(self.process)

    @property
    def is_late(self) -> bool:
        """Tell whether the worker has ended itself for taking too long."""
        return 0 < self.until <= time.time()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def on_worker(code: Any, marks: str | None, seconds: float | None) -> Callable[[Work], Any]:
    """Return what Spark takes along to run a task: its number, its reply, and how long it took.

    Args:
        code: The tasks that were prepared, and their context, sent to each worker once.
        marks: The folder for what the workers of this machine are at; None where they are on others.
        seconds: How long a task may take that does not say.
    """

    def run(work: Work) -> tuple[int, tuple[bytes, float]]:
        return _reply(code.value, work, marks, seconds)

    return run


def _reply(
    code: Carried | ShippedCode, work: Work, marks: str | None, seconds: float | None
) -> tuple[int, tuple[bytes, float]]:
    number, what, names, inputs = work
    start = time.perf_counter()
    try:
        task = _task(code, what, names, inputs)
        own = task.spec.needs.seconds
        limit = seconds if own is None else own
        with _marked(marks, number, limit) as watched, _limited(limit):
            reply = reply_of(task, watched, is_measured=True)
    except Exception as error:
        reply = refused(error)
    return number, (reply, time.perf_counter() - start)


def _task(
    code: Carried | ShippedCode, what: int | bytes, names: tuple[str | None, str | None], inputs: bytes
) -> TaskImplementation:
    try:
        specs, context = code.load()
        spec, context = pickle.loads(what) if isinstance(what, bytes) else (specs[what], context)  # noqa: S301
        return TaskImplementation(spec, context, *names, pickle.loads(inputs))  # noqa: S301, both are ours
    except Exception as error:
        raise HeadwaterError(
            f"A worker of Spark could not load the feature code: {in_words(error)}"
        ) from error


@contextmanager
def _marked(
    marks: str | None, number: int, limit: float | None
) -> Iterator[Callable[[Around | None], Around] | None]:
    """Keep a file that says what this process is at, while it is at it."""
    if marks is None:
        yield None
        return
    path = Path(marks) / str(number)
    until = 0.0 if limit is None else time.time() + limit + _PATIENCE
    head = f"{os.getpid()} {until:f}\n".encode()
    try:
        mark = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    except FileNotFoundError:  # the execution is over
        yield None
        return
    os.write(mark, head)

    def watched(around: Around | None) -> Around:
        compute = call_it if around is None else around

        def noting(node: Any, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
            os.pwrite(mark, f"{node.name}\n".ljust(256).encode(), len(head))
            return compute(node, call, arguments)

        return noting

    try:
        yield watched
    finally:
        os.close(mark)
        path.unlink(missing_ok=True)


@contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """Raise in the code that runs here once it has taken too long, and again if it goes on.

    Native code that does not come back to Python cannot be reached so: then the process ends itself.
    """
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: object) -> None:
        raise TimeoutError(f"it took longer than the {seconds:g} seconds that a task may take")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    if sys.__stderr__ is not None:
        faulthandler.dump_traceback_later(seconds + _PATIENCE, exit=True, file=sys.__stderr__)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()
