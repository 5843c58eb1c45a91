"""Tasks on a Spark cluster: many of them as one job, for each job costs a tenth of a second."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from shutil import rmtree
from time import monotonic, perf_counter
from typing import Any
from uuid import uuid4

from headwater import compat
from headwater.carried import Carried, carried
from headwater.errors import HeadwaterError, MissingExtra, NodeFailed, in_words
from headwater.executors.base import TaskExecutor
from headwater.executors.portable import dumps
from headwater.executors.replies import Answer, packed_inputs, refused, reply_of
from headwater.executors.shipments import Shipment
from headwater.executors.surroundings import ShippedCode, surroundings_of
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec
from headwater.plan import Around, call_it

__all__ = ["SparkTaskExecutor"]

_MOST = 4096
"""Tasks in one job."""
_SECONDS = 1.0
"""How long a job shall last: what it costs by itself is then a tenth."""
_PAUSE = 0.01
"""Seconds without a new task, after which those that are there become a job."""

_Work = tuple[int, int | bytes, tuple[str | None, str | None], bytes]
"""A task on its way: its number, its place among the prepared ones or itself, its names, its inputs."""


@dataclass(slots=True)
class _Waiting:
    """A task that was taken, and where its reply is awaited."""

    number: int
    task: TaskImplementation
    work: _Work
    future: Future[bytes] = field(default_factory=Future)


class SparkTaskExecutor(TaskExecutor):
    """Runs tasks in the Python workers of Spark, those that are ready at the same time as one job.

    Values travel by pickling, to the workers and home again: Spark keeps no Python objects between jobs. The
    workers import Headwater and the feature modules. A job is as long as its slowest task.

    Args:
        session: The session; by default the active one, and where there is none a local one of this machine
            alone, which ends with the execution.
        max_tasks: How many tasks may run at once; by default as many as the cluster has places for.
        seconds: How long a task may take whose nodes do not say (`resources.seconds`); for ever where None.
            One that takes longer gets a `TimeoutError`, which reaches Python code only.
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
        self._own: Any = None

    def init(self) -> None:
        """Find or start a session.

        Raises:
            HeadwaterError: Another execution is using the executor.
            MissingExtra: PySpark is not installed.
        """
        if self._jobs is not None:
            raise HeadwaterError(
                "This SparkTaskExecutor is in use by another execution. Give each driver, and each thread "
                "that executes, an executor of its own."
            )
        session = self.session or _active()
        if session is None:
            session = self._own = _local(self.max_tasks)
        self._jobs = _Jobs(session, self.max_tasks, self.seconds, self.shipment)

    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        """Keep the tasks, which are sent with the first job."""
        self._begun().specs(specs, context)

    def can_submit_task(self) -> bool:
        """Tell that there is room: what is ready at the same time becomes one job."""
        return True

    def slots(self) -> int:
        """Return how many tasks run at once; 1 before there is a session."""
        if self._jobs is not None:
            return self._jobs.places
        return self.max_tasks or 1

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
        own, self._own = self._own, None
        try:
            if jobs is not None:
                jobs.end()
        finally:
            if own is not None:
                own.stop()

    def _begun(self) -> _Jobs:
        if self._jobs is None:
            raise HeadwaterError("This SparkTaskExecutor was not initialized. Call init() before a task.")
        return self._jobs


class _Jobs:
    """The jobs of one execution, one after the other, in a thread that waits for them."""

    def __init__(
        self, session: Any, max_tasks: int | None, seconds: float | None, shipment: Shipment | None
    ) -> None:
        self._shipment = shipment
        self._context = session.sparkContext
        self.places = max_tasks or self._context.defaultParallelism
        self._size = self.places
        self._seconds = seconds
        self._group = f"headwater-{uuid4().hex}"
        # Workers of this machine write down what they are at, so that one that dies can be told.
        is_near = self._context.master.startswith("local")
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
        self._specs = (tuple(specs), context)
        self._known = {id(spec): place for place, spec in enumerate(specs)}

    def submit(self, task: TaskImplementation) -> Answer:
        inputs = packed_inputs(task)
        if self._code is None:
            self._code = self._context.broadcast(self._carried())
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
        if self._shipment is None:
            return carried(self._specs, dumps)
        around = surroundings_of(self._specs[0], shipment=self._shipment)
        return ShippedCode(dumps(self._specs), around, compat.is_active())

    def cancel(self) -> None:
        with self._changed:
            self._is_over = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        for waiting in dropped:
            waiting.future.cancel()
        if self._thread is not None:
            self._context.cancelJobGroup(self._group)
            # Spark waits no more, but lets a worker go on that is in the midst of a task.
            for mark in self._in_progress():
                with suppress(OSError):
                    os.kill(mark.process, signal.SIGKILL)

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        if self._code is not None:
            self._code.destroy()
        if self._marks is not None:
            rmtree(self._marks, ignore_errors=True)

    def _run(self) -> None:
        self._context.setJobGroup(self._group, "Headwater", interruptOnCancel=True)
        while batch := self._next():
            try:
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
        work = self._context.parallelize([waiting.work for waiting in batch], parts)
        run = _on_worker(self._code, None if self._marks is None else str(self._marks), self._seconds)
        found: dict[int, tuple[bytes, float]] = dict(work.map(run).collect())
        for waiting in batch:
            waiting.future.set_result(found[waiting.number][0])
        mean = sum(seconds for _, seconds in found.values()) / len(found)
        self._size = max(self.places, min(_MOST, int(self.places * _SECONDS / max(mean, 1e-6))))

    def _told(self, error: BaseException, waiting: _Waiting, batch: Sequence[_Waiting]) -> BaseException:
        """Return what to tell of a task whose job Spark gave up."""
        if self._is_over:
            return CancelledError()
        marks = {mark.number: mark for mark in self._in_progress()}
        # Spark also ends the others of the job, which had no part in it.
        died = {number: mark for number, mark in marks.items() if not mark.is_alive} or marks
        guilty = [other for other in batch if other.number in died] or list(batch)
        if waiting not in guilty:
            waiting = guilty[0]
        nodes = [died[waiting.number].node] if waiting.number in died else []
        nodes = [name for name in nodes if name] or [node.name for node in waiting.task.nodes]
        named = {node.name: node.where for node in waiting.task.nodes}
        failed = NodeFailed(
            f"Spark gave up the job with the task '{waiting.task.task_id}' while it computed "
            f"{', '.join(named.get(name, repr(name)) for name in nodes)}: {_first_line(error)}. If a worker "
            "died, it was killed, perhaps for want of memory, or crashed in native code. Run the tasks in "
            "this process (SynchronousLocalTaskExecutor) to see, or give Spark more attempts "
            "(spark.task.maxFailures).",
            nodes[0],
        )
        failed.__cause__ = error
        return failed

    def _in_progress(self) -> list[_Mark]:
        found = [] if self._marks is None else list(self._marks.iterdir())
        return [mark for mark in map(_Mark.read, found) if mark is not None]


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a worker is at: its process, the number of the task, and the node that it began last."""

    number: int
    process: int
    node: str

    @classmethod
    def read(cls, path: Path) -> _Mark | None:
        try:
            process, _, node = path.read_text().rstrip("\n ").partition("\n")
            return cls(int(path.name), int(process), node)
        except (OSError, ValueError):  # it ended just now
            return None

    @property
    def is_alive(self) -> bool:
        try:
            state = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state != "Z"


def _on_worker(code: Any, marks: str | None, seconds: float | None) -> Callable[[_Work], Any]:
    """Return what Spark takes along to run a task: its number, its reply, and how long it took."""

    def run(work: _Work) -> tuple[int, tuple[bytes, float]]:
        return _reply(code.value, work, marks, seconds)

    return run


def _reply(
    code: Carried | ShippedCode, work: _Work, marks: str | None, seconds: float | None
) -> tuple[int, tuple[bytes, float]]:
    number, what, names, inputs = work
    start = perf_counter()
    try:
        task = _task(code, what, names, inputs)
        own = task.spec.needs.seconds
        with _marked(marks, number) as watched, _limited(seconds if own is None else own):
            reply = reply_of(task, watched)
    except Exception as error:
        reply = refused(error)
    return number, (reply, perf_counter() - start)


def _task(
    code: Carried | ShippedCode, what: int | bytes, names: tuple[str | None, str | None], inputs: bytes
) -> TaskImplementation:
    import pickle

    try:
        specs, context = code.load()
        spec, context = pickle.loads(what) if isinstance(what, bytes) else (specs[what], context)  # noqa: S301
        return TaskImplementation(spec, context, *names, pickle.loads(inputs))  # noqa: S301, both are ours
    except Exception as error:
        raise HeadwaterError(
            f"A worker of Spark could not load the feature code: {in_words(error)}"
        ) from error


@contextmanager
def _marked(marks: str | None, number: int) -> Iterator[Callable[[Around | None], Around] | None]:
    """Keep a file that says what this process is at, while it is at it."""
    if marks is None:
        yield None
        return
    path = Path(marks) / str(number)
    head = f"{os.getpid()}\n".encode()
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
    """Raise in the code that runs here once it has taken too long, and again if it goes on."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: object) -> None:
        raise TimeoutError(f"it took longer than the {seconds:g} seconds that a task may take")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _active() -> Any:
    try:
        return import_module("pyspark.sql").SparkSession.getActiveSession()
    except ImportError as error:
        raise MissingExtra("pyspark", "spark", "Running tasks on Spark") from error


def _local(max_tasks: int | None) -> Any:
    """Return a new session of this machine, which nobody else can reach."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    conf = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    builder = import_module("pyspark.sql").SparkSession.builder
    return builder.master(f"local[{max_tasks or '*'}]").appName("headwater").config(map=conf).getOrCreate()


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in in_words(error).splitlines() if line.strip()]
    told = [line for line in lines if "exited unexpectedly" in line or "was cancelled" in line]
    return (told or lines)[0].rstrip(".")[:300]
