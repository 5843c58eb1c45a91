"""Graphs executed task by task, and the refusal to do so unasked."""

import pytest

from headwater.executors.graph import InvalidExecutorException, require_static

FAN_OUT = """
    def plain() -> int:
        return 2

    def number(plain: int) -> Parallelizable[int]:
        yield from range(plain)

    def total(number: Collect[int]) -> int:
        return sum(number)
"""


def test_a_plan_is_made_once_for_the_same_request(tasks):
    graph, runner = tasks.graph(FAN_OUT), tasks.executor()

    plan = runner.plan(graph, ["total"], {})

    assert runner.plan(graph, ["total"], {}) is plan
    assert runner.plan(graph, ["total"], {"plain": 1}) is not plan
    assert runner.plan(tasks.graph(FAN_OUT), ["total"], {}) is not plan


def test_outputs_come_in_the_order_of_the_request(tasks):
    values = tasks.run(FAN_OUT, "total", "plain", "number")

    assert list(values.items()) == [("total", 1), ("plain", 2), ("number", [0, 1])]


def test_inputs_may_be_asked_for(tasks):
    assert tasks.run("def double(x: int) -> int: return 2 * x", "x", "double", x=3) == {"x": 3, "double": 6}


def test_fan_outs_are_refused_where_executions_are_not_cut_into_tasks(tasks):
    graph = tasks.graph(FAN_OUT)

    require_static([graph["plain"]])
    with pytest.raises(InvalidExecutorException, match=r"'number' uses Parallelizable\[...\] or Collect"):
        require_static(graph.nodes)
    with pytest.raises(InvalidExecutorException, match="'total'"):
        require_static([graph["total"]])
