"""Tasks in other processes: what travels there and back, and how the processes are started."""

from __future__ import annotations

import itertools
import pickle
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headwater import compat
from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors.base import PoolExecutor
from headwater.executors.failures import Failure
from headwater.executors.portable import dumps, find_lost_module
from headwater.executors.replies import Answer, packed_inputs, refused, reply_of
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec

if TYPE_CHECKING:
    from concurrent.futures import Executor, ProcessPoolExecutor

__all__ = ["MultiProcessingExecutor"]

_Work = tuple[tuple[TaskSpec, ...], RunContext]

_keys = itertools.count(1)
_work: dict[int, _Work | Failure] = {}
"""The tasks of the executions in progress; a forked process has those that its parent had."""


class MultiProcessingExecutor(PoolExecutor):
    """Runs tasks in processes of this machine.

    Values travel by pickling. Code does not where processes are forked; processes that start afresh import
    the feature modules, and the script that starts them needs the usual `if __name__ == "__main__":`.

    Unless told, it forks where that is the platform's way and nothing stands against it: no other thread
    runs (Python 3.12 and later warn of a fork even beside the threads of numpy, which count from there on),
    and polars, which does not survive a fork, is not loaded. Modules that a fresh process could not import,
    as those made in a notebook, leave no other way than a fork.

    Args:
        max_tasks: How many processes.
        start_method: `fork`, `forkserver` or `spawn`, to choose yourself.
    """

    def __init__(self, max_tasks: int, start_method: str | None = None) -> None:
        """Take the number of processes.

        Raises:
            HeadwaterError: The number is not above 0, or the platform has no such start method.
        """
        import multiprocessing

        super().__init__(max_tasks)
        known = multiprocessing.get_all_start_methods()
        if start_method is not None and start_method not in known:
            raise HeadwaterError(
                f"start_method={start_method!r} cannot be used here. Give one of {', '.join(known)}, or none."
            )
        self.start_method = start_method
        self._specs: tuple[TaskSpec, ...] = ()
        self._places: dict[int, int] = {}
        self._context = RunContext()
        self._key = 0

    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        """Keep the tasks, for the processes to start with."""
        self._specs, self._context = tuple(specs), context
        self._places = {id(spec): place for place, spec in enumerate(specs)}
        self._key = next(_keys)

    def create_pool(self) -> Executor:
        """Return a pool of processes that know the tasks."""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        method = self.start_method or _start_method(self._specs)
        _work[self._key] = (self._specs, self._context)
        code = None if method == "fork" else dumps(_work[self._key])
        return ProcessPoolExecutor(
            self.max_tasks,
            mp_context=multiprocessing.get_context(method),
            initializer=_begin,
            initargs=(self._key, code, compat.is_active()),
        )

    def finalize(self) -> None:
        """Shut the processes down, and wait until they are gone."""
        try:
            super().finalize()
        finally:
            _work.pop(self._key, None)
            self._specs, self._places, self._context = (), {}, RunContext()

    def cancel(self) -> None:
        """Drop the tasks that no process has begun, and end the processes in the midst of the others."""
        super().cancel()
        if self.pool is not None:
            _terminate(self.pool)  # type: ignore[arg-type]  # it was made by create_pool

    def submit_task(self, task: TaskImplementation) -> Answer:
        """Send the inputs of a task to a process.

        Raises:
            NodeFailed: An input cannot be pickled.
        """
        inputs = packed_inputs(task)
        # A task that was not among those of `prepare` travels whole.
        place = self._places.get(id(task.spec))
        what = dumps((task.spec, task.context)) if place is None else place
        names = (task.spawning_task_id, task.group_id)
        task.dynamic_inputs = {}  # this process needs them no more
        return _Answer(self.submit(_execute, self._key, what, names, inputs), task)


def _start_method(specs: Sequence[TaskSpec]) -> str:
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    usual = multiprocessing.get_start_method(allow_none=True) or methods[0]
    if usual == "fork" and _may_fork():
        return "fork"
    lost = find_lost_module(specs)
    if lost is None:
        # Not a fork server, which would stay behind when the execution is over.
        return "spawn" if usual == "fork" else usual
    if "fork" in methods and sys.platform != "darwin" and "polars" not in sys.modules:
        return "fork"
    raise HeadwaterError(
        f"The module '{lost}' cannot be imported by a new process, and this one cannot be forked. Put its "
        "functions into a file on the import path, or run the tasks in threads (MultiThreadingExecutor)."
    )


def _may_fork() -> bool:
    if "polars" in sys.modules or threading.active_count() > 1:
        return False
    return sys.version_info < (3, 12) or _system_threads() == 1


def _system_threads() -> int:
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return threading.active_count()


def _terminate(pool: ProcessPoolExecutor) -> None:
    if sys.version_info >= (3, 14):
        pool.terminate_workers()
        return
    # Before 3.14 a pool has no public way to end a worker that is busy, and waiting for one may take hours.
    for process in list((pool._processes or {}).values()):
        process.terminate()


class _Answer(Answer):
    """A task that a process of the pool has taken."""

    def failure_of(self, error: BaseException) -> BaseException:
        """Return what to tell of an error that is not the task's own."""
        from concurrent.futures.process import BrokenProcessPool

        return _died(self.task, error) if isinstance(error, BrokenProcessPool) else error


def _died(task: TaskImplementation, error: BaseException) -> NodeFailed:
    names = ", ".join(f"'{node.name}'" for node in task.nodes)
    died = NodeFailed(
        f"A worker process died while the task '{task.task_id}' ({names}) was running or waiting. It was "
        "killed, perhaps for want of memory, or crashed in native code. Run the tasks in this process "
        "(SynchronousLocalTaskExecutor) to see which, or fewer at once.",
        task.nodes[0].name,
    )
    died.__cause__ = error
    return died


def _begin(key: int, code: bytes | None, is_aliased: bool) -> None:
    """Make a new process ready."""
    # An interrupt from the keyboard goes to all processes; the first one decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What the first process does when it is asked to end is not for its copies to do.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if is_aliased:
        compat.activate()
    if code is None:
        return
    try:
        _work[key] = pickle.loads(code)  # noqa: S301, it comes from the process that started this one
    except Exception as error:
        _work[key] = Failure.of(error)  # told by the first task: a pool only says that it is broken


def _execute(key: int, what: int | bytes, names: tuple[str | None, str | None], inputs: bytes) -> bytes:
    """Run a task, and return its outputs or its failure, and what was noted meanwhile."""
    try:
        return reply_of(_task(key, what, names, inputs))
    except Exception as error:
        return refused(error)


def _task(
    key: int, what: int | bytes, names: tuple[str | None, str | None], inputs: bytes
) -> TaskImplementation:
    given = pickle.loads(inputs)  # noqa: S301, it comes from the process that started this one
    if isinstance(what, bytes):
        spec, context = pickle.loads(what)  # noqa: S301, as above
        return TaskImplementation(spec, context, *names, given)
    work = _work[key]
    if isinstance(work, Failure):
        error = work.revive()
        raise HeadwaterError(f"A new process could not load the feature code: {error}") from error
    specs, context = work
    return TaskImplementation(specs[what], context, *names, given)
