"""Executors that keep values and take tasks before their inputs are there: what an execution makes of them."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors import SynchronousLocalTaskExecutor, TaskExecutor
from headwater.executors.base import TaskFutureWrappingPythonFuture
from headwater.executors.failures import Unmet
from headwater.executors.fusing import GroupByCost
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesIndividually
from headwater.executors.held import Gathered, Held, replaced
from headwater.executors.managers import ExecutionManager, SingleExecutionManager
from headwater.executors.tasks import base_execute_task


class _Taken(TaskFutureWrappingPythonFuture):
    def __init__(self, executor, task):
        super().__init__(Future())
        self.task = task
        self.seconds = {node.name: 0.5 for node in task.nodes}
        self.helds = {name: Held(executor, (self, name), is_pending=True) for name in task.outputs_to_compute}

    def promised(self):
        return {name: held for name, held in self.helds.items() if name not in self.task.spec.expanders}


class Keeping(TaskExecutor):
    """Keeps all values, and runs tasks in a thread of its own once it is told to send them."""

    accepts_pending = True

    def __init__(self):
        self.log = []
        self.taken = []
        self.fetches = []

    def init(self):
        self.thread = ThreadPoolExecutor(1)

    def finalize(self):
        self.thread.shutdown()

    def can_submit_task(self):
        raise AssertionError("whoever accepts pending inputs has room")

    def submit_task(self, task):
        raise AssertionError("many are submitted at once")

    def submit_tasks(self, tasks):
        self.log.append("submit " + " ".join(task.task_id for task in tasks))
        futures = [_Taken(self, task) for task in tasks]
        self.taken += futures
        return futures

    def flush(self):
        self.log.append("flush")
        for future in self.taken:
            self.thread.submit(self._run, future)
        self.taken = []

    def _run(self, future):
        task = future.task
        try:
            inputs = {name: replaced(value, self._value) for name, value in task.dynamic_inputs.items()}
        except Exception:
            future.future.set_exception(Unmet(task.task_id))
            return
        try:
            task.dynamic_inputs = inputs
            values = base_execute_task(task)
        except Exception as error:
            future.future.set_exception(error)
            return
        future.values = values
        results = dict(future.helds)
        for name in task.spec.expanders:
            results[name] = Gathered(Held(self, (future, name, place)) for place in range(len(values[name])))
        future.future.set_result(results)

    def _value(self, held):
        future, name, *place = held.reference
        future.future.result()
        value = future.values[name]
        return value[place[0]] if place else value

    def hold(self, values):
        ended = _Taken(self, self)
        ended.values = dict(enumerate(values))
        ended.future.set_result(None)
        return [Held(self, (ended, number)) for number in range(len(values))]

    nodes = outputs_to_compute = ()

    def fetch(self, held):
        self.fetches.append(len(held))
        return [self._value(each) for each in held]

    def lacks(self, needs):
        return f"{needs.gpus:g} GPUs" if needs.gpus else ""


CHAIN = """
    def a(start: int) -> int:
        return start + 1

    def b(a: int, start: int) -> int:
        return a * 10

    def c(a: int, b: int) -> int:
        return a + b
"""


@pytest.fixture
def keeping(tasks):
    """Give an executor that keeps values, to which every group goes."""
    tasks.remote = Keeping()
    tasks.grouping = GroupNodesIndividually()
    return tasks.remote


def test_tasks_are_submitted_before_their_inputs_are_there_and_sent_as_one(tasks, keeping):
    assert tasks.run(CHAIN, "c", start=1) == 22
    assert keeping.log == ["submit a", "submit b", "submit c", "flush"]


def test_only_what_was_asked_for_is_brought_home_in_one_call(tasks, keeping):
    assert tasks.run(CHAIN, "c", "b", start=1) == {"c": 22, "b": 20}
    assert keeping.fetches == [2]


def test_a_value_that_several_tasks_read_is_sent_once(tasks, keeping, told):
    from headwater.executors.tasks import RunContext

    tasks.run(CHAIN, "c", start=1, context=RunContext("", None, told))

    assert sum("submit" in line and "'start': <held by Keeping" in line for line in told.lines) == 2


def test_the_failure_is_told_and_not_what_follows_from_it(tasks, keeping):
    source = """
        def a(start: int) -> int:
            raise LookupError("nothing there")

        def b(a: int) -> int:
            return a

        def c(b: int) -> int:
            return b
    """
    with pytest.raises(NodeFailed, match="'a' failed with LookupError: nothing there") as caught:
        tasks.run(source, "c", start=1)
    assert caught.value.node == "a"


class _OneElsewhere(ExecutionManager):
    """Runs one node here, between others that are run elsewhere."""

    def __init__(self, here, elsewhere, name):
        super().__init__([here, elsewhere])
        self.here, self.elsewhere, self.name = here, elsewhere, name

    def get_executor_for_task(self, task):
        return self.here if task.base_id == self.name else self.elsewhere


def test_another_executor_gets_values_once_they_are_there(tasks, keeping):
    here = SynchronousLocalTaskExecutor()
    runner = TaskBasedGraphExecutor(_OneElsewhere(here, keeping, "b"), GroupNodesIndividually())

    assert runner.execute(tasks.graph(CHAIN), ["c"], {"start": 1}) == {"c": 22}
    assert [line for line in keeping.log if line != "flush"] == ["submit a", "submit c"]


FAN_OUT = """
    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(number: int) -> int:
        return number * number

    def squares(square: Collect[int], number: Collect[int]) -> list[int]:
        assert type(square) is list and type(number) is list
        return [sum(pair) for pair in zip(square, number)]
"""


@pytest.mark.parametrize("count", [0, 3])
def test_elements_of_a_fan_out_stay_elsewhere_and_are_gathered_there(tasks, keeping, count):
    runner = TaskBasedGraphExecutor(SingleExecutionManager(keeping), GroupNodesIndividually())
    values = runner.execute(tasks.graph(FAN_OUT), ["squares", "square", "number"], {"count": count})

    assert values == {
        "squares": [0, 2, 6][:count],
        "square": [0, 1, 4][:count],
        "number": [0, 1, 2][:count],
    }
    assert keeping.log[:2] == ["submit number", "flush"]
    assert keeping.fetches == [1 + 2 * count]  # the list of squares, and what is gathered


def test_a_fan_out_between_two_executors(tasks, keeping):
    tasks.grouping = None  # elements are made here, computed elsewhere and collected here

    assert tasks.run(FAN_OUT, "squares", count=3) == [0, 2, 6]


def test_what_nobody_has_is_told_before_anything_is_submitted(tasks, keeping):
    source = """
        from headwater import tag

        def a(start: int) -> int: return start

        @tag(**{"resources.gpus": "2"})
        def b(a: int) -> int: return a
    """
    told = r"features.py:\d+: 'b' needs 2 GPUs, which no worker of the Keeping has"
    with pytest.raises(HeadwaterError, match=told):
        tasks.run(source, "b", start=1)
    assert keeping.log == []


def test_measured_seconds_come_to_the_strategy(tasks, keeping):
    strategy = tasks.grouping = GroupByCost()

    assert tasks.run(CHAIN, "c", start=1) == 22
    assert strategy.costs == {"a": 0.5, "b": 0.5, "c": 0.5}
