"""Modifiers read from source text make the same nodes as the live ones."""

from dataclasses import replace
from typing import Any

import pytest

from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import Function, Location, read_function
from headwater.modifiers import UNPACKED, source, static, static_value, tag, value
from headwater.modifiers.base import Modifier
from headwater.node import Node
from headwater.types import ANY, Type
from headwater.values import Reference, Unevaluated

UNKNOWN = Unevaluated("limits()", "it is made by a call", 7)
WHY = "line 7: 'limits()' is not known without running code: it is made by a call"

HEAD = """
    import numpy as np
    import pandas as pd
    from headwater.modifiers import *

"""
BODIES = {
    "column": "def spend__uk(orders: pd.Series, rate: float = 2.0) -> pd.Series:\n        '''Of {orders}.'''\n        return orders",
    "table": "def spend__uk(orders: pd.Series) -> pd.DataFrame:\n        return orders",
    "number": "def spend__uk(orders: int, rate: float = 2.0) -> float | None:\n        return orders",
}

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
NUMPY = Reference("numpy.float64")

CASES: list[tuple[str, str, list[Call]]] = [
    ("column", '@tag(owner="a", pii="False")', [("tag", (), {"owner": "a", "pii": "False"})]),
    ("column", '@tag(owner=["a", "b"], target_=...)', [("tag", (), {"owner": ["a", "b"], "target_": ...})]),
    ("column", '@config.when(region="UK")', [("config.when", (), {"region": "UK"})]),
    ("column", '@config.when_not(region="UK")', [("config.when_not", (), {"region": "UK"})]),
    ("column", '@config.when_in(region=["UK"])', [("config.when_in", (), {"region": ["UK"]})]),
    ("column", '@config.when_not_in(region=["UK"])', [("config.when_not_in", (), {"region": ["UK"]})]),
    (
        "column",
        '@config.when(name="other", region="UK")',
        [("config.when", (), {"name": "other", "region": "UK"})],
    ),
    ("column", "@hamilton_exclude", [("hamilton_exclude", (), {})]),
    (
        "column",
        "@check_output(data_type=np.float64, range=(-5.0, 5.0), allow_nans=False, importance='fail')",
        [
            (
                "check_output",
                (),
                {"data_type": NUMPY, "range": (-5.0, 5.0), "allow_nans": False, "importance": "fail"},
            )
        ],
    ),
    (
        "table",
        '@tag(owner="a")\n    @extract_columns("a", ("b", "Column b."), fill_with=0)',
        [("extract_columns", ("a", ("b", "Column b.")), {"fill_with": 0}), ("tag", (), {"owner": "a"})],
    ),
    (
        "table",
        '@check_output(values_in=["x"])\n    @extract_columns("a", "b")',
        [("extract_columns", ("a", "b"), {}), ("check_output", (), {"values_in": ["x"]})],
    ),
    (
        "number",
        '@config.when(region="UK")\n'
        '    @parameterize(a={"orders": source("sales")}, b=({"rate": value(2)}, "The b."))\n'
        "    @check_output(range=(0, 1))",
        [
            ("check_output", (), {"range": (0, 1)}),
            (
                "parameterize",
                (),
                {"a": {"orders": source("sales")}, "b": ({"rate": value(2)}, "The b.")},
            ),
            ("config.when", (), {"region": "UK"}),
        ],
    ),
]


def made(name: str, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Modifier:
    modifier = static(name, args, kwargs)
    assert modifier is not None
    return modifier


def from_source(function: Function, *modifiers: Modifier) -> list[Node]:
    """Expand a function as the scanner knows it: without its callable."""
    return expand(replace(function, callable=None, modifiers=modifiers))


@pytest.mark.parametrize(("body", "decorators", "calls"), CASES)
def test_modifier_from_source_makes_the_nodes_of_the_live_one(load, body, decorators, calls) -> None:
    function = read_function(load(f"{HEAD}    {decorators}\n    {BODIES[body]}\n").spend__uk)

    live = expand(function)
    read = from_source(function, *(made(*call) for call in calls))

    assert read == live
    assert all(node.call is None for node in read)
    assert [[a.value for a in n.arguments] for n in read] == [[a.value for a in n.arguments] for n in live]


@pytest.mark.parametrize(
    ("body", "name", "args", "kwargs"),
    [
        ("column", "tag", (), {"owner": UNKNOWN}),
        ("column", "tag", (), {"owner": ["a", UNKNOWN]}),
        ("column", "tag", (), {UNPACKED: UNKNOWN}),
        ("column", "config.when", (), {"region": UNKNOWN}),
        ("column", "config.when_in", (), {"region": UNKNOWN}),
        ("column", "config.when_in", (), {"region": ["UK", UNKNOWN]}),
        ("column", "config", (UNKNOWN,), {}),
        ("column", "check_output", (), {"range": UNKNOWN}),
        ("column", "check_output", (), {"range": (0, UNKNOWN)}),
        ("column", "check_output", (), {"values_in": UNKNOWN}),
        ("column", "check_output", (), {"contains": UNKNOWN}),
        ("column", "check_output", (), {"importance": UNKNOWN, "range": (0, 1)}),
        ("column", "check_output", (), {UNPACKED: UNKNOWN}),
        ("table", "extract_columns", (UNKNOWN,), {}),
        ("table", "extract_columns", ("a",), {"fill_with": UNKNOWN}),
        ("number", "parameterize", (), {"a": UNKNOWN}),
        ("number", "parameterize", (), {"a": {"rate": UNKNOWN}}),
        ("number", "parameterize", (), {"a": {"rate": value(UNKNOWN)}}),
        ("number", "parameterize", (), {"a": {"orders": source(UNKNOWN)}}),
        ("number", "parameterize", (), {UNPACKED: UNKNOWN}),
    ],
)
def test_unknown_argument_makes_every_node_partial_with_the_reason(load, body, name, args, kwargs) -> None:
    function = read_function(load(f"{HEAD}    {BODIES[body]}\n").spend__uk)

    nodes = from_source(function, made(name, args, kwargs))

    assert nodes
    assert all(node.partial == (WHY,) for node in nodes)


def test_unknown_argument_is_kept_as_text(load) -> None:
    function = read_function(load(f"{HEAD}    {BODIES['number']}\n").spend__uk)

    [tagged] = from_source(function, made("tag", (), {"owner": UNKNOWN, "team": ["a", UNKNOWN]}))
    assert (tagged.tags["owner"], tagged.tags["team"]) == ("limits()", ("a", "limits()"))
    [variant] = from_source(function, made("config.when", (), {"region": UNKNOWN}))
    assert str(variant.condition) == "region = limits()"
    nodes = from_source(function, made("check_output", (), {"range": UNKNOWN}))
    assert nodes[1].doc == "Wanted: in limits()."
    [output] = from_source(function, made("parameterize", (), {"a": {"rate": value(UNKNOWN)}}))
    assert output.arguments[1].value == UNKNOWN


def test_two_reasons_are_both_kept(load) -> None:
    function = read_function(load(f"{HEAD}    {BODIES['number']}\n").spend__uk)
    other = Unevaluated("owner()", "it is made by a call")

    [node] = from_source(function, made("tag", (), {"owner": other}), made("tag", (), {"team": UNKNOWN}))

    assert node.partial == ("'owner()' is not known without running code: it is made by a call", WHY)


def test_unknown_target_reaches_the_nodes_that_it_may_mean(load) -> None:
    function = read_function(load(f"{HEAD}    {BODIES['number']}\n").spend__uk)

    for name, arguments in (("tag", {"owner": "a"}), ("check_output", {"range": (0, 1)})):
        nodes = from_source(function, made(name, (), {"target_": UNKNOWN, **arguments}))

        assert nodes
        assert all(node.partial == (WHY,) for node in nodes)


def test_columns_of_a_table_known_by_name_only_are_of_any_type() -> None:
    place = Location("features", "features.py", 1, 1)
    columns = made("extract_columns", ("a",))

    nodes = expand(Function("table", place, (), Type("shop.Frame"), modifiers=(columns,)))
    assert [(node.name, node.type) for node in nodes] == [("table", Type("shop.Frame")), ("a", ANY)]
    with pytest.raises(InvalidModifier, match="'table' returns int"):
        expand(Function("table", place, (), Type("int"), modifiers=(columns,)))


def test_name_of_no_modifier_is_none() -> None:
    assert static("functools.cache") is None
    assert static_value("len", ("abc",)) is None
    assert static_value("source", ("spend",)) == source("spend")
    assert static_value("value", (1,)) == value(1)


def test_arguments_that_do_not_fit_are_told() -> None:
    with pytest.raises(InvalidModifier, match=r"@tag: .* See its documentation for what it takes"):
        static("tag", ("positional",))
    with pytest.raises(InvalidModifier, match="@source: "):
        static_value("source", ())


def test_modifier_decorates_without_changing_the_function() -> None:
    def spend(orders: int) -> int:
        return orders

    inner, outer = tag(owner="a"), tag(team="b")

    assert outer(inner(spend)) is spend
    assert read_function(spend).modifiers == (inner, outer)
    assert spend(3) == 3


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("tag", (), {"target_": 3, "owner": "x"}),
        ("tag", (), {"target_": {"a": 1}, "owner": "x"}),
        ("check_output", (), {"target_": Reference("somewhere.NAMES"), "allow_nans": False}),
        ("config.when", (1j,), {}),
        ("config.when", (), {"name": b"x", "region": "UK"}),
        ("hamilton_exclude", (3,), {}),
    ],
)
def test_arguments_of_the_wrong_kind_are_a_definition_error(name, args, kwargs) -> None:
    with pytest.raises(InvalidModifier):
        static(name, args, kwargs)


def test_what_is_made_of_a_set_reads_the_same_in_every_process() -> None:
    names = {"d", "b", "a", "c"}

    assert static("check_output", (), {"values_in": names}).checks[0].description == "one of a, b, c, d."
    assert static("config.when_in", (), {"region": names}).tests[0].value == ("a", "b", "c", "d")
