"""What is particular to Dask: graphs sent as one, values that stay there, what a worker must have."""

import os
import sys
from threading import Lock
from types import ModuleType

import pytest

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors import SingleExecutionManager
from headwater.executors.dask_tasks import DaskExecutor
from headwater.executors.dask_turns import Turn, end_turn
from headwater.executors.fusing import GroupByCost
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesIndividually
from headwater.executors.shipments import shipment_of
from headwater.executors.tasks import RunContext
from headwater.runs import Recorder, Run
from support.dask_cluster import local_cluster

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("dask")]


@pytest.fixture
def execute(tasks, dask_client, tmp_path, monkeypatch):
    """Give what executes a module's source with every task on the cluster."""
    monkeypatch.syspath_prepend(tmp_path)

    def execute(source, *outputs, grouping=None, context=None, **given):
        manager = SingleExecutionManager(DaskExecutor(client=dask_client))
        runner = TaskBasedGraphExecutor(manager, grouping or GroupNodesIndividually())
        return runner.execute(tasks.graph(source), outputs, given, context)

    return execute


FAN_OUT = """
    import os

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(number: int, table: list[int]) -> int:
        return number * number + table[0]

    def squares(square: Collect[int], number: Collect[int]) -> list[int]:
        assert type(square) is list and type(number) is list
        return [a + b for a, b in zip(square, number)]

    def process(squares: list[int]) -> int:
        return os.getpid()
"""


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_fan_outs_are_made_computed_and_collected_there(execute, count):
    numbers = range(count)
    values = execute(FAN_OUT, "squares", "square", "number", "process", count=count, table=[5] * 10_000)

    assert values.pop("process") != os.getpid()
    assert values == {
        "squares": [number * number + 5 + number for number in numbers],
        "square": [number * number + 5 for number in numbers],
        "number": list(numbers),
    }


def test_values_stay_where_they_are_until_they_are_asked_for(execute):
    source = """
        class Staying:
            def __reduce__(self):
                raise TypeError("this stays")

        def a() -> int: return 1
        def b(a: int) -> Staying: return Staying()
    """
    with pytest.raises(NodeFailed, match=r"'b' returns a value of type Staying.*this stays") as caught:
        execute(source, "b")
    assert caught.value.node == "b"


def test_executions_that_bring_their_modules_take_turns(dask_client, tmp_path):
    first, second, third = (
        Turn(dask_client, shipment_of(tmp_path, [""]), name) for name in ("first", "second", "third")
    )
    first.take(5)
    with pytest.raises(HeadwaterError, match=r"Other executions were on the Dask cluster for 0.5 seconds"):
        second.take(0.5)
    first.give()
    second.take(5)
    end_turn(dask_client, "first")  # whose turn is over
    with pytest.raises(HeadwaterError, match="Other executions"):
        third.take(0.5)
    end_turn(dask_client, "second")  # as if its process were gone
    third.take(5)
    third.give()


def test_a_generator_is_no_value(execute):
    source = "def rows() -> object: return (row for row in range(3))"

    with pytest.raises(NodeFailed, match="'rows' returns a value of type generator"):
        execute(source, "rows")


def test_an_input_that_cannot_be_sent_is_told_with_who_reads_it(execute):
    source = "def locked(with_lock: object) -> bool: return with_lock.locked()"

    with pytest.raises(NodeFailed, match=r"'locked' reads 'with_lock', a value of type lock"):
        execute(source, "locked", with_lock=Lock())


def test_a_failure_far_up_is_told_once_with_its_node(execute):
    source = "def n0(start: int) -> int: raise LookupError('far up')\n" + "\n".join(
        f"def n{i}(n{i - 1}: int) -> int: return n{i - 1}" for i in range(1, 30)
    )
    with pytest.raises(NodeFailed, match="'n0' failed with LookupError: far up") as caught:
        execute(source, "n29", start=1)
    assert caught.value.node == "n0"


def test_nodes_are_recorded_as_here(execute, tasks):
    run = Run()
    recorder = Recorder(run)
    context = RunContext("run", _Always(recorder), None)
    execute(FAN_OUT, "squares", count=6, table=[5] * 10_000, context=context)

    assert sorted(node.name for node in run.nodes) == ["number", *["square"] * 6, "squares"]


def test_threads_of_one_worker_keep_their_records_apart(tasks, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    run = Run()
    context = RunContext("run", _Always(Recorder(run)), None)
    with local_cluster(workers=1, threads_per_worker=4) as client:
        runner = TaskBasedGraphExecutor(SingleExecutionManager(DaskExecutor(client=client)))
        given = {"count": 400, "table": [5] * 10_000}
        runner.execute(tasks.graph(FAN_OUT), ["squares"], given, context)

    assert sorted(node.name for node in run.nodes) == ["number", *["square"] * 400, "squares"]


class _Always:
    """Gives the same for every task."""

    def __init__(self, around):
        self.around = around

    def __call__(self, task_id):
        return self.around


def test_costs_are_learned_from_the_first_execution(execute):
    source = "\n".join(f"def n{number}(start: int) -> int: return start + {number}" for number in range(6))
    grouping = GroupByCost(slots=2, cost_of_task=0.05)
    wanted = [f"n{number}" for number in range(6)]

    assert execute(source, *wanted, grouping=grouping, start=1) == {f"n{i}": 1 + i for i in range(6)}
    assert set(grouping.costs) == set(wanted)


def test_workers_take_changed_code(tasks, dask_client, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "factor.py").write_text("FACTOR = 2\n")
    source = "import factor\ndef scaled(start: int) -> int: return start * factor.FACTOR"
    runner = TaskBasedGraphExecutor(SingleExecutionManager(DaskExecutor(client=dask_client)))

    assert runner.execute(tasks.graph(source), ["scaled"], {"start": 5}) == {"scaled": 10}
    for name in ("factor", "features"):
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "factor.py").write_text("FACTOR = 30\n")
    assert runner.execute(tasks.graph(source), ["scaled"], {"start": 5}) == {"scaled": 150}
    # Also where only what a feature module uses has changed, and that module has not.


def test_functions_of_a_notebook_travel_whole(dask_client, monkeypatch):
    from headwater.build import build
    from headwater.function import functions_of

    module = ModuleType("typed_by_hand")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("FACTOR = 3\ndef scaled(start: int) -> int: return FACTOR * start", module.__dict__)
    runner = TaskBasedGraphExecutor(SingleExecutionManager(DaskExecutor(client=dask_client)))

    assert runner.execute(build(functions_of(module), {}), ["scaled"], {"start": 5}) == {"scaled": 15}


@pytest.mark.parametrize(
    ("tag", "told"),
    [
        ('"resources.gpus": "1"', "needs 1 GPU, which no worker of the DaskExecutor has"),
        ('"resources.licence": "2"', "needs 2 licence, which no worker"),
        ('"resources.memory": "64 GB"', "needs 64,000,000,000 bytes of memory, which no worker"),
    ],
)
def test_what_no_worker_has_is_told_at_once(execute, tag, told):
    source = f"""
        from headwater import tag

        @tag(**{{{tag}}})
        def embedded(start: int) -> int: return start
    """
    with pytest.raises(HeadwaterError, match=rf"features.py:\d+: 'embedded' {told}"):
        execute(source, "embedded", start=1)


def test_only_one_cluster_can_be_named():
    with pytest.raises(HeadwaterError, match="one of client=, address= and workers="):
        DaskExecutor(address="tcp://127.0.0.1:1", workers=2)


def test_nothing_stays_on_the_cluster(execute, dask_client):
    import time

    told = dask_client.get_events()
    execute(FAN_OUT, "squares", count=20, table=[5] * 10_000)
    assert not [topic for topic in dask_client.get_events() if "headwater" in topic and topic not in told]
    until = time.monotonic() + 10
    while (kept := [key for key in dask_client.who_has() if "headwater" in str(key)]) and (
        time.monotonic() < until
    ):
        time.sleep(0.05)
    assert kept == []
