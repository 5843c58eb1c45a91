"""Chains and sub-graphs read from source text make the same nodes as the live ones."""

import ast
import builtins
import inspect
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from headwater.errors import InvalidModifier
from headwater.function import Function, ModuleRecord, read_function
from headwater.modifiers import static, static_value
from headwater.modifiers.expansion import expand
from headwater.modifiers.members import feature_functions
from headwater.modifiers.mutations import with_mutations
from headwater.node import Node
from headwater.types import ANY
from headwater.values import Reference, Unevaluated

UNKNOWN = Unevaluated("found()", "it is made by a call", 7)
WHY = "line 7: 'found()' is not known without running code: it is made by a call"


class Named:
    """A name of source text that stands for a modifier or for what belongs to one."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> "Named":
        return Named(f"{self.name}.{attribute}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        made = static_value(self.name, args, kwargs)
        return static(self.name, args, kwargs) if made is None else made


class Names(dict[str, Any]):
    """The names of a module, those that it does not define being modifiers."""

    def __missing__(self, name: str) -> Named:
        return Named(name)


def read(module: ModuleType, **others: ModuleRecord) -> ModuleRecord:
    """Read a module as the scanner does: its decorators from their text, its functions without code."""
    names = Names(vars(builtins) | others)
    functions = []
    for definition in ast.parse(inspect.getsource(module)).body:
        if isinstance(definition, ast.FunctionDef):
            modifiers = [eval(ast.unparse(d), {}, names) for d in reversed(definition.decorator_list)]
            modifiers = [m("static") if isinstance(m, Named) else m for m in modifiers]
            live = read_function(getattr(module, definition.name))
            names[definition.name] = replace(live, callable=None, modifiers=tuple(modifiers))
            functions.append(names[definition.name])
    counted = [function for function in with_mutations(functions) if not function.name.startswith("_")]
    return ModuleRecord(module.__name__, tuple(sorted(counted, key=lambda f: f.name)))


HEAD = """
    import pandas as pd
    import polars as pl
    from headwater.modifiers import *
    from headwater.modifiers import h_pandas, h_polars, h_polars_lazyframe

"""

SHOP = """
    import pandas as pd
    from headwater.modifiers import *

    def orders(path: str, limit: int = 10) -> pd.Series:
        "Orders of a file."

    @config.when(region="UK")
    def spend__uk(orders: pd.Series, rate: float) -> pd.Series: ...

    @config.when_not(region="UK")
    def spend__other(orders: pd.Series, region: str) -> pd.Series: ...

    @extract_columns("day", "week")
    def calendar(orders: pd.Series) -> pd.DataFrame: ...
"""

STEPS = """
    def _plus(x: int) -> int:
        "One more."

    def times(x: int, y: int, z: int = 2) -> int: ...

"""

SOURCES = {
    "subdag": """
        @subdag(shop, inputs={"path": source("file"), "rate": value(0.5)}, config={"region": "UK"})
        def uk(spend: pd.Series, orders: pd.Series) -> pd.Series:
            "Spend in the UK."
    """,
    "subdag of functions, with all arguments": """
        def total(orders: int, rate: float) -> float: ...

        @tag(owner="shop")
        @subdag(
            total,
            inputs={"orders": value(3)},
            config={"rate": configuration("tax"), "region": value("FR")},
            namespace="inner",
            final_node_name="end",
            external_inputs=["extra"],
        )
        def taxed(total: float, region: str, extra: int) -> float: ...
    """,
    "parameterized_subdag": """
        @parameterized_subdag(
            shop,
            inputs={"path": value("a.csv"), "rate": source("fee")},
            uk={"config": {"region": "UK"}},
            fr={"inputs": {"path": source("b")}, "config": {"region": configuration("second")}},
            external_inputs=["extra"],
        )
        @config.when(size="large")
        def report__large(spend: pd.Series, extra: int) -> pd.Series: ...
    """,
    "nested subdags": """
        @subdag(shop, inputs={"path": source("file")}, config={"region": configuration("area")})
        def inner(spend: pd.Series) -> pd.Series: ...

        @subdag(inner, inputs={"file": value("c.csv")}, config={"area": configuration("country")})
        def outer(inner: pd.Series) -> pd.Series: ...
    """,
    "pipe_input": """
        @pipe_input(
            step(_plus),
            step(times, 3).named("three", namespace="own"),
            step(_plus).when(size="large"),
            step(times, y=source("factor"), z=value(4)).named("four", namespace=None),
            step(_plus).when_in(region=["UK", "FR"]),
            step(times, 5),
            on_input="x",
        )
        @config.when(kind="a")
        def piped__a(w: int, x: int) -> int: ...

        @pipe_input(step(_plus), namespace="named")
        @pipe_input(step(times, y=1), namespace=None)
        def twice(x: int) -> int: ...
    """,
    "pipe_output": """
        @tag(owner="shop")
        @pipe_output(step(_plus).when(size="large"), step(times, y=2).when_not(size="large", region="UK"))
        def result(x: int) -> int:
            "The result."

        @pipe_output(step(_plus), step(times, 2).on_output("b"), namespace="steps")
        @extract_fields({"a": int, "b": int})
        def pair(x: int) -> dict[str, int]: ...

        @pipe_output(step(_plus), on_output=["c"], namespace=None)
        @extract_fields({"c": int, "d": int})
        def other(x: int) -> dict[str, int]: ...
    """,
    "mutate": """
        def a(x: int) -> int: ...

        @pipe_output(step(_plus))
        def b(x: int) -> int: ...

        @config.when(size="large")
        def c__large(x: int) -> int: ...

        @mutate(a, apply_to(b, y=value(1)).named("again").when(size="large"), c__large, y=source("factor"))
        def _scaled(x: int, y: int) -> int: ...

        @mutate(a)
        def shifted(x: int) -> int: ...
    """,
    "with_columns of pandas": """
        def net(price: pd.Series, rate: float) -> pd.Series: ...

        def count(price: pd.Series) -> int: ...

        @config.when(size="large")
        def gross__large(net: pd.Series, tax: pd.Series, count: int) -> pd.Series: ...

        @h_pandas.with_columns(net, count, gross__large, columns_to_pass=["price", "tax"], select=["net"])
        def chosen(table: pd.DataFrame) -> pd.DataFrame: ...

        @h_pandas.with_columns(net, count, gross__large, columns_to_pass=["price", "tax"], namespace="all")
        def every(table: pd.DataFrame, rate: float) -> pd.DataFrame: ...
    """,
    "with_columns of polars": """
        def doubled(table: pl.DataFrame, region: str) -> pl.Series: ...

        def tripled(price: pl.Expr) -> pl.Expr: ...

        @h_polars.with_columns(doubled, on_input="table", config_required=["region"])
        def eager(first: int, table: pl.DataFrame) -> pl.DataFrame: ...

        @h_polars_lazyframe.with_columns(tripled, columns_to_pass=["price"], select=["tripled"])
        def lazy(table: pl.LazyFrame) -> pl.LazyFrame: ...
    """,
}

CONFIGURATIONS = [
    None,
    {"kind": "a", "size": "large", "region": "UK", "tax": 0.2, "second": "FR", "area": "UK", "country": "FR"},
    {"kind": "a", "size": "small", "region": "DE", "tax": 0.2, "second": "UK", "area": "FR", "country": "UK"},
]


def nodes_of(functions: list[Function], config: dict[str, Any] | None) -> list[Node]:
    return [node for function in functions for node in expand(function, config)]


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=["every", "large", "small"])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_module_from_source_makes_the_nodes_of_the_live_one(load, source, config) -> None:
    shop = load(SHOP, "shop")
    module = load(f"{HEAD}    import shop\n{STEPS}{textwrapped(source)}")

    live = nodes_of(feature_functions(module), config)
    from_text = nodes_of(list(read(module, shop=read(shop)).functions), config)

    assert from_text == live
    assert [[a.value for a in n.arguments] for n in from_text] == [
        [a.value for a in n.arguments] for n in live
    ]
    assert all(node.call is None for node in from_text)
    assert all(node.call is not None for node in live)
    assert not any(node.partial for node in live)


def textwrapped(source: str) -> str:
    return "\n".join(line[4:] for line in source.splitlines())


def function(load, parameters: str = "x: int", returns: str = "int") -> Function:
    module = load(f"{HEAD}    def spend({parameters}) -> {returns}: ...\n")
    return replace(read_function(module.spend), callable=None)


FRAME = ("table: pd.DataFrame", "pd.DataFrame")


@pytest.mark.parametrize(
    ("signature", "name", "args", "kwargs"),
    [
        ((), "subdag", (UNKNOWN,), {}),
        ((), "subdag", (ModuleRecord("m", ()),), {"config": UNKNOWN}),
        ((), "subdag", (ModuleRecord("m", ()),), {"config": {"a": UNKNOWN}}),
        ((), "subdag", (ModuleRecord("m", ()),), {"inputs": UNKNOWN}),
        ((), "subdag", (ModuleRecord("m", ()),), {"inputs": {"x": UNKNOWN}}),
        ((), "subdag", (ModuleRecord("m", ()),), {"namespace": UNKNOWN}),
        ((), "subdag", (ModuleRecord("m", ()),), {"external_inputs": UNKNOWN}),
        ((), "subdag", (ModuleRecord("m", ()),), {"external_inputs": [UNKNOWN]}),
        ((), "parameterized_subdag", (ModuleRecord("m", ()),), {"a": UNKNOWN}),
        ((), "parameterized_subdag", (ModuleRecord("m", ()),), {"a": {"config": UNKNOWN}}),
        ((), "parameterized_subdag", (ModuleRecord("m", ()),), {"**": UNKNOWN}),
        ((), "pipe_input", (UNKNOWN,), {}),
        ((), "pipe_input", (), {"on_input": UNKNOWN}),
        ((), "pipe_input", (static_value("step", (UNKNOWN,)),), {}),
        ((), "pipe_input", (static_value("step", (UNKNOWN,)).named("a"),), {}),
        ((), "pipe_output", (static_value("step", (UNKNOWN,)).named(UNKNOWN),), {}),
        ((), "pipe_output", (UNKNOWN,), {"namespace": UNKNOWN}),
        ((), "pipe_output", (), {"on_output": UNKNOWN}),
        (FRAME, "h_pandas.with_columns", (UNKNOWN,), {"columns_to_pass": ["a"]}),
        (FRAME, "h_pandas.with_columns", (ModuleRecord("m", ()),), {"columns_to_pass": UNKNOWN}),
        (FRAME, "h_pandas.with_columns", (ModuleRecord("m", ()),), {"columns_to_pass": [UNKNOWN]}),
        (FRAME, "h_pandas.with_columns", (UNKNOWN,), {"columns_to_pass": ["a"], "select": ["b"]}),
        (FRAME, "h_pandas.with_columns", (ModuleRecord("m", ()),), {"on_input": UNKNOWN}),
        (FRAME, "h_polars.with_columns", (UNKNOWN,), {"columns_to_pass": ["a"], "config_required": UNKNOWN}),
    ],
)
def test_unknown_argument_makes_every_node_partial_with_the_reason(
    load, signature, name, args, kwargs
) -> None:
    decorated = function(load, *signature)

    nodes = expand(replace(decorated, modifiers=(static(name, args, kwargs),)))

    assert nodes
    assert all(node.partial == (WHY,) for node in nodes)
    assert any(node.name in ("spend", "a") for node in nodes)


def test_step_of_a_function_that_is_only_referred_to_is_a_node_of_any_type(load) -> None:
    step = static_value("step", (Reference("numpy.clip"), 0), {"out": UNKNOWN})

    *_, made = expand(replace(function(load), modifiers=(static("pipe_input", (step,)),)))

    assert (made.name, made.type) == ("spend.with_clip", ANY)
    assert made.dependencies == ("x",)
    assert made.partial == (WHY, "'numpy.clip' is not known without importing it")


def test_functions_that_are_only_referred_to_make_every_node_partial(load) -> None:
    for name, kwargs in (("subdag", {}), ("h_pandas.with_columns", {"columns_to_pass": ["a"]})):
        modifier = static(name, (Reference("somewhere.features"),), kwargs)

        nodes = expand(replace(function(load, *FRAME), modifiers=(modifier,)))

        assert all(n.partial == ("'somewhere.features' is not known without importing it",) for n in nodes)


def test_what_is_not_known_of_a_loaded_function_is_said_of_its_own_nodes_only(load) -> None:
    module = load(f"{HEAD}    def a(x: int) -> int: ...\n\n    def b(a: int) -> int: ...\n")
    a, b = (replace(read_function(fn), callable=None) for fn in (module.a, module.b))
    a = replace(a, modifiers=(static("tag", (), {"owner": UNKNOWN}),))

    nodes = expand(replace(b, modifiers=(static("subdag", (a,)),)))

    assert {node.name: node.partial for node in nodes} == {"b.a": (WHY,), "b": ()}


def test_unknown_configuration_keeps_all_variants_of_the_sub_graph(load) -> None:
    shop = read(load(SHOP, "shop"))
    for config in (UNKNOWN, {"region": UNKNOWN}):
        uk = replace(function(load, "spend: int"), modifiers=(static("subdag", (shop,), {"config": config}),))

        spends = [node for node in expand(uk, {}) if node.name == "spend.spend"]

        assert [str(node.condition) for node in spends] == ['region != "UK"', 'region = "UK"']


def test_unknown_target_of_mutate_may_be_any_function_of_the_module(load) -> None:
    module = load(f"{HEAD}    def a(x: int) -> int: ...\n\n    def b(x: int) -> int: ...\n")
    a, b = (replace(read_function(fn), callable=None) for fn in (module.a, module.b))

    [mutated] = with_mutations([a, replace(b, modifiers=(static("mutate", (UNKNOWN,)),))])

    assert expand(mutated)[0].partial == (f"'b' may work on its output: {WHY}",)


def test_target_of_mutate_may_be_referred_to_by_name(load) -> None:
    module = load(f"{HEAD}    def a(x: int) -> int: ...\n\n    def b(x: int) -> int: ...\n")
    a, b = (replace(read_function(fn), callable=None) for fn in (module.a, module.b))
    modifier = static("mutate", (Reference("features.a"),))

    [mutated] = with_mutations([a, replace(b, modifiers=(modifier,))])

    assert [node.name for node in expand(mutated)] == ["a.raw", "a.with_b", "a"]


def test_arguments_that_do_not_fit_are_told() -> None:
    for name, args, kwargs in (
        ("subdag", (), {}),
        ("subdag", ("shop",), {}),
        ("pipe_input", ("step",), {}),
        ("mutate", (3,), {}),
        ("h_pandas.with_columns", (), {"on_input": "x"}),
    ):
        with pytest.raises(InvalidModifier):
            static(name, args, kwargs)
