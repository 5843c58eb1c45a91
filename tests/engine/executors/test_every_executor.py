"""What every executor does: each claim is held for each of them, or marked with why it cannot be.

A mark says `never` where the nature of the executor stands against it, `notyet` where what it builds on
does not do it yet, and `notimpl` where we do not; a claim that holds in spite of its mark fails.
"""

import multiprocessing
import os
import py_compile
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headwater.errors import CheckFailed, HeadwaterError, NodeFailed
from headwater.executors import (
    MultiProcessingExecutor,
    MultiThreadingExecutor,
    SingleExecutionManager,
    SynchronousLocalTaskExecutor,
    TaskExecutor,
)
from headwater.executors.dask_tasks import DaskExecutor
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesIndividually
from headwater.executors.ray_tasks import RayTaskExecutor
from headwater.executors.spark_tasks import SparkTaskExecutor
from headwater.executors.tasks import RunContext
from support.task_hooks import DoublingIn

EXECUTORS: dict[str, Callable[[Any], TaskExecutor]] = {
    "synchronous": lambda _: SynchronousLocalTaskExecutor(),
    "threads": lambda _: MultiThreadingExecutor(max_tasks=3),
    "fork": lambda _: MultiProcessingExecutor(max_tasks=2, start_method="fork"),
    "spawn": lambda _: MultiProcessingExecutor(max_tasks=2, start_method="spawn"),
    "dask": lambda fixture: DaskExecutor(client=fixture("dask_client")),
    "ray": lambda fixture: RayTaskExecutor(skip_init=fixture("ray_cluster") is None),
    "spark": lambda fixture: SparkTaskExecutor(fixture("spark_session")),
}
"""What makes each executor, given what gives fixtures: clusters are started once for all tests."""
MARKS: dict[str, Sequence[pytest.MarkDecorator]] = {
    "fork": (
        pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here"),
        pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
    ),
    "spawn": (pytest.mark.slow,),
    "dask": (pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("dask")),
    "ray": (pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray")),
    "spark": (pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("spark")),
}


def on_every_executor(
    *,
    never: dict[str, str] | None = None,
    notyet: dict[str, str] | None = None,
    notimpl: dict[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Run a test with every executor; where a reason is given, it must fail."""
    reasons = {
        name: f"{kind}: {reason}"
        for kind, marked in (("never", never), ("notyet", notyet), ("notimpl", notimpl))
        for name, reason in (marked or {}).items()
    }
    failing = {name: [pytest.mark.xfail(strict=True, reason=reason)] for name, reason in reasons.items()}
    params = [
        pytest.param(name, id=name, marks=[*MARKS.get(name, ()), *failing.get(name, ())])
        for name in EXECUTORS
    ]
    return pytest.mark.parametrize("executor", params)


@pytest.fixture
def tasks(
    tasks: Any,
    executor: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Any]:
    """Give what executes tasks with the executor of the test; afterwards nothing of it is running."""
    monkeypatch.syspath_prepend(tmp_path)
    tasks.remote = EXECUTORS[executor](request.getfixturevalue)
    threads, processes = _threads(), set(multiprocessing.active_children())
    yield tasks
    assert _threads() == threads
    assert set(multiprocessing.active_children()) == processes


def _threads() -> set[threading.Thread]:
    """Return the threads that run, but for those that a Dask client starts when it first needs them."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("Dask-")}


FAN_OUT = """
    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(number: int) -> int:
        return number * number

    def squares(square: Collect[int]) -> list[int]:
        return list(square)
"""


@on_every_executor()
def test_gathers_in_the_order_of_the_elements(tasks, executor):
    assert tasks.run(FAN_OUT, "squares", count=5) == [0, 1, 4, 9, 16]


@on_every_executor()
def test_an_empty_fan_out_gathers_nothing(tasks, executor):
    assert tasks.run(FAN_OUT, "squares", count=0) == []


@on_every_executor()
def test_hands_out_what_a_fan_out_repeats_as_a_list(tasks, executor):
    assert tasks.run(FAN_OUT, "square", "number", "squares", count=3) == {
        "square": [0, 1, 4],
        "number": [0, 1, 2],
        "squares": [0, 1, 4],
    }


@on_every_executor()
def test_fan_outs_nest(tasks, executor):
    source = """
        def outer() -> Parallelizable[int]:
            yield from (0, 2, 3)

        def inner(outer: int) -> Parallelizable[int]:
            yield from range(outer)

        def pair(outer: int, inner: int) -> tuple[int, int]:
            return outer, inner

        def pairs(pair: Collect[tuple[int, int]]) -> list[tuple[int, int]]:
            return list(pair)

        def all_pairs(pairs: Collect[list[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
            return list(pairs)
    """
    assert tasks.run(source, "all_pairs") == [[], [(2, 0), (2, 1)], [(3, 0), (3, 1), (3, 2)]]


@on_every_executor()
def test_runs_tasks_that_need_each_other_in_order(tasks, executor):
    tasks.grouping = GroupNodesIndividually()
    chain = "\n".join(f"def step_{i}(step_{i - 1}: int) -> int: return step_{i - 1} + 1" for i in range(1, 8))

    assert tasks.run(chain, "step_7", "step_3", step_0=1) == {"step_7": 8, "step_3": 4}


@on_every_executor()
def test_carries_tables(tasks, executor):
    source = """
        import pandas as pd

        def part(table: pd.DataFrame) -> Parallelizable[pd.DataFrame]:
            for _, part in table.groupby("shop"):
                yield part

        def total(part: pd.DataFrame) -> pd.Series:
            return part.groupby("shop")["sold"].sum()

        def totals(total: Collect[pd.Series]) -> pd.Series:
            return pd.concat(total)
    """
    import pandas as pd

    table = pd.DataFrame({"shop": ["a", "b", "a"], "sold": [1, 2, 3]})

    assert tasks.run(source, "totals", table=table).to_dict() == {"a": 4, "b": 2}


@on_every_executor()
def test_can_be_used_again_after_a_success_and_after_a_failure(tasks, executor):
    graph = tasks.graph(FAN_OUT)
    runner = tasks.executor()

    assert runner.execute(graph, ["squares"], {"count": 2}) == {"squares": [0, 1]}
    with pytest.raises(NodeFailed):
        runner.execute(graph, ["squares"], {"count": "two"})
    assert runner.execute(graph, ["squares"], {"count": 3}) == {"squares": [0, 1, 4]}


FAILING = """
    class Refused(LookupError):
        def __init__(self, number: int, *, reason: str) -> None:
            super().__init__(f"{number} is refused: {reason}")
            self.number = number

    def number() -> Parallelizable[int]:
        yield from range(5)

    def checked(number: int) -> int:
        if number == 3:
            raise Refused(number, reason="odd")
        return number

    def total(checked: Collect[int]) -> int:
        return sum(checked)
"""


@on_every_executor()
def test_a_failure_tells_the_node_the_task_and_for_whose_sake_it_ran(tasks, executor):
    with pytest.raises(NodeFailed) as caught:
        tasks.run(FAILING, "total")

    assert caught.value.node == "checked"
    message = str(caught.value)
    assert "features.py:" in message and "'checked' failed with Refused: 3 is refused: odd" in message
    assert "It received number: int." in message
    assert "the task 'expand-number.3.block-number'" in message
    assert "It was needed for 'total': total ← checked." in message


@on_every_executor()
def test_the_cause_of_a_failure_keeps_its_class_and_attributes(tasks, executor):
    with pytest.raises(NodeFailed) as caught:
        tasks.run(FAILING, "total")

    cause = caught.value.__cause__
    assert isinstance(cause, LookupError) and type(cause).__name__ == "Refused"
    assert str(cause) == "3 is refused: odd" and cause.number == 3


@on_every_executor()
def test_a_check_that_does_not_hold_is_told_as_such(tasks, executor):
    source = """
        from headwater import check_output

        def number() -> Parallelizable[int]:
            yield from (1, 20)

        @check_output(range=(0, 10), importance="fail")
        def bounded(number: int) -> int:
            return number

        def total(bounded: Collect[int]) -> int:
            return sum(bounded)
    """
    with pytest.raises(CheckFailed, match="bounded") as caught:
        tasks.run(source, "total")

    assert len(caught.value.results) == 1


@on_every_executor()
def test_a_failure_leaves_the_tasks_that_have_not_begun(tasks, executor, tmp_path):
    source = """
        import pathlib, time

        def number() -> Parallelizable[int]:
            yield from range(40)

        def noted(number: int, folder: str) -> int:
            if number == 0:
                raise ValueError("the first one fails")
            time.sleep(0.05)
            (pathlib.Path(folder) / str(number)).touch()
            return number

        def total(noted: Collect[int]) -> int:
            return sum(noted)
    """
    folder = tmp_path / "noted"
    folder.mkdir()
    with pytest.raises(NodeFailed):
        tasks.run(source, "total", folder=str(folder))

    assert len(list(folder.iterdir())) < 20


@on_every_executor()
def test_tells_hooks_of_every_task(tasks, executor, told):
    tasks.run(FAN_OUT, "squares", count=2, context=RunContext("run-1", None, told))

    lines = told.lines
    assert lines[0] == "group block-number collect-number expand-number"
    assert "expand expand-number {'0': 0, '1': 1}" in lines
    assert "submit expand-number.1.block-number expand-number execute_block {'number': 1}" in lines
    assert sum(line.startswith("begin") and line.endswith("run-1") for line in lines) == 4
    assert sum(line.startswith("end") and "True" in line for line in lines) == 4
    assert "return collect-number True NoneType" in lines


@on_every_executor()
def test_tells_hooks_of_a_failure_with_the_function_s_own_exception(tasks, executor, told):
    with pytest.raises(NodeFailed):
        tasks.run(FAILING, "total", context=RunContext("run-1", None, told))

    assert "end expand-number.3.block-number False Refused" in told.lines
    assert "return expand-number.3.block-number False Refused" in told.lines


@on_every_executor()
def test_nodes_are_computed_through_what_is_put_around_them(tasks, executor, tmp_path):
    path = tmp_path / "nodes.txt"

    assert tasks.run(FAN_OUT, "squares", count=3, context=RunContext("", DoublingIn(path))) == [0, 2, 8]
    assert sorted(path.read_text().splitlines()) == [
        "collect-number squares",
        "expand-number number",
        "expand-number.0.block-number square",
        "expand-number.1.block-number square",
        "expand-number.2.block-number square",
    ]


_ELSEWHERE = "values travel to another process by pickling"


@on_every_executor(never={"fork": _ELSEWHERE, "spawn": _ELSEWHERE})
def test_values_may_be_anything(tasks, executor):
    source = """
        from typing import Any

        def number() -> Parallelizable[Any]:
            yield lambda: 1

        def called(number: Any) -> Any:
            return lambda: number() + 1

        def total(called: Collect[Any]) -> int:
            return sum(one() for one in called)
    """
    assert tasks.run(source, "total") == 2


_COPY = "another process has a copy of the module"


@on_every_executor(never={"fork": _COPY, "spawn": _COPY, "dask": _COPY, "ray": _COPY, "spark": _COPY})
def test_features_share_the_state_of_their_module(tasks, executor):
    source = """
        seen = []

        def number() -> Parallelizable[int]:
            yield from (1, 2)

        def noted(number: int) -> int:
            seen.append(number)
            return number

        def total(noted: Collect[int]) -> int:
            return sum(seen)
    """
    assert tasks.run(source, "total") == 3


@on_every_executor(never={"spawn": "it starts as any Python does, with the bytecode that is there"})
def test_computes_with_what_files_hold_though_older_bytecode_passes_for_theirs(tasks, executor, tmp_path):
    source = "import beside_them\ndef scaled(a: int) -> int: return {} * beside_them.FACTOR * a"
    found = []
    for factor in (2, 3):
        tasks.load(f"FACTOR = {factor}", "beside_them")
        graph = tasks.graph(source.format(factor))
        for name in ("beside_them", "features"):
            leave_older_bytecode(tmp_path / f"{name}.py")
        runner = TaskBasedGraphExecutor(SingleExecutionManager(tasks.remote))
        found.append(runner.execute(graph, ["scaled"], {"a": 1})["scaled"])

    assert found == [4, 9]


def leave_older_bytecode(file: Path) -> None:
    """Write bytecode that Python takes for that of a file, of a text in which all numbers are others."""
    text = file.read_text()
    for written in (text.translate(str.maketrans("23", "77")), text):
        file.write_text(written)
        os.utime(file, (10**9, 10**9))
        if written != text:
            py_compile.compile(str(file), doraise=True)


_FRESH = "a fresh process cannot import it"


@on_every_executor(never={"spawn": _FRESH})
def test_runs_modules_that_no_file_holds(tasks, executor, monkeypatch):
    from headwater.build import build
    from headwater.executors.grouping import GroupNodesAllAsOne
    from headwater.function import functions_of

    module = ModuleType("made_in_a_notebook")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("def doubled(number: int) -> int: return 2 * number", module.__dict__)
    tasks.grouping = GroupNodesAllAsOne()

    graph = build(functions_of(module), {})
    assert tasks.executor().execute(graph, ["doubled"], {"number": 4}) == {"doubled": 8}


_ALONE = "one task runs at a time"


@on_every_executor(never={"synchronous": _ALONE})
def test_tasks_run_side_by_side(tasks, executor, tmp_path):
    source = """
        import pathlib, time

        def number() -> Parallelizable[int]:
            yield from range(2)

        def met(number: int, folder: str) -> bool:
            (pathlib.Path(folder) / str(number)).touch()
            other, until = pathlib.Path(folder) / str(1 - number), time.monotonic() + 10
            while not other.exists() and time.monotonic() < until:
                time.sleep(0.01)
                if number == 0 and (pathlib.Path(folder) / "alone").exists():
                    return False
            return other.exists()

        def both(met: Collect[bool]) -> bool:
            return all(met)
    """
    if executor == "synchronous":
        (tmp_path / "alone").touch()

    assert tasks.run(source, "both", folder=str(tmp_path))


@on_every_executor(never={"synchronous": _ALONE})
def test_one_executor_serves_one_execution_at_a_time(tasks, executor):
    for _ in range(2):
        tasks.remote.init()
        try:
            with pytest.raises(HeadwaterError, match=r"This \w+ is in use by another execution. Give each"):
                tasks.remote.init()
        finally:
            tasks.remote.finalize()


@on_every_executor()
def test_an_interruption_ends_everything(tasks, executor):
    source = """
        import os, signal, time

        def number(parent: int) -> Parallelizable[int]:
            yield from range(6)

        def slow(number: int, parent: int) -> int:
            time.sleep(0.2)
            if number == 0:
                os.kill(parent, signal.SIGINT)
            time.sleep(0.2)
            return number

        def total(slow: Collect[int]) -> int:
            return sum(slow)
    """
    with pytest.raises(KeyboardInterrupt):
        tasks.run(source, "total", parent=os.getpid())
