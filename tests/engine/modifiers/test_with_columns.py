"""Columns computed by a graph of functions and added to a table on its way into a function."""

import pickle

import pandas as pd
import polars as pl
import pytest

from headwater.build import build
from headwater.errors import InvalidModifier, TypeMismatch
from headwater.function import functions_of
from headwater.modifiers import h_pandas, h_polars, h_polars_lazyframe
from headwater.node import Role
from headwater.plan import make_plan
from headwater.types import Type

COLUMNS = """
    import pandas as pd
    from headwater.modifiers import config

    def net(price: pd.Series, rate: float) -> pd.Series:
        "Price without tax."
        return price / rate

    def count(price: pd.Series) -> int:
        return len(price)

    @config.when(size="large")
    def share__large(net: pd.Series, count: int) -> pd.Series:
        return net / count
"""

HEAD = """
    import pandas as pd
    import polars as pl
    import columns
    from headwater.modifiers import *
    from headwater.modifiers.h_pandas import with_columns
    from headwater.modifiers import h_polars, h_polars_lazyframe

"""

TABLE = pd.DataFrame({"price": [2.0, 4.0], "tax": [1.0, 1.0]})


@pytest.fixture
def graph(load):
    """Give a function that builds a graph of features that may load the module `columns`."""
    load(COLUMNS, "columns")

    def graph(source: str, config=None):
        return build(functions_of(load(HEAD + source)), config)

    return graph


def value_of(graph, name, **given):
    return make_plan(graph, [name], given).execute(given)[name]


def made(graph) -> dict[str, tuple[str, ...]]:
    return {node.name: node.dependencies for node in graph if node.role is not Role.INPUT}


PRICES = """
    @tag(owner="shop")
    @with_columns(columns, columns_to_pass=["price", "tax"]{more})
    def prices(table: pd.DataFrame, factor: int) -> pd.DataFrame:
        "Prices."
        return table * factor
"""


def test_all_columns_are_added_to_the_table(graph) -> None:
    prices = graph(PRICES.format(more=""), {})

    assert made(prices) == {
        "prices": ("prices._append", "factor"),
        "prices.price": ("table",),
        "prices.tax": ("table",),
        "prices.count": ("prices.price",),
        "prices.net": ("prices.price", "rate"),
        "prices._append": ("prices.price", "prices.tax", "prices.net", "table"),
    }
    result = value_of(prices, "prices", table=TABLE, rate=2.0, factor=10)
    assert result.to_dict("list") == {"price": [20, 40], "tax": [10, 10], "net": [10, 20]}
    assert list(TABLE.columns) == ["price", "tax"]


def test_selected_columns_bring_only_what_they_need(graph) -> None:
    prices = graph(PRICES.format(more=', select=["share", "net"]'), {"size": "large"})

    assert set(made(prices)) == {"prices"} | {
        f"prices.{name}" for name in ("price", "net", "count", "share", "_append")
    }
    assert prices["prices._append"].dependencies == ("prices.share", "prices.net", "table")
    result = value_of(prices, "prices", table=TABLE, rate=2.0, factor=1)
    assert result["share"].to_list() == [0.5, 1.0]


def test_nodes_are_parts_of_the_feature(graph) -> None:
    prices = graph(PRICES.format(more=', namespace="columns"'), {})
    parts = {node.name: node for node in prices if node.role is Role.PART}

    assert set(parts) == {f"columns.{name}" for name in ("price", "tax", "net", "count", "_append")}
    assert {part.feature for part in parts.values()} == {"prices"}
    assert {str(parts[f"columns.{name}"].type) for name in ("price", "net")} == {"pandas.Series"}
    assert parts["columns._append"].type == Type("pandas.DataFrame")
    assert (parts["columns.net"].doc, parts["columns.net"].tags["module"]) == (
        "Price without tax.",
        "columns",
    )
    assert parts["columns.price"].tags == {}
    assert [node.name for node in prices if "owner" in node.tags] == ["prices"]


def test_table_may_be_any_parameter_and_its_columns_be_changed(graph) -> None:
    features = """
    def price(table: pd.DataFrame) -> pd.Series:
        return table["price"] * 2

    @config.when(size="large")
    @with_columns(price, columns.net, on_input="table")
    def prices__large(factor: int, table: pd.DataFrame) -> pd.DataFrame:
        return table * factor
    """
    prices = graph(features, {"size": "large"})

    assert made(prices)["prices._append"] == ("prices.price", "prices.net", "table")
    result = value_of(prices, "prices", table=TABLE, rate=2.0, factor=1)
    assert result["price"].to_list() == [4, 8]
    assert result["net"].to_list() == [2, 4]


def test_outer_one_works_before_the_inner_one(graph) -> None:
    features = """
    def double(price: pd.Series) -> pd.Series:
        return price * 2

    def triple(double: pd.Series) -> pd.Series:
        return double * 3

    @with_columns(double, columns_to_pass=["price"], namespace="before")
    @with_columns(triple, columns_to_pass=["double"], namespace="after")
    def prices(table: pd.DataFrame) -> pd.DataFrame:
        return table
    """

    assert value_of(graph(features, {}), "prices", table=TABLE)["triple"].to_list() == [12, 24]


def test_polars_tables_take_columns_as_series(graph) -> None:
    features = """
    def double(price: pl.Series) -> pl.Series:
        return price * 2

    @h_polars.with_columns(double, columns_to_pass=["price"])
    def prices(table: pl.DataFrame) -> pl.DataFrame:
        return table
    """
    prices = graph(features, {})

    result = value_of(prices, "prices", table=pl.DataFrame({"price": [1, 2]}))
    assert result.to_dict(as_series=False) == {"price": [1, 2], "double": [2, 4]}
    assert prices["prices._append"].type == Type("polars.DataFrame")


def test_lazy_polars_tables_take_columns_as_expressions(graph) -> None:
    features = """
    def double(price: pl.Expr) -> pl.Expr:
        return price * 2

    @h_polars_lazyframe.with_columns(double, columns_to_pass=["price"], select=["double"])
    def prices(table: pl.LazyFrame) -> pl.LazyFrame:
        return table
    """
    prices = graph(features, {})

    result = value_of(prices, "prices", table=pl.LazyFrame({"price": [1, 2]}))
    assert isinstance(result, pl.LazyFrame)
    assert result.collect()["double"].to_list() == [2, 4]
    assert prices["prices.price"].type == Type("polars.Expr")


def test_functions_see_only_the_configuration_that_they_require(graph) -> None:
    config = {"size": "large", "other": 1}

    assert "prices.share" in made(graph(PRICES.format(more=', config_required=["size"]'), config))
    assert "prices.share" not in made(graph(PRICES.format(more=', config_required=["other"]'), config))
    assert "prices.share" not in made(graph(PRICES.format(more=', config_required=["other"]')))
    assert "prices.share" in made(graph(PRICES.format(more=', config_required=["size"]')))
    with pytest.raises(
        InvalidModifier, match=r"requires configuration key 'sizes', .* Did you mean 'size'\?"
    ):
        graph(PRICES.format(more=', config_required=["sizes"]'), config)


def test_columns_of_some_configurations_are_optional_among_all_variants(graph) -> None:
    append = graph(PRICES.format(more=""))["prices._append"]

    assert {a.node: a.is_optional for a in append.arguments} == {
        "prices.price": False,
        "prices.tax": False,
        "prices.net": False,
        "prices.share": True,
        "table": False,
    }
    chosen = graph(PRICES.format(more=""), {"size": "large"})["prices._append"]
    assert not any(a.is_optional for a in chosen.arguments)


def test_selected_node_that_is_no_column_is_a_mismatch(graph) -> None:
    with pytest.raises(TypeMismatch, match=r"needs count: pandas\.Series, but .* returns int"):
        graph(PRICES.format(more=', select=["count"]'), {})


def test_what_nodes_call_can_be_pickled(graph) -> None:
    calls = [node.call for node in graph(PRICES.format(more=""), {})]

    assert len(pickle.loads(pickle.dumps(calls))) == len(calls)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (PRICES.format(more=', select=["nett"]'), r"selects 'nett', which none .* Did you mean 'net'\?"),
        (
            PRICES.format(more="").replace('"tax"', '"net"'),
            "column 'net' is both taken from the table and made by",
        ),
        (PRICES.format(more="").replace("table: pd.DataFrame", "table: int"), "is int, from which @h_pandas"),
        (PRICES.format(more="").replace("(table: pd.DataFrame, factor: int)", "()"), "has no parameter for"),
        (
            PRICES.format(more="").replace('columns_to_pass=["price", "tax"]', 'on_input="tabel"'),
            r"no parameter 'tabel' .* Did you mean 'table'\?",
        ),
        (
            "    @hamilton_exclude\n    def no(x: int) -> int: ...\n\n    @with_columns(no, on_input='table')\n"
            "    def prices(table: pd.DataFrame) -> pd.DataFrame: ...\n",
            "the functions of @h_pandas.with_columns make no columns",
        ),
    ],
)
def test_what_does_not_fit_the_function_is_refused(graph, features, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        graph(features, {})


def net(price: pd.Series) -> pd.Series:
    return price


@pytest.mark.parametrize("library", [h_pandas, h_polars, h_polars_lazyframe])
@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {"on_input": "x"}, "is given no functions"),
        ((net,), {}, "takes either columns_to_pass=, .* or on_input="),
        (
            (net,),
            {"on_input": "x", "columns_to_pass": ["a"]},
            "takes either columns_to_pass=, .* or on_input=",
        ),
        ((net,), {"pass_dataframe_as": "x"}, "does not take pass_dataframe_as"),
        ((net,), {"columns_to_pass": "a"}, "columns_to_pass='a' must be a list of names"),
        ((net,), {"columns_to_pass": []}, r"columns_to_pass=\[\] must be a list of names"),
        ((net,), {"columns_to_pass": ["a", "a"]}, "names a column twice"),
        ((net,), {"columns_to_pass": ["a"], "select": [3]}, r"select=\[3\] must be a list of names"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(library, args, kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        library.with_columns(*args, **kwargs)
