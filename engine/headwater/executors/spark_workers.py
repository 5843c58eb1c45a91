"""What the Python workers of Spark do with a task, and how they tell meanwhile what they are at."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headwater.carried import Carried
from headwater.errors import HeadwaterError, in_words
from headwater.executors.portable import dumps_value
from headwater.executors.replies import refused, reply_of
from headwater.executors.surroundings import ShippedCode
from headwater.executors.tasks import TaskImplementation
from headwater.executors.time_limits import PATIENCE, OutOfTime, can_interrupt, interrupting
from headwater.plan import Around, call_it

__all__ = ["Mark", "Work", "by_spark", "on_worker", "over"]

Work = tuple[int, int | bytes, tuple[str | None, str | None], bytes]
"""A task on its way: its number, its place among the prepared ones or itself, its names, its inputs."""


by_spark = partial(dumps_value, cloudpickle="pyspark.cloudpickle")
"""Pickles a value; Spark brings what pickles those that pickle cannot."""


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


def over(marks: Path) -> Path:
    """Return what the folder of an execution's marks is called once the execution is over.

    Who ends an execution renames the folder. From then on nothing begins, and a worker that is at a task
    never goes on to another: it can be ended, and nothing that Spark has given it since ends with it.
    """
    return marks.with_name(f"{marks.name}-over")


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
        with _marked(marks, number, limit) as mark, _limited(limit):
            reply = reply_of(task, partial(_watching, mark, limit), is_measured=True, dumps=by_spark)
    except OutOfTime:  # between two nodes
        reply = refused(_late(limit))
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
def _marked(marks: str | None, number: int, limit: float | None) -> Iterator[Callable[[str], object] | None]:
    """Keep a file that says what this process is at, and give what writes the name of a node into it.

    Raises:
        HeadwaterError: The execution is over.
    """
    if marks is None:
        yield None
        return
    path = Path(marks) / str(number)
    until = 0.0 if limit is None else time.time() + limit + PATIENCE
    head = f"{os.getpid()} {until:f}\n".encode()
    try:
        mark = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    except FileNotFoundError:
        raise HeadwaterError(f"The execution is over, or {marks} was removed.") from None
    os.write(mark, head)
    _end_where_over(path)
    try:
        yield lambda name: os.pwrite(mark, f"{name}\n".ljust(256).encode(), len(head))
    finally:
        os.close(mark)
        try:
            path.unlink()
        except FileNotFoundError:  # which a cleaner of temporary files may have done, too
            _end_where_over(path)


def _end_where_over(mark: Path) -> None:
    """End this process where its mark is among those of an execution that is over; see `over`."""
    if (over(mark.parent) / mark.name).exists():
        os._exit(1)


def _limited(seconds: float | None) -> AbstractContextManager[None]:
    return interrupting(seconds) if seconds is not None and can_interrupt() else nullcontext()


def _watching(mark: Callable[[str], object] | None, limit: float | None, around: Around | None) -> Around:
    """Return what notes each node that begins, and tells which one was interrupted."""
    compute = call_it if around is None else around

    def watching(node: Any, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        if mark is not None:
            mark(node.name)
        try:
            return compute(node, call, arguments)
        except OutOfTime as error:
            raise _late(limit).with_traceback(error.__traceback__) from None

    return watching


def _late(limit: float | None) -> TimeoutError:
    return TimeoutError(f"it took longer than the {limit:g} seconds that a task may take")
