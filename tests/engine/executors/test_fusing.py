"""Chains and siblings fused into few tasks, which still are right and can run side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.executors import DefaultExecutionManager, SynchronousLocalTaskExecutor
from headwater.executors.fusing import GroupChainsAndSiblings
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.function import Argument
from headwater.graph import Graph
from headwater.node import Node, Role
from headwater.types import Type

INT = Type("int")


def _add(*values: int) -> int:
    return sum(values) + 1


def _graph(reads: list[list[int]]) -> Graph:
    """Return a graph of nodes n0, n1, ..., each of which reads those of the given numbers and `start`."""
    nodes = [Node("start", INT, role=Role.INPUT)]
    for number, read in enumerate(reads):
        names = ["start", *(f"n{other}" for other in read)]
        arguments = tuple(Argument(name, INT, name) for name in names)
        nodes.append(Node(f"n{number}", INT, arguments, f"n{number}", call=_add))
    return Graph(nodes)


def _groups(reads: list[list[int]], **options: object) -> list[list[str]]:
    graph = _graph(reads)
    strategy = GroupChainsAndSiblings(**options)
    groups = strategy.group_nodes([graph[f"n{number}"] for number in range(len(reads))])
    return [[node.name for node in group.nodes] for group in groups]


def test_a_chain_is_one_task():
    assert _groups([[], [0], [1], [2]], width=4) == [["n0", "n1", "n2", "n3"]]


def test_chains_side_by_side_stay_apart_while_there_is_room():
    assert _groups([[], [], [0], [1]], width=2) == [["n0", "n2"], ["n1", "n3"]]


def test_siblings_are_bundled_until_they_are_as_many_as_can_run_at_once():
    assert _groups([[], *([[0]] * 6)], width=2) == [["n0"], ["n1", "n2", "n3"], ["n4", "n5", "n6"]]


def test_those_that_read_the_same_are_bundled_first():
    groups = _groups([[], [], [0], [1], [0], [1]], width=2)

    assert ["n0", "n2", "n4"] in groups and ["n1", "n3", "n5"] in groups


def test_costs_decide_how_many_siblings_make_a_bundle():
    groups = _groups([[], *([[0]] * 4)], width=2, costs={"n1": 3.0})

    assert groups == [["n0"], ["n1"], ["n2", "n3", "n4"]]


def test_a_width_below_one_is_an_error():
    with pytest.raises(HeadwaterError, match="width=0"):
        GroupChainsAndSiblings(width=0)


def test_what_a_fan_out_repeats_stays_one_task_for_each_element(tasks):
    source = """
        def a() -> int:
            return 2

        def b(a: int) -> int:
            return a + 1

        def number(b: int) -> Parallelizable[int]:
            yield from range(b)

        def square(number: int) -> int:
            return number * number

        def total(square: Collect[int]) -> int:
            return sum(square)

        def shown(total: int) -> str:
            return str(total)
    """
    tasks.grouping = GroupChainsAndSiblings(width=2)

    assert {spec.base_id for spec in tasks.plan(source, "shown").specs} == {
        "fused-b",
        "expand-number",
        "block-number",
        "collect-number",
        "fused-shown",
    }
    assert tasks.run(source, "shown") == "5"


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(1, 25))
    return [
        sorted(draw(st.sets(st.integers(max(0, number - 6), number - 1), max_size=3))) if number else []
        for number in range(size)
    ]


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(1, 24))
def test_fused_tasks_give_the_same_values_and_never_need_each_other(reads, width, wanted):
    graph = _graph(reads)
    outputs = [f"n{number}" for number in range(len(reads)) if number % wanted == 0]
    manager = DefaultExecutionManager(None, SynchronousLocalTaskExecutor())

    plain = TaskBasedGraphExecutor(manager).execute(graph, outputs, {"start": 1})
    fused = TaskBasedGraphExecutor(manager, GroupChainsAndSiblings(width)).execute(
        graph, outputs, {"start": 1}
    )

    assert fused == plain
