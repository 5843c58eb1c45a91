"""How tasks on a real Spark of this machine become jobs: how many, how large, and none once all is over."""

import threading
from concurrent.futures import CancelledError

import pytest

from headwater.executors import SingleExecutionManager, spark_tasks
from headwater.executors.fusing import GroupByCost
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.spark_tasks import SparkTaskExecutor
from headwater.executors.tasks import RunContext, TaskImplementation
from support.spark_session import on_spark

MANY = """
    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def made(number: int, size: int) -> bytes:
        return bytes(size)

    def total(made: Collect[bytes]) -> int:
        return sum(map(len, made))
"""


@on_spark
def test_jobs_bring_home_no_more_at_a_time_than_spark_takes(on_session, spark_session, monkeypatch) -> None:
    monkeypatch.setattr(spark_tasks, "_BYTES", 2**20)
    scheduler = spark_session.sparkContext._jsc.sc().dagScheduler()
    before = scheduler.numTotalJobs()

    assert on_session.run(MANY, "total", count=40, size=2**18) == 40 * 2**18
    assert scheduler.numTotalJobs() - before >= 10


@on_spark
def test_many_small_tasks_are_few_jobs(on_session, spark_session) -> None:
    source = """
        def number(count: int) -> Parallelizable[int]:
            yield from range(count)

        def square(number: int) -> int:
            return number * number

        def squares(square: Collect[int]) -> list[int]:
            return list(square)
    """
    scheduler = spark_session.sparkContext._jsc.sc().dagScheduler()
    before = scheduler.numTotalJobs()

    assert on_session.run(source, "squares", count=500) == [number * number for number in range(500)]
    assert scheduler.numTotalJobs() - before <= 5


@on_spark
def test_a_graph_is_cut_for_all_places_of_its_session_until_it_is_known_to_be_small(
    tasks, tmp_path, monkeypatch, spark_session
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = "\n".join(f"def n{number}(start: int) -> int: return start + {number}" for number in range(6))
    wanted = [f"n{number}" for number in range(6)]
    executor = SparkTaskExecutor(spark_session)
    runner = TaskBasedGraphExecutor(
        SingleExecutionManager(executor), GroupByCost(executor.slots, executor.cost_of_task)
    )
    graph = tasks.graph(source)

    assert executor.slots() == SparkTaskExecutor().slots() == spark_session.sparkContext.defaultParallelism
    assert len(runner.plan(graph, wanted, ["start"]).specs) == executor.slots() == 2
    assert runner.execute(graph, wanted, {"start": 1}) == {f"n{number}": number + 1 for number in range(6)}
    assert len(runner.plan(graph, wanted, ["start"]).specs) == 1


@on_spark
def test_many_levels_of_small_nodes_are_few_jobs_the_first_time(
    tasks, tmp_path, monkeypatch, spark_session
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    # Twelve levels of six, each of which reads two of the level before.
    reads = {n: (f"n{n - 6}", f"n{n // 6 * 6 - 6 + (n + 3) % 6}") for n in range(6, 72)}
    source = "\n".join(f"def n{n}(start: int) -> int: return start + {n}" for n in range(6))
    source += "\n" + "\n".join(
        f"def n{n}({a}: int, {b}: int) -> int: return {a} - 2 * {b}" for n, (a, b) in reads.items()
    )
    values = {f"n{n}": 1 + n for n in range(6)}
    for n, (a, b) in reads.items():
        values[f"n{n}"] = values[a] - 2 * values[b]
    wanted = [f"n{n}" for n in range(66, 72)]
    executor = SparkTaskExecutor(spark_session)
    # So dear that no node of a busy machine takes long enough to be worth a task.
    grouping = GroupByCost(executor.slots, cost_of_task=30.0)
    runner = TaskBasedGraphExecutor(SingleExecutionManager(executor), grouping)
    scheduler = spark_session.sparkContext._jsc.sc().dagScheduler()
    graph, before = tasks.graph(source), scheduler.numTotalJobs()

    assert len(runner.plan(graph, wanted, ["start"]).specs) == 24
    assert runner.execute(graph, wanted, {"start": 1}) == {name: values[name] for name in wanted}
    assert scheduler.numTotalJobs() - before <= 4


@on_spark
def test_a_job_that_is_about_to_be_handed_in_when_all_ends_is_never_begun(
    tasks, tmp_path, monkeypatch, spark_session
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = (
        "import pathlib\ndef begun(folder: str) -> int: return pathlib.Path(folder, 'begun').write_text('')"
    )
    (spec,) = tasks.plan(source, "begun", folder="").specs
    context = spark_session.sparkContext
    is_there, is_over, named = threading.Event(), threading.Event(), context.setJobGroup

    def held(*given: object, **named_so: object) -> None:
        """Name the job, which is what comes before it is handed in, once all is over."""
        is_there.set()
        assert is_over.wait(60)
        named(*given, **named_so)

    monkeypatch.setattr(context, "setJobGroup", held)
    executor = SparkTaskExecutor(spark_session)
    executor.init()
    executor.prepare([spec], RunContext())
    answer = executor.submit_task(
        TaskImplementation(spec, RunContext(), None, None, {"folder": str(tmp_path)})
    )
    assert is_there.wait(60)
    executor.cancel()
    is_over.set()
    executor.finalize()

    assert not (tmp_path / "begun").exists()
    # Spark refused the job: no worker was asked, which one of another machine could not refuse.
    with pytest.raises(CancelledError):
        answer.get_result()
