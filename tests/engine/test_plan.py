"""Plans: the order of one execution, and its flat run."""

import gc
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.build import build
from headwater.errors import MissingInput, NodeFailed
from headwater.function import Function, Location, Parameter, functions_of
from headwater.graph import Graph
from headwater.node import Node
from headwater.plan import call_it, keep_plan, make_plan
from headwater.types import ANY
from headwater.values import MISSING

DEFAULT = "default"


@dataclass
class Case:
    """A random graph and what is asked of it."""

    needs: dict[str, dict[str, Any]]
    """For each function its parameters with their defaults."""
    given: dict[str, Any]
    outputs: list[str]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(1, 10))
    inputs = ["x", "y", "z"]
    needs: dict[str, dict[str, Any]] = {}
    for index in range(size):
        names = draw(st.lists(st.sampled_from([*inputs, *needs]), max_size=4, unique=True))
        needs[f"f{index}"] = {name: draw(st.sampled_from([MISSING, MISSING, DEFAULT])) for name in names}
    read = {name for parameters in needs.values() for name in parameters}
    supplied = draw(st.lists(st.sampled_from([*needs, *inputs, *inputs]), max_size=5))
    outputs = draw(
        st.lists(st.sampled_from([*needs, *(n for n in inputs if n in read)]), min_size=1, max_size=4)
    )
    return Case(needs, {name: f"given {name}" for name in supplied if name in read | set(needs)}, outputs)


def function(name: str, parameters: Mapping[str, Any]) -> Function:
    ordered = sorted(parameters.items(), key=lambda item: item[1] is not MISSING)
    return Function(
        name=name,
        location=Location("features", "features.py", 1, 1),
        parameters=tuple(Parameter(parameter, ANY, default=default) for parameter, default in ordered),
        returns=ANY,
        callable=lambda *values: (name, dict(zip([p for p, _ in ordered], values, strict=True))),
    )


def naive(case: Case, name: str) -> Any:
    """Evaluate as the words say: a given value, else the function on the values of its parameters."""
    if name in case.given:
        return case.given[name]
    if name not in case.needs:
        raise LookupError(name)
    values = {
        parameter: naive(case, parameter)
        if default is MISSING or parameter in case.given or parameter in case.needs
        else default
        for parameter, default in case.needs[name].items()
    }
    return (name, values)


def depth_first(graph: Graph, given: Mapping[str, Any], name: str, done: dict[str, None]) -> None:
    """Note what is computed for a name: first what its parameters need, one after the other."""
    if name in done or name in given or graph[name].function is None:
        return
    for read in graph[name].dependencies:
        depth_first(graph, given, read, done)
    done[name] = None


@given(cases())
def test_order_is_that_of_the_outputs_and_of_the_parameters(case: Case) -> None:
    graph = build([function(name, parameters) for name, parameters in case.needs.items()], {})
    given = {**case.given, **{node.name: "" for node in graph.inputs}}
    expected: dict[str, None] = {}
    for name in case.outputs:
        depth_first(graph, given, name, expected)

    assert [node.name for node in make_plan(graph, case.outputs, given).nodes] == list(expected)


@given(cases())
def test_plan_gives_what_naive_evaluation_gives(case: Case) -> None:
    graph = build([function(name, parameters) for name, parameters in case.needs.items()], {})
    try:
        expected = {name: naive(case, name) for name in case.outputs}
    except LookupError:
        with pytest.raises(MissingInput):
            make_plan(graph, case.outputs, case.given)
        return

    plan = make_plan(graph, case.outputs, case.given)

    assert plan.execute(case.given) == expected
    assert list(plan.execute(case.given)) == list(dict.fromkeys(case.outputs))
    seen: list[str] = []

    def watched(node: Node, call: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        seen.append(node.name)
        return call(*arguments)

    assert plan.execute(case.given, watched) == expected
    assert seen == [node.name for node in plan.nodes]
    plan.compile()
    assert plan.execute(case.given) == expected
    assert list(plan.execute(case.given)) == list(expected)


@given(cases())
def test_plan_computes_each_needed_node_once_and_no_other(case: Case) -> None:
    graph = build([function(name, parameters) for name, parameters in case.needs.items()], {})
    try:
        plan = make_plan(graph, case.outputs, case.given)
    except MissingInput:
        return

    needed: set[str] = set()
    pending = list(case.outputs)
    while pending:
        name = pending.pop()
        if name in case.needs and name not in case.given and name not in needed:
            needed.add(name)
            pending += case.needs[name]
    assert sorted(node.name for node in plan.nodes) == sorted(needed)


class Token:
    """A value that can be watched."""


@pytest.mark.parametrize("way", ["loop", "around", "code"])
def test_value_is_let_go_after_its_last_reader(load, way) -> None:
    alive: dict[str, int] = {}
    watched: list[weakref.ref[Token]] = []

    def count(name: str) -> None:
        gc.collect()
        alive[name] = sum(reference() is not None for reference in watched)

    def watch() -> Token:
        token = Token()
        watched.append(weakref.ref(token))
        return token

    module = load("""
        def first() -> object:
            return watch()

        def second(first: object) -> object:
            return watch()

        def third(second: object, first: object) -> object:
            return watch()

        def fourth(third: object) -> int:
            return count("in fourth")

        def fifth(fourth: int) -> int:
            return count("in fifth")

        def unasked(first: object) -> int:
            return 1
    """)
    module.watch, module.count = watch, count
    plan = make_plan(build(functions_of(module), {}), ["fifth"], ())
    if way == "code":
        plan.compile()
    plan.execute({}, call_it if way == "around" else None)

    assert len(watched) == 3
    assert alive == {"in fourth": 1, "in fifth": 0}


def chain(size: int) -> Graph:
    functions = [
        Function(
            f"f{index}",
            Location("features", "features.py", 1, 1),
            (Parameter(f"f{index - 1}" if index else "x", ANY),),
            ANY,
            callable=lambda value: value + 1,
        )
        for index in range(size)
    ]
    return build(functions, {})


def test_chain_of_twenty_thousand_features_runs() -> None:
    plan = make_plan(chain(20_000), ["f19999"], ["x"])

    assert plan.execute({"x": 0}) == {"f19999": 20_000}


def test_outputs_of_a_long_plan_come_in_the_order_of_the_request_from_code_too() -> None:
    outputs = ["f11999", "x", "f2", "f4999", "f5000"]
    plan = make_plan(chain(12_000), outputs, ["x"])
    expected = {"f11999": 12_000, "x": 0, "f2": 3, "f4999": 5_000, "f5000": 5_001}

    assert plan.execute({"x": 0}) == expected
    plan.compile()
    assert plan.execute({"x": 0}) == expected
    assert list(plan.execute({"x": 0})) == outputs


def test_failure_in_code_names_the_node_and_what_it_received() -> None:
    plan = make_plan(chain(12_000), ["f11999"], ["x", "f8999"])
    plan.compile()

    with pytest.raises(NodeFailed) as told:
        plan.execute({"x": 0, "f8999": "text"})
    assert told.value.node == "f9000"
    assert "It received f8999: str." in str(told.value)


def test_failure_names_what_it_received_and_what_it_was_needed_for(load) -> None:
    module = load("""
        import pandas as pd

        def ratio(spend: pd.Series, signups: int) -> float:
            return 1 // signups

        def report(ratio: float) -> float:
            return ratio

        def mail(report: float) -> float:
            return report
    """)
    given = {"spend": pd.Series([1.0, 2.0]), "signups": 0}
    plan = make_plan(build(functions_of(module), {}), ["mail"], given)

    with pytest.raises(NodeFailed) as told:
        plan.execute(given)
    assert told.value.node == "ratio"
    assert isinstance(told.value.__cause__, ZeroDivisionError)
    assert str(told.value).splitlines() == [
        f"{module.__file__}:3: 'ratio' failed with ZeroDivisionError: integer division or modulo by zero",
        "It received spend: Series[float64] (2 rows), signups: int.",
        "It was needed for 'mail': mail ← report ← ratio.",
    ]


def test_stop_from_outside_is_no_failure_of_a_node(load) -> None:
    module = load("def stopped() -> int:\n    raise KeyboardInterrupt\n")
    plan = make_plan(build(functions_of(module), {}), ["stopped"], ())

    with pytest.raises(KeyboardInterrupt):
        plan.execute({})


@pytest.mark.parametrize("way", ["loop", "around", "code"])
def test_failure_whose_message_cannot_be_made_is_told(load, way) -> None:
    module = load("""
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        def first() -> int:
            raise Mute
    """)
    plan = make_plan(build(functions_of(module), {}), ["first"], ())
    if way == "code":
        plan.compile()

    with pytest.raises(NodeFailed, match="'first' failed with Mute") as told:
        plan.execute({}, call_it if way == "around" else None)
    assert type(told.value.__cause__) is module.Mute


def test_oldest_plans_are_let_go() -> None:
    plans: dict[Any, int] = {}
    for number in range(100):
        keep_plan(plans, number, number)

    assert list(plans) == list(range(36, 100))
