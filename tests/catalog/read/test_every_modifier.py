"""Every modifier that is read from source text makes the nodes that the imported one makes."""

import re
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

import headwater.compat
from headwater import modifiers
from headwater.build import expand
from headwater.function import Function
from headwater.modifiers.members import feature_functions
from headwater_catalog.read.link import LinkedModule
from support.node_facts import facts_of

Load = Callable[..., ModuleType]
Linked = Callable[..., LinkedModule]

HEAD = """
import numpy as np
import pandas as pd
import polars as pl
from headwater.modifiers import *
from headwater.modifiers import h_pandas, h_pandera, h_polars, h_polars_lazyframe, h_pydantic, h_spark
"""

SHOP = """
import pandas as pd
from headwater.modifiers import *

def orders(path: str, limit: int = 10) -> pd.Series:
    "Orders of a file."
    return pd.Series([limit])

@config.when(region="UK")
def spend__uk(orders: pd.Series, rate: float) -> pd.Series: return orders

@config.when_not(region="UK")
def spend__other(orders: pd.Series, region: str) -> pd.Series: return orders

@extract_columns("day", "week")
def calendar(orders: pd.Series) -> pd.DataFrame: ...

@mutate(orders)
def _cleaned(orders: pd.Series) -> pd.Series: return orders
"""

STEPS = """
def _plus(x: int) -> int:
    "One more."
    return x + 1

def _times(x: int, y: int, z: int = 2) -> int: return x * y * z
"""

CASES: Mapping[str, str] = {
    "accept_error_sentinels": """
        from hamilton.lifecycle import accept_error_sentinels as accept
        from hamilton.lifecycle.default import accept_error_sentinels
        @accept
        def a(x: int) -> int: ...
        @accept_error_sentinels
        @tag(owner="b")
        def b(x: int) -> int: ...
    """,
    "cache and ray_remote_options": """
        @cache(behavior="ignore", format="json")
        @ray_remote_options(num_gpus=1, resources={"a": 2})
        def a(x: int) -> int: ...
    """,
    "does": """
        def _sum(**values: int) -> int:
            return sum(values.values())
        def _shift(column: pd.Series, days: int = 7) -> pd.Series: return column
        @does(_sum)
        def total(a: int, b: int) -> int:
            "Of {a}."
        @does(_shift, column="spend")
        def shifted(spend: pd.Series, days: int = 3) -> pd.Series: ...
        @does(dict)
        def row(a: int) -> dict: ...
        @does(replacing_function=_sum)
        def named(a: int) -> int: pass
    """,
    "external_input": """
        @external_input
        def country() -> str:
            "Where the customer lives."
        @config.when(region="UK")
        @tag(source="crm")
        @external_input(owner="crm", pii="true")
        def email() -> pd.Series: ...
    """,
    "extract_fields": """
        from typing import Any, Dict, NotRequired, Optional, TypedDict, Union
        TYPES = {"g": list[int], "h": Optional[float]}
        Names = list[str]
        class Row(TypedDict):
            "A row."
            spend: float
            names: list[str]
            note: NotRequired[Optional[str]]
        class Wide(Row, total=False):
            depth: "int | None"
        Tall = TypedDict("Tall", {"height": float, "name": str})
        @extract_fields({"a": int, "b": pd.Series, "c": list[int], "d": int | None, "e": dict[str, list[float]]},
                        fill_with=0)
        def one() -> dict: ...
        @extract_fields(["f"])
        def two() -> dict[str, int]: ...
        @extract_fields(TYPES)
        def three() -> dict[str, Any]: ...
        @extract_fields({"i": Names, "j": Union[int, str], "k": Any})
        def four() -> Dict[str, Any]: ...
        @extract_fields()
        def row() -> Row: ...
        @config.when(kind="wide")
        @extract_fields("depth", "spend")
        def wide() -> Wide: ...
        @extract_fields({"height": float})
        def tall() -> Tall: ...
    """,
    "unpack_fields": """
        @unpack_fields("low", "high")
        def bounds(x: int) -> tuple[float, float]: ...
        @unpack_fields("first")
        def words() -> tuple[str, ...]: ...
    """,
    "inject": """
        @inject(x=source("spend"), y=value(3))
        def one(x: int, y: int, z: int) -> int: ...
        @inject(items=group(source("a"), value(1)), named=group(p=source("b"), q=value("c")))
        def many(items: list[int], named: dict[str, int]) -> int: ...
    """,
    "the family of parameterize": """
        import hamilton.function_modifiers as fm
        FIELDS = {"p": ({"x": source("a")}, "Own documentation."), "q": {"x": value(2)}}
        @parameterize(**FIELDS, r={"x": group(source("a"))})
        def one(x: list[int], y: int = 3) -> int:
            "Makes {output_name} of {x}."
        @parameterize_sources(s={"x": "a"}, t=dict(x="b"))
        def two(x: int) -> int: ...
        @parameterize_values("x", {("u", "The u."): 1, ("v", ""): 2})
        def three(x: int) -> int: ...
        @fm.parameterized_inputs(w={"x": "a"})
        def four(x: int) -> int: ...
        @fm.parametrized("x", {("xx", "Doc."): 1})
        def five(x: int) -> int: ...
        @fm.parametrized_input("x", {"a": ("yy", "Doc.")})
        def six(x: int) -> int: ...
    """,
    "parameterize_extract_columns": """
        @parameterize_extract_columns(
            ParameterizedExtract(("a", ("b", "The b.")), {"raw": source("x")}),
            ParameterizedExtract(("c",), {"raw": value(3)}),
            reassign_columns=False,
        )
        def table(raw: int) -> pd.DataFrame: ...
    """,
    "extract_columns, schema and tag_outputs": """
        @tag_outputs(a={"owner": ["x", "y"]}, table={"pii": "true"})
        @extract_columns("a", ("b", "The b."))
        def table(x: int) -> pd.DataFrame: ...
        @schema.output(("a", "int"), ("b", "str"))
        def documented(x: int) -> pd.DataFrame: ...
    """,
    "checks": """
        @check_output(data_type=np.float64, range=(0, 1), importance="fail")
        @check_output(unique=True)
        def a(x: pd.Series) -> pd.Series: ...
        @check_output_custom()
        def b(x: int) -> int: ...
    """,
    "checks by schema": """
        from pandera.typing import DataFrame
        import pandera.pandas as pa
        import pydantic
        class Orders(pa.DataFrameModel):
            a: int
        class Order(pydantic.BaseModel):
            a: int
        @h_pandera.check_output(importance="fail")
        def orders(x: int) -> DataFrame[Orders]: ...
        @h_pydantic.check_output()
        def order(x: int) -> Order: ...
    """,
    "loaders and savers": """
        @load_from.csv(path=source("raw"), sep=";", inject_="table")
        @save_to.parquet(path=value("x.parquet"), output_name_="saved")
        def cleaned(table: pd.DataFrame, x: int) -> pd.DataFrame: ...
        @dataloader()
        def loaded(path: str) -> tuple[pd.DataFrame, dict]: ...
        @datasaver()
        def kept(table: pd.DataFrame) -> dict: ...
    """,
    "config, hamilton_exclude": """
        @config.when(region="UK")
        def a__uk(x: int) -> int: ...
        @config.when_not(region="UK")
        def a__other(x: int) -> int: ...
        @config.when_in(region=["UK", "FR"])
        def b__some(x: int) -> int: ...
        @config.when_not_in(region=["UK", "FR"])
        def b__rest(x: int) -> int: ...
        @hamilton_exclude
        def left_out(x: int) -> int: ...
    """,
    "fan-out and fan-in": """
        from headwater import Collect as Gathered
        from hamilton.htypes import Collect, Parallelizable, column
        import hamilton.htypes as types
        import hamilton
        def many(x: int) -> Parallelizable[int]: ...
        def each(many: int) -> float: ...
        def all_of(each: Collect[float]) -> types.Parallelizable[float]: ...
        def rest(all_of: Gathered[float], spend: column[pd.Series, float]) -> column[pd.Series, int]: ...
    """,
    "subdag": """
        import shop_read.sales
        from shop_read import net, sales as shop, spends
        def total(orders: int, rate: float) -> float: ...
        @mutate(total)
        def _doubled(total: float, by: float = 2.0) -> float: ...
        LOADED = [total]
        @subdag(shop, inputs={"path": source("file"), "rate": value(0.5)}, config={"region": "UK"})
        def uk(spend: pd.Series, orders: pd.Series) -> pd.Series:
            "Spend in the UK."
        @subdag(shop_read.sales, inputs={"path": source("file"), "rate": value(0.5)},
                config={"region": configuration("second")})
        def second(spend: pd.Series) -> pd.Series: ...
        @tag(owner="shop")
        @subdag(
            *LOADED,
            inputs={"orders": value(3)},
            config={"rate": configuration("tax"), "region": value("FR")},
            namespace="inner",
            final_node_name="end",
            external_inputs=["extra"],
        )
        def taxed(total: float, region: str, extra: int) -> float: ...
        @subdag(spends.only, spends, inputs={"path": source("taxed")})
        def nested(only: pd.Series) -> pd.Series: ...
        @subdag(net)
        def named_like_its_module(net: float) -> float: ...
    """,
    "a package in a subdag": """
        import shop_read
        @subdag(shop_read, inputs={"path": source("file")})
        def all_of_it(only: pd.Series, spend: pd.Series, region: str, rate: float) -> pd.Series: ...
    """,
    "parameterized_subdag": """
        from shop_read import sales as shop
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
    "pipe_input": """
        from shop_read.steps import minus
        import shop_read.steps as steps
        THREE = step(_times, 3).named("three", namespace="own")
        @pipe_input(
            step(_plus),
            THREE,
            step(_plus).when(size="large"),
            step(_times, y=source("factor"), z=value(4)).named("four", namespace=None),
            step(_plus).when_in(region=["UK", "FR"]),
            step(fn=_times, y=5).namespaced("other"),
            step(minus).when_not(size="large"),
            step(steps.minus).when_not_in(size=["large"]),
            on_input="x",
        )
        @config.when(kind="a")
        def piped__a(w: int, x: int) -> int: ...
        @pipe_input(step(_plus), namespace="named")
        @pipe_input(*[step(_times, y=n) for n in (1, 2)], namespace=None)
        def twice(x: int) -> int: ...
        @pipe(step(_plus))
        def older(x: int) -> int: ...
    """,
    "pipe_output": """
        @tag(owner="shop")
        @pipe_output(step(_plus).when(size="large"), step(_times, y=2).when_not(size="large", region="UK"))
        def result(x: int) -> int:
            "The result."
        @pipe_output(step(_plus), step(_times, 2).on_output("b"), namespace="steps")
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
        ALSO = mutate(a)
        @ALSO
        def shifted(x: int) -> int: ...
    """,
    "mutate, several of one name": """
        def a(x: int) -> int: ...
        def b(x: int) -> int: ...
        @mutate(a)
        def _fixed(x: int) -> int: ...
        @mutate(a, b)
        def _fixed(x: int, by: int = 2) -> int: ...
        @mutate(apply_to(a, by=value(3)).named("last"))
        def _fixed(x: int, by: int) -> int: ...
    """,
    "with_columns of Spark": """
        from pyspark.sql import DataFrame
        from hamilton.plugins.h_spark import with_columns
        def one(raw: pd.Series) -> pd.Series: ...
        def total(one: int, times: int = 2) -> float: ...
        @h_spark.require_columns("total")
        def whole(given: DataFrame) -> DataFrame: ...
        @with_columns(one, total, columns_to_pass=["raw"], mode="append")
        def added(given: DataFrame) -> DataFrame: ...
        @h_spark.with_columns(one, columns_to_pass=["raw"], select=["one"], mode="select")
        def only(given: DataFrame) -> DataFrame: ...
        @h_spark.select(one, columns_to_pass=["raw"], output_cols=["one"])
        def chosen(given: DataFrame) -> DataFrame: ...
    """,
    "with_columns": """
        from hamilton.plugins import h_pandas as hp
        from hamilton.plugins.h_polars_lazyframe import with_columns
        def net(price: pd.Series, rate: float) -> pd.Series: ...
        def count(price: pd.Series) -> int: ...
        @config.when(size="large")
        def gross__large(net: pd.Series, tax: pd.Series, count: int) -> pd.Series: ...
        @h_pandas.with_columns(net, count, gross__large, columns_to_pass=["price", "tax"], select=["net"])
        def chosen(table: pd.DataFrame) -> pd.DataFrame: ...
        @hp.with_columns(net, count, gross__large, columns_to_pass=["price", "tax"], namespace="all")
        def every(table: pd.DataFrame, rate: float) -> pd.DataFrame: ...
        def doubled(table: pl.DataFrame, region: str) -> pl.Series: ...
        def tripled(price: pl.Expr) -> pl.Expr: ...
        @h_polars.with_columns(doubled, on_input="table", config_required=["region"])
        def eager(first: int, table: pl.DataFrame) -> pl.DataFrame: ...
        @with_columns(tripled, columns_to_pass=["price"], select=["tripled"])
        def lazy(table: pl.LazyFrame) -> pl.LazyFrame: ...
        @h_polars_lazyframe.with_columns(tripled, columns_to_pass=["price"])
        def also_lazy(table: pl.LazyFrame) -> pl.LazyFrame: ...
    """,
}

TREE: Mapping[str, str] = {
    "shop_read/__init__.py": "from .spends import only\nfrom shop_read.sales import *\nfrom .net import net\n",
    "shop_read/sales.py": SHOP,
    "shop_read/net.py": "def net(spend: float) -> float: return spend\n",
    "shop_read/steps.py": "from shop_read.deep import lower as minus\n",
    "shop_read/deep.py": "def lower(x: int, by: int = 1) -> int: return x - by\n",
    "shop_read/spends.py": SHOP
    + """
from shop_read import sales as shop
@subdag(shop, config={"region": configuration("area")}, inputs={"rate": value(1.0)})
def only(spend: pd.Series) -> pd.Series: ...
""",
}

# Where Spark is not installed, two classes of these names are all that the types need.
SPARK = {"pyspark/__init__.py": "", "pyspark/sql/__init__.py": "class DataFrame: ...\nclass Column: ...\n"}

CONFIGURATIONS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"kind": "a", "size": "large", "region": "UK", "tax": 0.2, "second": "FR", "area": "UK"},
    {"kind": "wide", "size": "small", "region": "DE", "tax": 0.2, "second": "UK", "area": "FR"},
)


@pytest.fixture(autouse=True)
def _hamilton_is_answered() -> None:
    headwater.compat.activate()


def nodes_of(functions: Iterable[Function], config: dict[str, Any] | None) -> list[dict[str, Any]]:
    by_name = sorted(functions, key=lambda function: function.name)
    return [node for function in by_name for node in map(facts_of, expand(function, config))]


def tree(source: str) -> dict[str, str]:
    spark = SPARK if find_spec("pyspark") is None else {}
    return {**TREE, **spark, "features_read.py": HEAD + STEPS + dedent(source)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_reading_gives_the_nodes_that_importing_gives(case: str, load: Load, linked: Linked) -> None:
    files = tree(CASES[case])
    module = load(files, "features_read")
    result = linked(files, "features_read")

    assert result.diagnostics == ()
    for config in CONFIGURATIONS:
        live = nodes_of(feature_functions(module), config)

        assert nodes_of(result.functions, config) == live
        assert live or config is not None
        assert not any(node["partial"] for node in live)


# What they do depends on code that only runs.
UNDECIDED = {
    "model",
    "dynamic_transform",
    "parameterize_frame",
    "resolve",
    "resolve_from_config",
}


def test_there_is_a_case_for_every_modifier() -> None:
    text = "".join(CASES.values())
    named = {name for name in modifiers._MODIFIERS | modifiers._VALUES if re.search(rf"{name}\b", text)}

    assert modifiers._MODIFIERS - named == UNDECIDED
    assert modifiers._VALUES - named == {"LiteralDependency", "UpstreamDependency"}
