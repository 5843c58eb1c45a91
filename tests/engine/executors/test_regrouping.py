"""Executions whose rest is cut anew by what their nodes took: how many tasks that makes, and which values."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import NodeFailed
from headwater.executors import (
    SingleExecutionManager,
    SynchronousLocalTaskExecutor,
    TaskFutureWrappingFunction,
    base_execute_task,
)
from headwater.executors.fusing import GroupByCost, GroupChainsAndSiblings
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupingStrategy
from headwater.executors.tasks import RunContext, TaskImplementation, TaskSpec
from support.numbered_graphs import graph_of, reads_of_nodes

SLOTS = 2


class Timed(SynchronousLocalTaskExecutor):
    """Runs tasks in this thread, and says of each node that it took what the test says."""

    def __init__(self, seconds: Callable[[str], float]) -> None:
        super().__init__()
        self.seconds = seconds
        self.tasks: list[list[str]] = []
        self.prepared: Sequence[TaskSpec] = ()

    def prepare(self, specs: Sequence[TaskSpec], context: RunContext) -> None:
        self.prepared = specs

    def submit_task(self, task: TaskImplementation) -> TaskFutureWrappingFunction:
        assert task.spec in self.prepared
        self.tasks.append([node.name for node in task.nodes])
        self._last = TaskFutureWrappingFunction(partial(base_execute_task, task))
        self._last.seconds = {name: self.seconds(name) for name in self.tasks[-1]}  # type: ignore[attr-defined]
        return self._last

    def can_submit_task(self) -> bool:
        return True

    def slots(self) -> int:
        return SLOTS


def layers(count: int, width: int) -> list[list[int]]:
    """Return layers of nodes, each of which reads two of the layer before."""
    reads: list[list[int]] = [[] for _ in range(width)]
    for layer in range(1, count):
        before = (layer - 1) * width
        reads += [[before + place, before + (place + 3) % width] for place in range(width)]
    return reads


def executed(
    reads: Sequence[Sequence[int]],
    seconds: Callable[[str], float],
    outputs: Sequence[str] | None = None,
    grouping: GroupingStrategy | None = None,
) -> tuple[list[list[str]], dict[str, int]]:
    """Execute a graph with tasks that cost a tenth of a second; return the tasks and the values."""
    executor = Timed(seconds)
    runner = TaskBasedGraphExecutor(
        SingleExecutionManager(executor), grouping or GroupByCost(executor.slots, 0.1)
    )
    graph = graph_of(reads)
    names = outputs or [f"n{number}" for number in range(len(reads))]
    values = runner.execute(graph, names, {"start": 1})
    plain = TaskBasedGraphExecutor(SingleExecutionManager(SynchronousLocalTaskExecutor()))
    assert values == plain.execute(graph, names, {"start": 1})
    computed = [name for task in executor.tasks for name in task]
    assert len(computed) == len(set(computed)) and set(names) <= set(computed)
    return executor.tasks, values


LAST = [f"n{number}" for number in range(950, 1_000)]


def test_many_small_nodes_are_few_tasks_the_first_time():
    tasks, _ = executed(layers(20, 50), lambda _: 1e-6, LAST)

    # The first level for both places, ten times as many in one, and what is left.
    assert [len(task) for task in tasks] == [25, 25, 500, 450]


def test_nodes_that_take_long_are_cut_for_all_places_at_each_level():
    tasks, _ = executed(layers(20, 50), lambda _: 1.0, LAST)
    layer = [int(task[0][1:]) // 50 for task in tasks]

    assert all(layer.count(each) >= SLOTS for each in range(20))


def test_nodes_that_take_long_after_small_ones_are_found_out():
    tasks, _ = executed(layers(20, 50), lambda name: 1e-6 if int(name[1:]) < 50 else 1.0, LAST)
    heavy = tasks[SLOTS:]

    assert len(heavy[0]) == 500
    assert max(map(len, heavy[1:])) <= 25


def test_small_nodes_after_those_that_take_long_are_few_tasks():
    tasks, _ = executed(layers(40, 10), lambda name: 1.0 if int(name[1:]) < 10 else 1e-6, ["n399"])

    assert len(tasks) < 20


def test_what_is_cut_well_already_is_not_cut_again():
    lanes = [[number - 8] if number >= 8 else [] for number in range(48)]
    tasks, _ = executed([*lanes, list(range(40, 48))], lambda _: 0.1, ["n48"])

    assert [len(task) for task in tasks] == [24, 24, 1]


def test_costs_are_learned_all_the_same_and_then_nothing_is_cut_twice():
    grouping = GroupByCost(SLOTS, 0.1)
    executed(layers(20, 50), lambda _: 1e-6, LAST, grouping)
    assert not grouping.is_uncertain(graph_of(layers(20, 50))[name] for name in LAST)

    tasks, _ = executed(layers(20, 50), lambda _: 1e-6, LAST, grouping)
    assert [len(task) for task in tasks] == [1_000]


def test_groupings_of_given_costs_are_kept():
    tasks, _ = executed(layers(20, 50), lambda _: 1e-6, LAST, GroupChainsAndSiblings(SLOTS))

    assert len(tasks) == 40


SOURCE = """
    def a(start: int) -> int: return start
    def b(start: int) -> int: return start + 1
    def c(a: int, b: int, factor: int = 3) -> int: return factor * a * b
    def d(a: int, b: int) -> int: return a - b
    def e(c: int, d: int, later: int) -> int: return later // (c + d)
    def f(c: int, d: int) -> int: return c - d
"""


def on_timed(tasks, cost_of_task: float = 0.1) -> TaskBasedGraphExecutor:
    executor = Timed(lambda _: 1.0)
    return TaskBasedGraphExecutor(SingleExecutionManager(executor), GroupByCost(executor.slots, cost_of_task))


def test_inputs_defaults_and_values_given_for_nodes_reach_what_is_cut_later(tasks):
    runner, graph = on_timed(tasks), tasks.graph(SOURCE)
    wanted = ["a", "e", "f", "later"]

    assert runner.execute(graph, wanted, {"start": 2, "later": 70}) == {"a": 2, "e": 4, "f": 19, "later": 70}
    again = on_timed(tasks).execute(graph, wanted, {"start": 2, "later": 70, "d": -11, "factor": 5})
    assert again == {"a": 2, "e": 3, "f": 41, "later": 70}


def test_hooks_are_told_of_tasks_when_they_are_cut_and_errors_say_for_whose_sake(tasks, told):
    runner, graph = on_timed(tasks), tasks.graph(SOURCE + "\n    def g(e: int, f: int) -> int: return e + f")

    with pytest.raises(NodeFailed, match=r"'e' .*ZeroDivisionError") as caught:
        runner.execute(graph, ["e", "g"], {"start": 0, "later": 7, "d": 0}, RunContext(hooks=told))
    assert caught.value.node == "e"
    begun = [line.split()[1] for line in told.lines if line.startswith("begin")]
    groups = [line.split()[1:] for line in told.lines if line.startswith("group")]
    assert len(groups) > 1 and len(begun) == len(set(begun)) and set(begun) <= set(groups[-1])


def test_what_fan_outs_repeat_is_cut_once(tasks):
    source = """
        def number() -> Parallelizable[int]:
            yield from range(3)

        def square(number: int) -> int:
            return number * number

        def total(square: Collect[int]) -> int:
            return sum(square)

        def one(total: int) -> int: return total + 1
        def two(total: int) -> int: return total + 2
        def shown(one: int, two: int) -> str: return f"{one} {two}"
    """
    assert on_timed(tasks).execute(tasks.graph(source), ["shown"], {}) == {"shown": "6 7"}


@settings(max_examples=80, deadline=None)
@given(
    reads_of_nodes(40),
    st.lists(st.sampled_from([0.0, 1e-6, 0.05, 3.0]), min_size=40, max_size=40),
    st.integers(1, 9),
)
def test_values_are_the_same_however_the_rest_is_cut(reads, seconds, every):
    outputs = [f"n{number}" for number in range(len(reads)) if number % every == 0]

    # Which holds them against those of an execution that is not cut.
    _, values = executed(reads, lambda name: seconds[int(name[1:])], outputs)
    assert list(values) == outputs
