"""Executors of other people: those that know only what Hamilton asks of them, or are busy, or misbehave."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors import (
    ExecutionManager,
    SynchronousLocalTaskExecutor,
    TaskExecutor,
    TaskFutureWrappingFunction,
    base_execute_task,
)
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.tasks import TaskImplementation, TaskState

FAN_OUT = """
    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(number: int) -> int:
        return number * number

    def total(square: Collect[int]) -> int:
        return sum(square)
"""


class _Polled:
    """A future that can only be asked."""

    def __init__(self, task: TaskImplementation) -> None:
        self._result: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(task,))
        self._thread.start()

    def _run(self, task: TaskImplementation) -> None:
        time.sleep(0.01)
        try:
            self._result = base_execute_task(task)
        except Exception as error:
            self._error = error

    def get_state(self) -> TaskState:
        if self._thread.is_alive():
            return TaskState.RUNNING
        return TaskState.SUCCESSFUL if self._error is None else TaskState.FAILED

    def get_result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result


class _Foreign:
    """An executor that extends no class of ours, and has room for two tasks."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.running: list[_Polled] = []

    def init(self) -> None:
        self.calls.append("init")

    def finalize(self) -> None:
        self.calls.append("finalize")

    def submit_task(self, task: TaskImplementation) -> _Polled:
        self.running.append(_Polled(task))
        return self.running[-1]

    def can_submit_task(self) -> bool:
        return sum(future.get_state() is TaskState.RUNNING for future in self.running) < 2


def test_an_executor_needs_only_what_hamilton_asks_of_it(tasks):
    tasks.remote = foreign = _Foreign()

    assert tasks.run(FAN_OUT, "total", count=6) == 55
    assert foreign.calls == ["init", "finalize"]
    assert len(foreign.running) == 6


def test_a_failure_in_such_an_executor_is_told_and_it_is_finalized(tasks):
    tasks.remote = foreign = _Foreign()

    with pytest.raises(NodeFailed, match="'square' failed with TypeError"):
        tasks.run(FAN_OUT, "total", number=[1, "two"])
    assert foreign.calls == ["init", "finalize"]


class _BusyAtFirst(SynchronousLocalTaskExecutor):
    """Has no room the first times it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def can_submit_task(self) -> bool:
        self.asked += 1
        return self.asked > 3 and super().can_submit_task()


def test_an_executor_that_is_busy_is_asked_again(tasks):
    tasks.remote = _BusyAtFirst()

    assert tasks.run(FAN_OUT, "total", count=2) == 1


class _Broken(SynchronousLocalTaskExecutor):
    """Cannot take tasks."""

    def submit_task(self, task: TaskImplementation) -> TaskFutureWrappingFunction:
        raise ConnectionError("the cluster is gone")


def test_an_error_while_a_task_is_handed_over_says_which(tasks):
    tasks.remote = _Broken()

    with pytest.raises(ConnectionError, match="the cluster is gone") as caught:
        tasks.run(FAN_OUT, "total", count=2)
    assert caught.value.__notes__ == ["It was raised in the task 'expand-number.0.block-number'."]


class _ByTag(ExecutionManager):
    """Sends what is tagged so to a pool, and all else to this thread."""

    def __init__(self, pool: TaskExecutor) -> None:
        self.local, self.pool = SynchronousLocalTaskExecutor(), pool
        super().__init__([self.local, self.pool])

    def get_executor_for_task(self, task: TaskImplementation) -> TaskExecutor:
        return self.pool if any(node.tags.get("heavy") == "yes" for node in task.nodes) else self.local


class _Counting(SynchronousLocalTaskExecutor):
    """Counts what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def submit_task(self, task: TaskImplementation) -> TaskFutureWrappingFunction:
        self.taken.append(task.task_id)
        return super().submit_task(task)


def test_a_manager_of_one_s_own_chooses_by_what_a_task_says_of_itself(tasks):
    graph = tasks.graph("""
        from headwater import tag

        def light(x: int) -> int:
            return x + 1

        @tag(heavy="yes")
        def heavy(light: int) -> int:
            return light * 10
    """)
    pool = _Counting()

    assert TaskBasedGraphExecutor(_ByTag(pool)).execute(graph, ["heavy"], {"x": 1}) == {"heavy": 20}
    assert pool.taken == ["heavy"]


class _Unfinished(SynchronousLocalTaskExecutor):
    """Fails to begin, or to end."""

    def __init__(self, begin: bool, log: list[str], name: str) -> None:
        super().__init__()
        self._begin, self._log, self._name = begin, log, name

    def init(self) -> None:
        if not self._begin:
            raise HeadwaterError("no room")
        self._log.append(f"{self._name} begins")

    def finalize(self) -> None:
        self._log.append(f"{self._name} ends")


def test_when_one_executor_cannot_begin_those_before_it_are_ended(tasks):
    log: list[str] = []
    first, second = _Unfinished(True, log, "first"), _Unfinished(False, log, "second")

    class Manager(_ByTag):
        def __init__(self) -> None:
            ExecutionManager.__init__(self, [first, second])

    with pytest.raises(HeadwaterError, match="no room"):
        TaskBasedGraphExecutor(Manager()).execute(tasks.graph(FAN_OUT), ["total"], {"count": 1})
    assert log == ["first begins", "first ends"]


def test_the_local_and_the_remote_executor_may_be_the_same(tasks):
    from headwater.executors import DefaultExecutionManager, MultiThreadingExecutor

    both = MultiThreadingExecutor(max_tasks=2)
    manager = DefaultExecutionManager(both, both)

    assert manager.executors == [both]
    values = TaskBasedGraphExecutor(manager).execute(tasks.graph(FAN_OUT), ["total"], {"count": 4})
    assert values == {"total": 14}


def test_tasks_elsewhere_go_on_while_this_thread_computes(tasks):
    from headwater.executors import MultiThreadingExecutor

    tasks.remote = MultiThreadingExecutor(max_tasks=1)
    source = """
        import threading

        free = threading.Event()

        def number() -> Parallelizable[int]:
            yield 1

        def waits(number: int) -> bool:
            return free.wait(10)

        def frees() -> bool:
            free.set()
            return True

        def waited(waits: Collect[bool], frees: bool) -> bool:
            return all(waits)
    """
    assert tasks.run(source, "waited")


def test_futures_that_call_back_are_not_asked(tasks):
    asked: list[str] = []

    class Calling:
        def __init__(self, future: Any) -> None:
            self.future = future

        def get_state(self) -> TaskState:
            asked.append("state")
            return TaskState.SUCCESSFUL

        def get_result(self) -> Any:
            return self.future.result()

        def add_done_callback(self, function: Callable[[Any], object]) -> None:
            self.future.add_done_callback(function)

    class Pool(_Foreign):
        def init(self) -> None:
            self.pool = ThreadPoolExecutor(2)

        def finalize(self) -> None:
            self.pool.shutdown()

        def can_submit_task(self) -> bool:
            return True

        def submit_task(self, task: TaskImplementation) -> Any:
            return Calling(self.pool.submit(base_execute_task, task))

    tasks.remote = Pool()

    assert tasks.run(FAN_OUT, "total", count=5) == 30
    assert asked == []
