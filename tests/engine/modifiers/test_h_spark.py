"""Columns computed on Spark tables: the nodes by name, and on a real cluster of one machine."""

from dataclasses import replace
from typing import Any

import pytest

from headwater.build import build
from headwater.conditions import Condition
from headwater.errors import InvalidModifier
from headwater.function import Function, Parameter, functions_of
from headwater.modifiers import h_spark, static
from headwater.modifiers.expansion import expand
from headwater.modifiers.spark_calls import TableCall, column_added, dropped, selected
from headwater.node import Node, Role
from headwater.plan import make_plan
from headwater.types import Type

TABLE, COLUMN = Type("pyspark.sql.DataFrame"), Type("pyspark.sql.Column")

FUNCTIONS = """
    import pandas as pd

    class DataFrame: ...
    class Column: ...

    def one(raw: pd.Series) -> pd.Series:
        "The one."

    def two(raw_two: int, offset: int) -> int: ...

    def total(one: int, two: int, times: int = 2) -> float: ...

    def from_column(one: DataFrame) -> Column: ...

    def from_table(given: DataFrame, offset: int) -> Column: ...

    def whole(given: DataFrame) -> DataFrame: ...

    def result(spark_table: DataFrame, extra: int) -> DataFrame: ...
"""


def named(type_: Type | None) -> Type | None:
    return {"functions.DataFrame": TABLE, "functions.Column": COLUMN}.get(str(type_), type_)


@pytest.fixture
def functions(load) -> dict[str, Function]:
    """Give functions of Spark types that are known by name only, with the modifiers that some need."""
    read = {}
    for function in functions_of(load(FUNCTIONS, "functions")):
        parameters = tuple(Parameter(p.name, named(p.type), p.kind, p.default) for p in function.parameters)
        read[function.name] = replace(
            function, callable=None, parameters=parameters, returns=named(function.returns)
        )
    for name, columns in (("from_table", ("one", "raw_two")), ("whole", ("raw",))):
        read[name] = replace(read[name], modifiers=(static("h_spark.require_columns", columns),))
    return read


def made(functions: dict[str, Function], name: str, *loaded: str, **kwargs: Any) -> list[Node]:
    modifier = static(f"h_spark.{name}", [functions[each] for each in loaded], kwargs)
    return expand(replace(functions["result"], modifiers=(modifier,)))


def reads(nodes: list[Node]) -> dict[str, set[str]]:
    return {node.name: set(node.dependencies) for node in nodes}


ALL = ("one", "two", "total", "from_column", "from_table", "whole")


def test_columns_are_added_one_after_the_other_to_one_table(functions) -> None:
    nodes = made(functions, "with_columns", *ALL, columns_to_pass=["raw", "raw_two"])

    assert reads(nodes) == {
        "result": {"result.total", "extra"},
        "result.one": {"spark_table"},
        "result.two": {"result.one", "spark_table", "offset"},
        "result.whole": {"result.two"},
        "result.from_column": {"result.whole", "result.one"},
        "result.from_table": {"result.from_column", "result.one", "offset"},
        "result.total": {"result.from_table", "result.one", "result.two", "times"},
    }
    assert {str(node.type) for node in nodes} == {"pyspark.sql.DataFrame"}
    assert all(node.feature == "result" for node in nodes)
    assert [node.name for node in nodes if node.role is Role.FEATURE] == ["result"]


def test_order_is_that_of_what_the_functions_need(functions) -> None:
    nodes = made(functions, "with_columns", "total", "two", "one", columns_to_pass=["raw", "raw_two"])

    assert reads(nodes) == {
        "result": {"result.total", "extra"},
        "result.two": {"spark_table", "offset"},
        "result.one": {"result.two", "spark_table"},
        "result.total": {"result.one", "result.two", "times"},
    }


def test_function_of_a_table_says_its_target_and_its_columns(functions) -> None:
    nodes = {n.name: n for n in made(functions, "with_columns", *ALL, columns_to_pass=["raw", "raw_two"])}

    tags = nodes["result.from_table"].tags
    assert (tags["hamilton.spark.target"], tags["hamilton.spark.columns"]) == ("given", ("one", "raw_two"))
    assert nodes["result.from_column"].tags["hamilton.spark.target"] == "one"
    assert "hamilton.spark.target" not in nodes["result.one"].tags
    assert nodes["result.one"].doc == "The one."


def test_columns_that_are_not_selected_are_dropped_again(functions) -> None:
    nodes = made(functions, "with_columns", *ALL, columns_to_pass=["raw", "raw_two"], select=["total"])

    assert set(reads(nodes)) == {"result", "result._select", "result.one", "result.two", "result.total"}
    assert reads(nodes)["result._select"] == {"result.total"}
    assert reads(nodes)["result"] == {"result._select", "extra"}


def test_select_keeps_only_the_columns_that_are_computed(functions) -> None:
    by_name = made(functions, "select", "one", columns_to_pass=["raw"], output_cols=["one"], namespace="ns")
    by_mode = made(functions, "with_columns", "one", columns_to_pass=["raw"], mode="select", namespace="ns")

    assert reads(by_name) == reads(by_mode)
    assert reads(by_name) == {
        "result": {"ns._select", "extra"},
        "ns._select": {"ns.one"},
        "ns.one": {"spark_table"},
    }


def test_table_may_be_read_under_a_name_of_its_own(functions) -> None:
    functions["from_table"] = replace(functions["from_table"], modifiers=())
    nodes = made(functions, "with_columns", "from_table", "two", pass_dataframe_as="given")

    assert reads(nodes)["result.from_table"] == {"spark_table", "offset"}
    assert reads(nodes)["result.two"] == {"result.from_table", "raw_two", "offset"}


def test_table_that_depends_on_the_configuration_is_told(functions) -> None:
    functions["one"] = replace(functions["one"], modifiers=(static("config.when", (), {"size": "large"}),))
    functions["two"] = replace(functions["two"], modifiers=(static("config.when", (), {"size": "small"}),))
    nodes = {
        n.name: n for n in made(functions, "with_columns", "one", "two", columns_to_pass=["raw", "raw_two"])
    }

    assert nodes["result.one"].partial == ()
    assert nodes["result.two"].partial == ("which table it works on depends on the configuration",)
    assert isinstance(nodes["result.two"].condition, Condition)
    assert str(nodes["result.two"].condition) == 'size = "small"'


@pytest.mark.parametrize(
    ("loaded", "kwargs", "message"),
    [
        (("from_column",), {"columns_to_pass": ["ones"]}, r"table or column 'one', .* Did you mean 'ones'\?"),
        (("from_table", "whole"), {"pass_dataframe_as": "gave"}, "table or column 'one'"),
        (("two",), {"pass_dataframe_as": "given"}, "no function of @h_spark.with_columns reads the table"),
        (("one",), {"select": ["three"]}, "selects 'three'"),
        (("two",), {"columns_to_pass": ["a"], "pass_dataframe_as": "b"}, "takes either columns_to_pass=, .*"),
        (("two",), {"on_input": "b"}, "does not take on_input"),
        (("two",), {"mode": "replace"}, "mode='replace' is unknown"),
        (
            ("from_table", "one"),
            {"columns_to_pass": ["offset", "raw", "raw_two"]},
            "cannot take column 'offset'",
        ),
        ((), {}, "is given no functions"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(functions, loaded, kwargs, message) -> None:
    with pytest.raises(InvalidModifier, match=message):
        made(functions, "with_columns", *loaded, **kwargs)


def test_functions_must_take_a_spark_table(functions) -> None:
    of_numbers = replace(functions["two"], modifiers=(static("h_spark.require_columns", ("a",)),))
    with pytest.raises(InvalidModifier, match="takes no Spark tables, and must take one"):
        expand(of_numbers)
    modifier = h_spark.with_columns(functions["one"], columns_to_pass=["raw"])
    with pytest.raises(InvalidModifier, match=r"parameter 'raw_two' is int\. The first parameter"):
        expand(replace(functions["two"], modifiers=(modifier,)))


def test_checks_of_columns_are_refused_when_the_graph_is_built(functions) -> None:
    checked = static("check_output", (), {"data_type": int, "importance": "fail"})
    functions["two"] = replace(functions["two"], modifiers=(checked,))

    with pytest.raises(
        InvalidModifier, match=r"checks a column on Spark, which @h_spark.with_columns does not"
    ):
        made(functions, "with_columns", "two", columns_to_pass=["raw_two"])


class Table:
    """What is asked of a Spark table, noted down."""

    def __init__(self, *done: str) -> None:
        self.done = done

    def withColumn(self, name: str, column: str) -> "Table":
        return Table(*self.done, f"{name}={column}")

    def select(self, *columns: str) -> "Table":
        return Table(*self.done, f"select {columns}")

    def drop(self, *columns: str) -> "Table":
        return Table(*self.done, f"drop {columns}")


def test_calls_on_whole_tables_take_the_values_of_their_function() -> None:
    table = Table()

    assert column_added("c", lambda t, n: n + 1, 0, table, 2).done == ("c=3",)
    assert TableCall(lambda first, second: (first, second), (2, 0))("a", "b", "c") == ("c", "a")
    assert selected(("a",), table).done == ("select ('a',)",)
    assert dropped(("a", "b"), table).done == ("drop ('a', 'b')",)


REAL = """
    from typing import Annotated

    import pandas as pd
    from pyspark.sql import Column, DataFrame


    from headwater.modifiers.h_spark import require_columns, select, with_columns


    def _one(raw: pd.Series) -> Annotated[pd.Series, int]:
        return raw + 1

    def _two(raw: int, offset: int) -> int:
        return raw + offset

    def _total(_one: int, _two: int, times: int = 2) -> float:
        return float((_one + _two) * times)

    def _names(raw: int) -> list[str]:
        return ["a"] * raw

    @require_columns("_one")
    def _double(table: DataFrame, offset: int) -> Column:
        return table["_one"] * 2 + offset

    @with_columns(_one, _two, _total, _double, _names, columns_to_pass=["raw"], select=["_total", "_double", "_names"])
    def result(given: DataFrame) -> DataFrame:
        return given

    @select(_one, columns_to_pass=["raw"])
    def only(given: DataFrame) -> DataFrame:
        return given
"""


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.xdist_group("spark")
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_columns_are_computed_by_a_real_cluster(load, tmp_path, monkeypatch, spark_session) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    graph = build(functions_of(load(REAL, "real")), {})
    table = spark_session.createDataFrame([(1,), (2,)], ["raw"])
    given = {"given": table, "offset": 10}

    found = make_plan(graph, ["result", "only"], given).execute(given)

    assert [row.asDict() for row in found["result"].collect()] == [
        {"raw": 1, "_total": 26.0, "_double": 14, "_names": ["a"]},
        {"raw": 2, "_total": 30.0, "_double": 16, "_names": ["a", "a"]},
    ]
    assert [row.asDict() for row in found["only"].collect()] == [{"_one": 2}, {"_one": 3}]
