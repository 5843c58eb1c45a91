"""Processes: how they are started, how they die, and what cannot travel to them."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from headwater import compat
from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors import MultiProcessingExecutor, processes
from headwater.executors.tasks import RunContext
from headwater.node import Node

pytestmark = [
    pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

FAN_OUT = """
    import os

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def home(number: int) -> int:
        return os.getpid()

    def homes(home: Collect[int]) -> set[int]:
        return set(home)
"""


@pytest.fixture
def tasks(tasks: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what executes tasks in forked processes."""
    monkeypatch.syspath_prepend(tmp_path)
    tasks.remote = MultiProcessingExecutor(max_tasks=2, start_method="fork")
    return tasks


def test_blocks_run_in_processes_of_their_own(tasks):
    homes = tasks.run(FAN_OUT, "homes", count=8)

    assert os.getpid() not in homes
    assert 1 <= len(homes) <= 2


def test_a_process_that_dies_is_told_with_the_task_and_its_nodes(tasks):
    source = """
        import os, signal

        def number() -> Parallelizable[int]:
            yield from range(4)

        def fatal(number: int) -> int:
            if number == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return number

        def total(fatal: Collect[int]) -> int:
            return sum(fatal)
    """
    with pytest.raises(NodeFailed, match=r"A worker process died while the task .*block-number' \('fatal'\)"):
        tasks.run(source, "total")
    assert multiprocessing.active_children() == []
    assert len(tasks.run(FAN_OUT, "homes", count=2)) >= 1


def test_a_value_that_cannot_be_sent_back_is_told_with_its_node(tasks):
    source = """
        from typing import Any

        def number() -> Parallelizable[int]:
            yield 1

        def made(number: int) -> Any:
            return (i for i in range(number))

        def total(made: Collect[Any]) -> int:
            return len(made)
    """
    with pytest.raises(NodeFailed) as caught:
        tasks.run(source, "total")

    assert caught.value.node == "made"
    assert "'made' returns a value of type generator, which cannot be sent to another process" in str(
        caught.value
    )
    assert isinstance(caught.value.__cause__, TypeError)


def test_a_value_that_cannot_be_sent_out_is_told_with_its_reader(tasks):
    with pytest.raises(NodeFailed) as caught:
        tasks.run(FAN_OUT, "homes", number=[threading.Lock()])

    assert caught.value.node == "home"
    assert "'home' reads 'number', a value of type lock, which cannot be sent" in str(caught.value)


def test_a_start_method_that_is_not_there_is_an_error():
    with pytest.raises(HeadwaterError, match="start_method='telepathy' cannot be used here"):
        MultiProcessingExecutor(max_tasks=1, start_method="telepathy")


@pytest.mark.parametrize("max_tasks", [0, -1, 1.5, None])
def test_a_number_of_tasks_that_makes_no_sense_is_an_error(max_tasks):
    with pytest.raises(HeadwaterError, match="max_tasks="):
        MultiProcessingExecutor(max_tasks=max_tasks)


def _lonely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process look as if nothing stood against a fork."""
    monkeypatch.delitem(sys.modules, "polars", raising=False)
    monkeypatch.setattr(processes, "_system_threads", lambda: 1)
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)


linux_before_314 = pytest.mark.skipif(
    multiprocessing.get_all_start_methods()[0] != "fork", reason="fork is not the usual way here"
)


@linux_before_314
def test_forks_where_that_is_usual_and_nothing_stands_against_it(tasks, monkeypatch):
    _lonely(monkeypatch)

    assert processes._start_method(tasks.plan(FAN_OUT, "homes", count=1).specs) == "fork"


@linux_before_314
def test_starts_afresh_beside_other_threads_and_where_polars_is_loaded(tasks, monkeypatch):
    specs = tasks.plan(FAN_OUT, "homes", count=1).specs
    _lonely(monkeypatch)
    monkeypatch.setitem(sys.modules, "polars", ModuleType("polars"))
    assert processes._start_method(specs) == "spawn"

    _lonely(monkeypatch)
    monkeypatch.setattr(processes.threading, "active_count", lambda: 2)
    assert processes._start_method(specs) == "spawn"


@linux_before_314
def test_forks_nevertheless_for_modules_that_a_fresh_process_would_not_find(tasks, monkeypatch):
    tasks.graph(FAN_OUT)
    _lonely(monkeypatch)
    monkeypatch.setattr(processes.threading, "active_count", lambda: 2)
    monkeypatch.setattr(sys, "path", [])

    assert processes._start_method(tasks.plan(FAN_OUT, "homes", count=1).specs) == "fork"

    monkeypatch.setitem(sys.modules, "polars", ModuleType("polars"))
    with pytest.raises(HeadwaterError, match="The module 'features' cannot be imported by a new process"):
        processes._start_method(tasks.plan(FAN_OUT, "homes", count=1).specs)


def test_code_that_a_fresh_process_cannot_load_is_told(tasks, tmp_path):
    tasks.remote = MultiProcessingExecutor(max_tasks=1, start_method="spawn")
    graph = tasks.graph(FAN_OUT)
    (tmp_path / "features.py").write_text("raise RuntimeError('the file has changed')\n")

    with pytest.raises(HeadwaterError, match="could not load the feature code: the file has changed"):
        tasks.executor().execute(graph, ["homes"], {"count": 1})


def test_functions_that_cannot_be_named_are_told_before_a_process_starts(tasks):
    tasks.remote = MultiProcessingExecutor(max_tasks=1, start_method="spawn")
    graph = tasks.graph(FAN_OUT)
    del sys.modules["features"].home

    with pytest.raises(HeadwaterError, match=r"The feature code cannot be sent to another process: .*home"):
        tasks.executor().execute(graph, ["homes"], {"count": 1})


@pytest.fixture
def aliased():
    """Answer imports of `hamilton` for one test."""
    was_active = compat.is_active()
    compat.activate()
    yield
    if not was_active:
        compat.deactivate()


def test_code_written_for_hamilton_runs_in_fresh_processes(load, tasks, aliased):
    source = """
        from hamilton.function_modifiers import tag
        from hamilton.htypes import Collect, Parallelizable

        def number() -> Parallelizable[int]:
            yield from (1, 2)

        @tag(owner="growth")
        def double(number: int) -> int:
            return 2 * number

        def total(double: Collect[int]) -> int:
            return sum(double)
    """
    tasks.remote = MultiProcessingExecutor(max_tasks=1, start_method="spawn")

    assert tasks.run(source, "total") == 6


class Noting:
    """Notes the names of nodes; what it notes in another process is handed over."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, node: Node, call: Callable[..., Any], args: Sequence[Any]) -> Any:
        self.names.append(node.name)
        return call(*args)

    def take_record(self) -> list[str]:
        names, self.names = self.names, []
        return names

    def give_record(self, record: list[str]) -> None:
        self.names += record


def test_what_is_noted_in_another_process_comes_back(tasks):
    noting = Noting()

    tasks.run(FAN_OUT, "homes", count=2, context=RunContext("", lambda task_id: noting))

    assert sorted(noting.names) == ["home", "home", "homes", "number"]


def test_what_was_noted_before_a_failure_comes_back(tasks):
    source = """
        def number() -> Parallelizable[int]:
            yield 0

        def fine(number: int) -> int:
            return number

        def bad(fine: int) -> float:
            return 1 / fine

        def total(bad: Collect[float]) -> float:
            return sum(bad)
    """
    noting = Noting()

    with pytest.raises(NodeFailed):
        tasks.run(source, "total", context=RunContext("", lambda task_id: noting))
    assert noting.names == ["number", "fine", "bad"]


def test_code_does_not_travel_where_processes_are_forked(tasks):
    graph = tasks.graph("""
        from typing import Any

        def number() -> Parallelizable[int]:
            yield 2

        def made(number: int) -> int:
            return number

        def total(made: Collect[int]) -> int:
            return sum(made)
    """)
    # A function that no name leads to cannot be pickled.
    del sys.modules["features"].made

    assert tasks.executor().execute(graph, ["total"], {}) == {"total": 2}
