"""Modifiers read from source text make the same nodes as the live ones."""

from dataclasses import replace
from typing import Any

import pytest

from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import Function, Location, Parameter, read_function
from headwater.modifiers import (
    UNPACKED,
    ParameterizedExtract,
    group,
    source,
    static,
    static_value,
    tag,
    value,
)
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
    "fields": "def spend__uk(orders: int) -> dict[str, int]:\n        return {}",
    "pair": "def spend__uk(orders: int) -> tuple[int, str]:\n        return orders, ''",
    "grouped": "def spend__uk(orders: list[int], by: dict[str, int] | None = None) -> int:\n        '''Of {orders}.'''",
    "frame": "def spend__uk(orders: pd.DataFrame) -> pd.DataFrame:\n        return orders",
    "loaded": "def spend__uk(path: str = 'x') -> tuple[pd.DataFrame, dict]:\n        '''Of {path}.'''",
    "saved": "def spend__uk(orders: pd.DataFrame) -> dict:\n        return {}",
    "declared": "def spend__uk() -> pd.Series:\n        '''What was spent.'''",
}

Call = tuple[str, tuple[Any, ...], dict[str, Any]]
NUMPY = Reference("numpy.float64")

MAPPED = {"orders": group(source("a"), value(1)), "by": group(x=source("b"))}
EXTRACT = ParameterizedExtract(("a", ("b", "The b.")), {"orders": source("raw")})

CASES: list[tuple[str, str, list[Call]]] = [
    (
        "frame",
        '@tag(owner="a")\n'
        '    @save_to.parquet(path=source("where"), target_="spend__uk")\n'
        '    @save_to.csv(path="x.csv", output_name_="as_csv", sep=value(";"))\n'
        '    @load_from.csv(path=source("raw"), sep=source("sep"), header=None)',
        [
            ("load_from.csv", (), {"path": source("raw"), "sep": source("sep"), "header": None}),
            ("save_to.csv", (), {"path": "x.csv", "output_name_": "as_csv", "sep": value(";")}),
            ("save_to.parquet", (), {"path": source("where"), "target_": "spend__uk"}),
            ("tag", (), {"owner": "a"}),
        ],
    ),
    (
        "number",
        '@save_to.pickle(path="x", output_name_="kept")\n    @load_from.literal(inject_="orders", value=3)',
        [
            ("load_from.literal", (), {"inject_": "orders", "value": 3}),
            ("save_to.pickle", (), {"path": "x", "output_name_": "kept"}),
        ],
    ),
    (
        "loaded",
        '@extract_columns("a")\n    @dataloader()\n    @config.when(region="UK")',
        [
            ("config.when", (), {"region": "UK"}),
            ("dataloader", (), {}),
            ("extract_columns", ("a",), {}),
        ],
    ),
    ("saved", '@tag(owner="a")\n    @datasaver()', [("datasaver", (), {}), ("tag", (), {"owner": "a"})]),
    (
        "column",
        '@cache(behavior="ignore", format="json")',
        [("cache", (), {"behavior": "ignore", "format": "json"})],
    ),
    (
        "column",
        '@ray_remote_options(num_gpus=1, resources={"a": 2})',
        [("ray_remote_options", (), {"num_gpus": 1, "resources": {"a": 2}})],
    ),
    (
        "table",
        '@tag_outputs(a={"owner": ["x", "y"]})\n    @extract_columns("a")',
        [("extract_columns", ("a",), {}), ("tag_outputs", (), {"a": {"owner": ["x", "y"]}})],
    ),
    (
        "table",
        '@schema.output(("a", "int"), ("b", "str"))',
        [("schema.output", (("a", "int"), ("b", "str")), {})],
    ),
    (
        "fields",
        '@extract_fields({"a": int, "b": pd.Series}, fill_with=0)',
        [
            (
                "extract_fields",
                ({"a": Reference("int"), "b": Reference("pandas.core.series.Series")},),
                {"fill_with": 0},
            )
        ],
    ),
    ("fields", '@extract_fields(["a", "b"])', [("extract_fields", (["a", "b"],), {})]),
    ("fields", '@extract_fields("a", "b")', [("extract_fields", ("a", "b"), {})]),
    ("pair", '@unpack_fields("a", "b")', [("unpack_fields", ("a", "b"), {})]),
    (
        "grouped",
        "@inject(orders=group(source('a'), value(1)), by=group(x=source('b')))",
        [("inject", (), MAPPED)],
    ),
    (
        "grouped",
        "@parameterize(p={'orders': group(source('a'), value(1)), 'by': group(x=source('b'))})",
        [("parameterize", (), {"p": MAPPED})],
    ),
    (
        "number",
        '@parameterize_sources(a={"orders": "sales"})',
        [("parameterize_sources", (), {"a": {"orders": "sales"}})],
    ),
    (
        "number",
        '@parameterize_values("rate", {("a", "The a."): 1.0})',
        [("parameterize_values", ("rate", {("a", "The a."): 1.0}), {})],
    ),
    (
        "table",
        "@parameterize_extract_columns(\n"
        "        ParameterizedExtract(('a', ('b', 'The b.')), {'orders': source('raw')}), reassign_columns=False)",
        [("parameterize_extract_columns", (EXTRACT,), {"reassign_columns": False})],
    ),
    (
        "grouped",
        "@does(lambda orders, by: 1)",
        [("does", (Reference("shop.sum"),), {})],
    ),
    ("grouped", "@does(dict, total='orders')", [("does", (Reference("dict"),), {"total": "orders"})]),
    (
        "declared",
        '@config.when(region="UK")\n    @external_input(owner="a")',
        [("external_input", (), {"owner": "a"}), ("config.when", (), {"region": "UK"})],
    ),
    ("declared", "@external_input", [("external_input", (), {})]),
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
    ("column", "@accept_error_sentinels", [("accept_error_sentinels", (), {})]),
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
        "column",
        "@check_output(unique=True, regex='[a-z]+', length=(1, 3))\n    @check_output(unique=True)",
        [
            ("check_output", (), {"unique": True}),
            ("check_output", (), {"unique": True, "regex": "[a-z]+", "length": (1, 3)}),
        ],
    ),
    (
        "column",
        "@check_output('fail', None, ..., allow_none=False)",
        [("check_output", ("fail", None, ...), {"allow_none": False})],
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
        ("column", "check_output", (), {"range": (0, 1), "default_validator_candidates": UNKNOWN}),
        ("column", "check_output_custom", (UNKNOWN,), {}),
        ("table", "extract_columns", (UNKNOWN,), {}),
        ("table", "extract_columns", ("a",), {"fill_with": UNKNOWN}),
        ("column", "cache", (), {"behavior": UNKNOWN}),
        ("column", "ray_remote_options", (), {"num_gpus": {"a": UNKNOWN}}),
        ("table", "tag_outputs", (), {"a": UNKNOWN}),
        ("table", "tag_outputs", (), {"a": {"owner": UNKNOWN}}),
        ("table", "schema.output", (UNKNOWN,), {}),
        ("table", "schema.output", (("a", UNKNOWN),), {}),
        ("fields", "extract_fields", (UNKNOWN,), {}),
        ("fields", "extract_fields", (["a", UNKNOWN],), {}),
        ("fields", "extract_fields", ({"a": UNKNOWN},), {}),
        ("pair", "unpack_fields", ("a", UNKNOWN), {}),
        ("grouped", "does", (UNKNOWN,), {}),
        ("grouped", "does", (Reference("shop.sum"),), {"total": UNKNOWN}),
        ("grouped", "inject", (), {"orders": UNKNOWN}),
        ("grouped", "inject", (), {"orders": group(source("a"), UNKNOWN)}),
        ("grouped", "inject", (), {UNPACKED: UNKNOWN}),
        ("number", "parameterize_sources", (), {"a": UNKNOWN}),
        ("number", "parameterize_sources", (), {"a": {"orders": UNKNOWN}}),
        ("number", "parameterize_values", (UNKNOWN, {("a", ""): 1}), {}),
        ("number", "parameterize_values", ("rate", UNKNOWN), {}),
        ("table", "parameterize_extract_columns", (UNKNOWN,), {}),
        ("table", "parameterize_extract_columns", (ParameterizedExtract(UNKNOWN, {}),), {}),
        ("table", "parameterize_extract_columns", (ParameterizedExtract(("a",), UNKNOWN),), {}),
        ("table", "parameterize_frame", (UNKNOWN,), {}),
        ("column", "resolve_from_config", (), {"decorate_with": UNKNOWN}),
        ("declared", "external_input", (), {"owner": UNKNOWN}),
        ("frame", "load_from.csv", (), {"path": UNKNOWN}),
        ("frame", "load_from.csv", (), {"path": source(UNKNOWN)}),
        ("frame", "load_from.csv", (), {"path": "x", "inject_": UNKNOWN}),
        ("frame", "load_from.csv", (), {UNPACKED: UNKNOWN}),
        ("frame", "save_to.csv", (), {"path": UNKNOWN}),
        ("frame", "save_to.csv", (), {"path": "x", "output_name_": UNKNOWN}),
        ("frame", "save_to.csv", (), {"path": "x", "target_": UNKNOWN}),
        ("frame", "save_to.csv", (), {UNPACKED: UNKNOWN}),
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


def test_checks_of_ones_own_are_known_to_be_there_but_not_which(load) -> None:
    function = read_function(load(f"{HEAD}    {BODIES['number']}\n").spend__uk)
    candidates = [Reference("shop.Prefix")]

    nodes = from_source(function, made("check_output_custom", (Reference("shop.CHECK"),)))
    assert [node.name for node in nodes] == ["spend__uk_raw", "spend__uk"]
    assert nodes[1].partial == ("the checks in its arguments are known by name only",)
    nodes = from_source(
        function, made("check_output", (), {"prefix": "a", "default_validator_candidates": candidates})
    )
    assert [node.name for node in nodes] == ["spend__uk_raw", "spend__uk"]
    assert nodes[1].partial == ("the checks in default_validator_candidates are known by name only",)


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


@pytest.mark.parametrize(
    ("body", "name", "kwargs", "added"),
    [
        ("frame", "load_from.lake", {"table": source("where")}, ["load_data.orders", "select_data.orders"]),
        ("frame", "load_from.csv", {"lake": "x"}, ["load_data.orders", "select_data.orders"]),
        ("frame", "save_to.lake", {"table": "x"}, ["save.spend__uk"]),
        ("frame", "save_to.avro", {"path": "x"}, ["save.spend__uk"]),
    ],
)
def test_format_that_only_running_code_registers_makes_partial_nodes(load, body, name, kwargs, added) -> None:
    function = read_function(load(f"{HEAD}    {BODIES[body]}\n").spend__uk)

    spend, *nodes = from_source(function, made(name, (), kwargs))

    assert [node.name.removeprefix("spend__uk.") for node in nodes] == added
    assert not spend.partial
    assert nodes[0].partial == (
        f"which class @{name} uses for pandas.DataFrame is only known to the code that registers it",
    )


def test_loader_for_a_type_known_by_name_only_is_not_known() -> None:
    place = Location("features", "features.py", 1, 1)
    parameter = Parameter("orders", Type("shop.Frame"))
    loader = made("load_from.csv", (), {"path": source("raw")})
    _, loaded, selected = expand(Function("spend", place, (parameter,), Type("int"), modifiers=(loader,)))

    assert (loaded.dependencies, loaded.tags["hamilton.data_loader.source"]) == (("raw",), "csv")
    assert "hamilton.data_loader.classname" not in loaded.tags
    assert selected.type == Type("shop.Frame")
    assert "which class @load_from.csv uses for shop.Frame" in loaded.partial[0]
    kind = Type("shop.Loaded")
    nodes = expand(Function("table", place, (), kind, modifiers=(made("dataloader"),)))
    assert [node.type for node in nodes] == [kind, ANY]
    assert "shop.Loaded is the name of another type" in nodes[1].partial[0]


def test_name_of_no_modifier_is_none() -> None:
    assert static("functools.cache") is None
    assert static_value("len", ("abc",)) is None
    assert static_value("source", ("spend",)) == source("spend")
    assert static_value("value", (1,)) == value(1)
    assert static_value("group", (), {"a": source("b")}) == group(a=source("b"))
    assert static_value("ParameterizedExtract", (("a",), {})) == ParameterizedExtract(("a",), {})


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

    assert (
        static("check_output", (), {"values_in": names}).checks[0].description()
        == "Wanted: one of a, b, c, d."
    )
    assert static("config.when_in", (), {"region": names}).tests[0].value == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("returns", "name", "args", "why", "made"),
    [
        (
            "shop.Frame",
            "extract_columns",
            ("a",),
            "the type of the columns of shop.Frame",
            {"a": "typing.Any"},
        ),
        ("shop.Row", "extract_fields", ("a",), "the fields of shop.Row are", {"a": "typing.Any"}),
        ("shop.Pair", "unpack_fields", ("a",), "the types of the elements of shop.Pair", {"a": "typing.Any"}),
        ("shop.Row", "extract_fields", (), "the fields of shop.Row are", {}),
    ],
)
def test_parts_of_a_class_known_by_name_only_are_partial(returns, name, args, why, made) -> None:
    function = Function("spend", Location("features", "features.py", 1, 1), (), Type(returns))
    modifier = static(name, args)
    assert modifier is not None

    whole, *parts = expand(replace(function, modifiers=(modifier,)))

    assert {part.name: str(part.type) for part in parts} == made
    assert all(why in reason for node in parts or [whole] for reason in node.partial)
    assert all(node.partial for node in parts or [whole])


def test_what_follows_the_unknown_is_not_guessed(load) -> None:
    def names(body: str, modifier: Modifier) -> list[str]:
        function = read_function(load(f"{HEAD}    {BODIES[body]}\n").spend__uk)
        return [node.name for node in from_source(function, modifier)]

    table = ParameterizedExtract(("a",), {})
    assert names("pair", made("unpack_fields", ("a", UNKNOWN, "c"))) == ["spend__uk", "a"]
    tables = made("parameterize_extract_columns", (table, UNKNOWN, ParameterizedExtract(("c",), {})))
    assert names("table", tables) == ["spend__uk__0", "a"]
    dictionary = Function("row", Location("f", "f.py", 1, 1), (), Type("dict"))
    assert [n.name for n in from_source(dictionary, made("extract_fields", (UNKNOWN,)))] == ["row"]


def test_name_of_a_node_that_may_be_made_is_no_error(load) -> None:
    function = read_function(load(f"{HEAD}    {BODIES['table']}\n").spend__uk)
    columns = made("extract_columns", (UNKNOWN,))

    for name, kwargs in (("tag_outputs", {"a": {"owner": "x"}}), ("tag", {"target_": "a", "owner": "x"})):
        assert [node.name for node in from_source(function, columns, made(name, (), kwargs))] == ["spend__uk"]


@pytest.mark.parametrize(
    ("name", "args"), [("config", (1,)), ("model", (object, 3)), ("dynamic_transform", (object, [1]))]
)
def test_argument_of_another_kind_is_told(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidModifier, match=rf"@{name} takes"):
        static(name, args)


@pytest.mark.parametrize(
    ("package", "frame"),
    [
        ("h_pandas", "pandas.DataFrame"),
        ("h_polars", "polars.DataFrame"),
        ("h_spark", "pyspark.sql.DataFrame"),
    ],
)
def test_columns_by_functions_that_are_not_known_leave_a_partial_feature(package: str, frame: str) -> None:
    table = Type.named(frame)
    function = Function("joined", Location("shop", "shop.py", 1, 2), (Parameter("orders", table),), table)
    modifier = made(f"{package}.with_columns", (UNKNOWN,), {"columns_to_pass": ["a"]})

    nodes = from_source(function, modifier)

    assert "joined" in [node.name for node in nodes]
    assert all(WHY in node.partial for node in nodes)
