"""Tasks on a Spark cluster: many of them as one job, for each job costs a tenth of a second."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any
from uuid import uuid4

from headwater import compat
from headwater.carried import Carried, carried
from headwater.errors import HeadwaterError, NodeFailed, in_words
from headwater.executors import spark_sessions
from headwater.executors.base import TaskExecutor, in_use
from headwater.executors.portable import dumps, find_lost_modules
from headwater.executors.replies import Answer, packed_inputs
from headwater.executors.shipments import Shipment
from headwater.executors.spark_workers import Mark, Work, by_spark, on_worker, over
from headwater.executors.surroundings import ShippedCode, surroundings_of
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec

__all__ = ["SparkTaskExecutor"]

_MOST = 4096
"""Tasks in one job."""
_BYTES = 2**27
"""What the replies of a job may have together: Spark refuses more than a gigabyte, unless told otherwise."""
_SECONDS = 1.0
"""How long a job shall last: what it costs by itself is then a tenth."""
_PAUSE = 0.01
"""Seconds without a new task, after which those that are there become a job."""


@dataclass(slots=True)
class _Waiting:
    """A task that was taken, and where its reply is awaited."""

    number: int
    task: TaskImplementation
    work: Work
    future: Future[bytes] = field(default_factory=Future)


class SparkTaskExecutor(TaskExecutor):
    """Runs tasks in the Python workers of Spark, those that are ready at the same time as one job.

    Values travel by pickling, to the workers and home again: Spark keeps no Python objects between jobs. The
    workers import Headwater and the feature modules. A job is as long as its slowest task.

    Args:
        session: The session; by default the one that is running, and where there is none a local one of this
            machine alone, which ends with the execution.
        max_tasks: How many tasks may run at once; by default as many as the cluster has places for.
        seconds: How long a task may take whose nodes do not say (`resources.seconds`); for ever where None.
            One that takes longer is interrupted, which is told as a `TimeoutError`; native code that this
            does not reach is ended, with its process, some seconds later.
        shipment: The files of the feature modules, where workers need not have them.
    """

    cost_of_task = 0.1
    """Seconds that a job takes to be sent, scheduled and answered, as measured, and a task that is alone."""

    def __init__(
        self,
        session: Any = None,
        max_tasks: int | None = None,
        seconds: float | None = None,
        shipment: Shipment | None = None,
    ) -> None:
        """Take the session; nothing is started before `init`.

        Raises:
            HeadwaterError: The number of tasks or of seconds is not above 0.
        """
        if max_tasks is not None and max_tasks < 1:
            raise HeadwaterError(f"SparkTaskExecutor: max_tasks={max_tasks} leaves no task. Give 1 or more.")
        if seconds is not None and seconds <= 0:
            raise HeadwaterError(f"SparkTaskExecutor: seconds={seconds} leaves no time. Give more than 0.")
        self.session = session
        self.max_tasks = max_tasks
        self.seconds = seconds
        self.shipment = shipment
        self._jobs: _Jobs | None = None

    def init(self) -> None:
        """Find or start a session.

        Raises:
            HeadwaterError: Another execution is using the executor; or the session has ended, or does not
                start.
            MissingExtra: PySpark is not installed.
        """
        if self._jobs is not None:
            raise in_use(self)
        context = spark_sessions.begun(self.session, self.max_tasks)
        try:
            self._jobs = _Jobs(context, self.max_tasks, self.seconds, self.shipment)
        except BaseException:
            spark_sessions.ended(context)
            raise

    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        """Keep the tasks, which are sent with the next job."""
        self._begun().specs(specs, context)

    def can_submit_task(self) -> bool:
        """Tell that there is room: what is ready at the same time becomes one job."""
        return True

    def slots(self) -> int:
        """Return how many tasks run at once, also before the execution: graphs are cut by it.

        Raises:
            HeadwaterError: The session has ended.
            MissingExtra: PySpark is not installed.
        """
        if self._jobs is not None:
            return self._jobs.places
        return self.max_tasks or spark_sessions.places(self.session)

    def submit_task(self, task: TaskImplementation) -> Answer:
        """Take a task for the next job.

        Raises:
            NodeFailed: An input cannot be pickled.
            HeadwaterError: No execution has begun.
        """
        return self._begun().submit(task)

    def cancel(self) -> None:
        """Drop the tasks that have not begun, and end those that have."""
        if self._jobs is not None:
            self._jobs.cancel()

    def finalize(self) -> None:
        """Wait until nothing runs, and end what was started for the execution."""
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            try:
                jobs.end()
            finally:
                spark_sessions.ended(jobs.context)

    def _begun(self) -> _Jobs:
        if self._jobs is None:
            raise HeadwaterError("This SparkTaskExecutor was not initialized. Call init() before a task.")
        return self._jobs


class _Jobs:
    """The jobs of one execution, one after the other, in a thread that waits for them."""

    def __init__(
        self, context: Any, max_tasks: int | None, seconds: float | None, shipment: Shipment | None
    ) -> None:
        self._shipment = shipment
        self.context = context
        self.places = max_tasks or context.defaultParallelism
        self._size = self.places
        self._seconds = seconds
        self._group = f"headwater-{uuid4().hex}"
        # Workers of this machine write down what they are at, so that one that dies can be told.
        is_near = context.master.startswith("local")
        self._marks = Path(tempfile.mkdtemp(prefix="headwater-spark-")) if is_near else None
        self._code: Any = None
        self._specs: tuple[tuple[TaskSpec, ...], RunContext] = ((), RunContext())
        self._known: dict[int, int] = {}
        self._waiting: deque[_Waiting] = deque()
        self._taken = 0
        self._changed = threading.Condition()
        self._is_over = False
        self._thread: threading.Thread | None = None

    def specs(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        self._forget_code()
        self._specs = (tuple(specs), context)
        self._known = {id(spec): place for place, spec in enumerate(specs)}

    def submit(self, task: TaskImplementation) -> Answer:
        inputs = packed_inputs(task, by_spark)
        if self._code is None:
            self._code = self.context.broadcast(self._carried())
        # A task that was not among those of `prepare` travels whole.
        place = self._known.get(id(task.spec))
        what = dumps((task.spec, task.context)) if place is None else place
        self._taken += 1
        names = (task.spawning_task_id, task.group_id)
        waiting = _Waiting(self._taken, task, (self._taken, what, names, inputs))
        task.dynamic_inputs = {}  # this process needs them no more
        with self._changed:
            self._waiting.append(waiting)
            self._changed.notify()
        if self._thread is None:
            # Spark's own kind of thread: one of its jobs can be cancelled from another.
            self._thread = import_module("pyspark").InheritableThread(target=self._run, daemon=True)
            self._thread.start()
        return Answer(waiting.future, task)

    def _carried(self) -> Carried | ShippedCode:
        if self._shipment is not None:
            around = surroundings_of(self._specs[0], shipment=self._shipment)
            return ShippedCode(dumps(self._specs), around, compat.is_active())
        # Functions of a script or a notebook travel whole, by the pickler that workers of Spark have.
        by_value = ["__main__", *find_lost_modules(self._specs[0])]
        return carried(self._specs, partial(dumps, by_value=by_value, cloudpickle="pyspark.cloudpickle"))

    def cancel(self) -> None:
        with self._changed:
            self._is_over = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        for waiting in dropped:
            waiting.future.cancel()
        if self._thread is not None:
            if self._marks is not None:
                with suppress(OSError):  # it is renamed already, or somebody cleared the temporary folder
                    self._marks.rename(over(self._marks))
            with suppress(Exception):  # a JVM that has ended, or a context that was stopped, runs no jobs
                # Also the job that the thread is about to hand in, which nobody would end.
                self.context._jsc.sc().cancelJobGroupAndFutureJobs(self._group)
            # Spark waits no more, but lets a worker go on that is in the midst of a task.
            for mark in self._in_progress():
                with suppress(OSError):
                    if mark.is_alive:
                        os.kill(mark.process, signal.SIGKILL)

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._forget_code()
        if self._marks is not None:
            for folder in (self._marks, over(self._marks)):
                rmtree(folder, ignore_errors=True)

    def _forget_code(self) -> None:
        code, self._code = self._code, None
        if code is not None:
            with suppress(Exception):  # as for `cancel`
                code.destroy()

    def _run(self) -> None:
        while batch := self._next():
            try:
                self.context.setJobGroup(self._group, "Headwater", interruptOnCancel=True)
                self._run_job(batch)
            except BaseException as error:
                for waiting in batch:
                    if not waiting.future.done():
                        waiting.future.set_exception(self._told(error, waiting, batch))

    def _next(self) -> list[_Waiting]:
        """Wait for tasks, and return those of the next job; none when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over)
            count, until = 0, monotonic() + 10 * _PAUSE
            while count < len(self._waiting) < self._size and monotonic() < until:
                count = len(self._waiting)
                self._changed.wait(_PAUSE)
            if self._is_over:
                return []
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._size))]

    def _run_job(self, batch: Sequence[_Waiting]) -> None:
        parts = min(len(batch), self.places if len(batch) > 4 * self.places else len(batch))
        work = self.context.parallelize([waiting.work for waiting in batch], parts)
        run = on_worker(self._code, None if self._marks is None else str(self._marks), self._seconds)
        found: dict[int, tuple[bytes, float]] = dict(work.map(run).collect())
        for waiting in batch:
            waiting.future.set_result(found[waiting.number][0])
        seconds = sum(taken for _, taken in found.values()) / len(found)
        size = sum(len(reply) for reply, _ in found.values()) / len(found)
        most = min(_MOST, self.places * _SECONDS / max(seconds, 1e-6), _BYTES / size)
        self._size = max(self.places, int(most))

    def _told(self, error: BaseException, waiting: _Waiting, batch: Sequence[_Waiting]) -> BaseException:
        """Return what to tell of a task whose job Spark gave up."""
        if self._is_over:
            return CancelledError()
        marks = {mark.number: mark for mark in self._in_progress()}
        # Spark also ends the others of the job, which had no part in it.
        died = {number: mark for number, mark in marks.items() if not mark.is_alive}
        at = died or marks
        guilty = [other for other in batch if other.number in at] or list(batch)
        if waiting not in guilty:
            waiting = guilty[0]
        mark = at.get(waiting.number)
        nodes = [mark.node] if mark is not None and mark.node else [node.name for node in waiting.task.nodes]
        named = {node.name: node.where for node in waiting.task.nodes}
        failed = NodeFailed(
            f"Spark gave up the job with the task '{waiting.task.task_id}' while it computed "
            f"{', '.join(named.get(name, repr(name)) for name in nodes)}: {self._why(error, mark)}",
            nodes[0],
        )
        # Spark's own errors ask the JVM for their text each time, which ends with a session that was started
        # for the execution.
        failed.__cause__ = RuntimeError(in_words(error))
        return failed

    def _why(self, error: BaseException, mark: Mark | None) -> str:
        """Return why Spark gave up a job, and what to do."""
        if spark_sessions.is_gone(self.context, error):
            return (
                "its JVM has ended. It was killed, perhaps for want of memory (spark.driver.memory). Start "
                "another session for what comes next."
            )
        if self.context._jsc is None:
            return "its session was stopped meanwhile."
        reason = _reason(error)
        if mark is not None and mark.is_late and not mark.is_alive:
            return (
                f"{reason}. It took longer than it may (resources.seconds, or seconds= of the executor), in "
                "code that does not come back to Python, so its process was ended."
            )
        if "worker exited" in reason or "ExecutorLost" in reason:
            return (
                f"{reason}. The worker was killed, perhaps for want of memory, or crashed in native code. "
                "Run the tasks in this process (SynchronousLocalTaskExecutor) to see, or give Spark more "
                "attempts (spark.task.maxFailures)."
            )
        if "No module named" in reason:
            return (
                f"{reason}. The workers need Headwater, and what the features import, in the Python that "
                "PYSPARK_PYTHON or spark.pyspark.python names."
            )
        return f"{reason}."

    def _in_progress(self) -> list[Mark]:
        found: list[Path] = []
        for folder in () if self._marks is None else (self._marks, over(self._marks)):
            with suppress(OSError):  # it has the other name, or somebody cleared the temporary folder
                found += folder.iterdir()
        return [mark for mark in map(Mark.read, found) if mark is not None]


def _reason(error: BaseException) -> str:
    """Return the line that says most of what Spark tells with its own traces and those of the JVM."""
    lines = [line for line in in_words(error).splitlines() if line.strip()]
    own = [line for line in lines if line[0].strip() and not line.startswith("JVM stacktrace")]
    of_jvm = [line.removeprefix(": ") for line in own if line.startswith(": ")]
    known = [line for line in lines if "exited unexpectedly" in line or "was cancelled" in line]
    return (known or of_jvm or own[-1:] or lines)[0].strip().rstrip(".")[:300]
