"""Columns of a Spark table computed in one pass, held against one `withColumn` each on a real cluster."""

import datetime
import decimal
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.build import build
from headwater.errors import NodeFailed
from headwater.function import functions_of
from headwater.modifiers import spark_passes
from headwater.modifiers.spark_calls import dropped, selected
from headwater.modifiers.spark_passes import ColumnPass
from headwater.plan import make_plan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

HEAD = """
    import pandas as pd
    from pyspark.sql import Column, DataFrame, functions

    from headwater.htypes import column
    from headwater.modifiers.h_spark import require_columns, select, with_columns
"""

BASE = "i long, j int, f double, t string, b boolean, d date, m decimal(10,2), s timestamp, l array<int>"
DAY, MOMENT = datetime.date, datetime.datetime
ROWS = [
    (1, 2, 1.5, "a", True, DAY(2020, 1, 1), decimal.Decimal("1.10"), MOMENT(2020, 7, 1, 12), [1]),
    (None, 3, None, None, None, None, None, None, None),
    (2**60 + 1, -4, float("nan"), "ß", False, DAY(1, 1, 1), decimal.Decimal("-3.33"), MOMENT(1970, 1, 1), []),
    (-7, None, float("inf"), "", None, DAY(9999, 12, 31), decimal.Decimal("0"), None, [None, 3]),
    (0, 0, -0.0, "A b", True, DAY(1970, 1, 1), None, MOMENT(2026, 3, 29, 2, 30), [1, 2]),
]


@pytest.fixture
def table(spark_session, tmp_path, monkeypatch) -> Any:
    """Give a table with all kinds of columns, in two partitions and batches of two rows."""
    monkeypatch.syspath_prepend(tmp_path)
    spark_session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "2")
    # In the same partitions each time: what is next to a missing integer comes as a float.
    yield spark_session.createDataFrame(spark_session.sparkContext.parallelize(ROWS, 2), BASE)
    spark_session.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")


def computed(module: ModuleType, *outputs: str, **inputs: Any) -> Any:
    found = make_plan(build(functions_of(module), {}), outputs, inputs).execute(inputs)
    return found[outputs[0]] if len(outputs) == 1 else found


def rows(frame: Any) -> list[str]:
    return sorted(map(repr, frame.collect()))


def passes(frame: Any) -> int:
    """Count the ways to Python and back in a plan, those behind a table that is kept left out."""
    plan = str(frame._jdf.queryExecution().executedPlan().toString()).partition("InMemory")[0]
    return plan.count("ArrowEvalPython [") + plan.count("BatchEvalPython [")


MIXED = (
    HEAD
    + """
    def _one(i: pd.Series) -> column[pd.Series, "long"]:
        return i + 1

    def _two(_one: int, offset: int) -> int:
        return None if _one is None else _one % 1000 + offset

    def _three(_two: pd.Series, f: pd.Series, times: float = 0.5) -> column[pd.Series, float]:
        return _two * f * times

    def _four(t: str, d: str) -> str:
        return f"{t} {d}"

    def _five(m: pd.Series) -> column[pd.Series, "DECIMAL(12, 2)"]:
        return m

    def _six(_four: str) -> bool:
        return "a" in _four

    @with_columns(_one, _two, _three, _four, _five, _six, columns_to_pass=["i", "f", "t", "d", "m"])
    def result(given: DataFrame) -> DataFrame:
        return given

    @select(_one, _two, _three, _four, columns_to_pass=["i", "f", "t", "d"], output_cols=["_four", "_two"])
    def narrow(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_one, _two, _three, columns_to_pass=["i", "f"], select=["_three"])
    def wanted(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_four, columns_to_pass=["t", "d"])
    def further(result: DataFrame) -> DataFrame:
        return result.drop("_four")

    @with_columns(_one, columns_to_pass=["i"], namespace="first")
    def start(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_four, columns_to_pass=["t", "d"], namespace="second")
    def end(start: DataFrame) -> DataFrame:
        return start
"""
)


def test_functions_of_series_and_of_cells_are_one_pass(load, table) -> None:
    made = computed(load(MIXED, "mixed"), "result", given=table, offset=10)

    assert passes(made) == 1
    assert made.columns == [*table.columns, "_one", "_four", "_five", "_two", "_six", "_three"]
    assert made.schema.fields[: len(table.columns)] == table.schema.fields
    kinds = {field.name: field.dataType.simpleString() for field in made.schema.fields}
    assert (kinds["_one"], kinds["_two"], kinds["_five"]) == ("bigint", "int", "decimal(12,2)")
    assert made.schema == made.select("*").schema and made.select("*").columns == made.columns
    found = {row["i"]: row for row in made.collect()}
    assert (found[1]["_two"], found[1]["_three"], found[1]["_four"]) == (12, 9.0, "a 2020-01-01")
    assert (found[None]["_one"], found[None]["_two"], found[None]["_six"]) == (None, None, False)
    assert found[1]["_five"] == decimal.Decimal("1.10") and found[0]["_five"] is None


def test_each_column_is_a_table_for_those_who_ask_for_it(load, table) -> None:
    found = computed(load(MIXED, "each"), "result._one", "result._two", "result", given=table, offset=1)

    assert found["result._one"].columns == [*table.columns, "_one"]
    assert found["result._two"].columns[-1] == "_two"
    assert all(isinstance(each, type(table)) for each in found.values())
    assert found["result._one"].join(found["result"], "i").count() == 4


def test_only_what_is_selected_is_computed_and_comes_back(load, table) -> None:
    module = load(MIXED, "chosen")
    narrow = computed(module, "narrow", given=table, offset=1)
    wanted = computed(module, "wanted", given=table, offset=1)

    assert (narrow.columns, passes(narrow)) == (["_four", "_two"], 1)
    assert (wanted.columns, passes(wanted)) == ([*table.columns, "_three"], 1)
    assert "_three" not in narrow._jdf.queryExecution().toString()
    assert rows(narrow) == rows(computed(module, "result", given=table, offset=1).select("_four", "_two"))


def test_columns_of_one_function_after_the_other_are_one_pass(load, table) -> None:
    end = computed(load(MIXED, "following"), "end", given=table)

    assert (end.columns, passes(end)) == ([*table.columns, "_one", "_four"], 1)


def test_a_table_that_was_looked_at_is_not_computed_again(load, table) -> None:
    module = load(MIXED, "looked")
    start = computed(module, "start", given=table).cache()
    end = computed(module, "end", start=start)

    assert start.count() == 5 and "InMemory" in end._jdf.queryExecution().executedPlan().toString()
    assert passes(end.select("_four")) == 1
    start.unpersist()


def test_filters_and_columns_of_the_given_table_go_on_working(load, table) -> None:
    made = computed(load(MIXED, "filtered"), "start", given=table)

    assert [row["_one"] for row in made.filter(table["j"] == 2).collect()] == [2]
    assert passes(made.select("i", "l")) == 0


CUT = (
    HEAD
    + """
    def _year(s: pd.Series) -> column[pd.Series, "int"]:
        return s.dt.year.fillna(0)

    def _two(i: pd.Series) -> column[pd.Series, "long"]:
        return i * 2

    @require_columns("_two")
    def _native(table: DataFrame) -> Column:
        return table["_two"] + 1

    def _names(_native: int) -> list[str]:
        return [str(_native)]

    def _last(_native: pd.Series) -> column[pd.Series, "double"]:
        return _native / 2

    def i(j: int) -> int:
        return -1 if j is None else j

    @with_columns(_year, _two, _native, _names, _last, columns_to_pass=["i", "s"])
    def result(given: DataFrame) -> DataFrame:
        return given

    @with_columns(i, columns_to_pass=["j"], namespace="same")
    def replaced(given: DataFrame) -> DataFrame:
        return given
"""
)


def test_native_functions_and_unusual_types_stand_between_passes(load, table) -> None:
    made = computed(load(CUT, "cut"), "result", given=table)

    found = {row["j"]: row for row in made.collect()}
    assert made.columns == [*table.columns, "_year", "_two", "_native", "_names", "_last"]
    assert (found[2]["_year"], found[2]["_native"], found[2]["_names"]) == (2020, 3, ["3"])
    assert (found[2]["_last"], found[3]["_last"], found[3]["_names"]) == (1.5, None, ["None"])


def test_a_column_that_is_made_again_stays_in_its_place(load, table) -> None:
    made = computed(load(CUT, "again"), "replaced", given=table)

    assert made.columns == table.columns
    assert sorted(row["i"] for row in made.collect()) == [-4, -1, 0, 2, 3]


FAILING = (
    HEAD
    + """
    def _one(i: pd.Series) -> column[pd.Series, "long"]:
        return i + 1

    def _raises(_one: pd.Series) -> column[pd.Series, "long"]:
        return _one.no_such_thing()

    def _raises_in_a_cell(j: int) -> int:
        return 1 // 0

    def _shortened(i: pd.Series) -> column[pd.Series, "long"]:
        return i[:0]

    def _mistyped(t: pd.Series) -> column[pd.Series, "long"]:
        return t

    def _listed(i: pd.Series) -> column[pd.Series, "long"]:
        return list(i)

    def _alone(s: pd.Series) -> column[pd.Series, "timestamp"]:
        raise LookupError("no such day")

    @with_columns(_one, _raises, columns_to_pass=["i"])
    def raises(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_raises_in_a_cell, columns_to_pass=["j"])
    def in_a_cell(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_shortened, columns_to_pass=["i"])
    def shortened(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_mistyped, columns_to_pass=["t"])
    def mistyped(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_listed, columns_to_pass=["i"])
    def listed(given: DataFrame) -> DataFrame:
        return given

    @with_columns(_alone, columns_to_pass=["s"])
    def alone(given: DataFrame) -> DataFrame:
        return given
"""
)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("raises", "'raises._raises' failed with AttributeError: 'Series' object has no attribute"),
        ("in_a_cell", "'in_a_cell._raises_in_a_cell' failed with ZeroDivisionError"),
        ("shortened", "'shortened._shortened' returned 0 rows for"),
        ("mistyped", "'mistyped._mistyped' returned Series[str] (2 rows), which makes no column of bigint"),
        ("listed", "'listed._listed' returned list (2 items) and must return a pandas.Series"),
        ("alone", "'alone._alone' failed with LookupError: no such day"),
    ],
)
def test_a_failure_on_the_cluster_tells_the_node_and_its_place(load, table, output, told) -> None:
    frame = computed(load(FAILING, f"failing_{output}"), output, given=table.coalesce(1).limit(2))

    with pytest.raises(Exception, match=f"failing_{output}.py:") as caught:
        frame.collect()
    assert told in str(caught.value)


SHAPES = (
    HEAD
    + """
    from headwater import config

    def _length(t: pd.Series) -> column[pd.Series, "long"]:
        return t.map(len)

    def _shown(_length: pd.Series, t: pd.Series) -> column[pd.Series, str]:
        return t.str.upper() + _length.astype(str)

    @with_columns(_length, _shown, columns_to_pass=["t"])
    def result(given: DataFrame) -> DataFrame:
        return given

    @config.when(how="series")
    def _next__series(i: pd.Series) -> column[pd.Series, "long"]:
        return i + 1

    @config.when(how="cells")
    def _next__cells(j: int) -> int:
        return j + 1

    def _after(_next: int) -> int:
        return _next * 2

    @with_columns(_next__series, _next__cells, _after, columns_to_pass=["i", "j"])
    def varied(given: DataFrame) -> DataFrame:
        return given
"""
)


def test_partitions_may_be_empty_and_tables_too(load, spark_session, table) -> None:
    module = load(SHAPES, "shapes")
    two = spark_session.createDataFrame([("a",), ("bc",)], "t string")
    empty = computed(module, "result", given=two.limit(0))
    scattered = computed(module, "result", given=two.repartition(7))

    assert (empty.columns, empty.collect(), empty.count()) == (["t", "_length", "_shown"], [], 0)
    assert rows(scattered.select("_shown")) == ["Row(_shown='A1')", "Row(_shown='BC2')"]


def test_variants_that_the_configuration_chooses_are_part_of_a_pass(load, spark_session, table) -> None:
    module = load(SHAPES, "variants")
    given = spark_session.createDataFrame([(1, 10), (2, 20)], "i long, j int")
    found = {}
    for how in ("series", "cells"):
        inputs = {"given": given}
        made = make_plan(build(functions_of(module), {"how": how}), ["varied"], inputs).execute(inputs)[
            "varied"
        ]
        found[how] = (passes(made), sorted(row["_after"] for row in made.collect()))

    assert found == {"series": (1, [4, 6]), "cells": (1, [22, 42])}


def test_columns_of_one_name_stay_unless_a_function_reads_them(load, spark_session, table) -> None:
    module = load(SHAPES, "doubled")
    two = spark_session.createDataFrame([("a", 1, 2)], "t string, i long, j int")
    beside = two.select("t", "i", "j", two["j"].alias("i"))
    made = computed(module, "result", given=beside)

    assert made.columns == ["t", "i", "j", "i", "_length", "_shown"]
    assert [tuple(row) for row in made.collect()] == [("a", 1, 2, 2, 1, "A1")]
    with pytest.raises(
        NodeFailed, match=r"'result\._length' reads 't', and the table has 2 columns of this name"
    ):
        computed(module, "result", given=beside.select("t", beside["t"].alias("t")))


def test_settings_of_the_session_are_asked_for_as_they_are(spark_session) -> None:
    key = "spark.sql.execution.pythonUDF.arrow.enabled"
    spark_session.conf.set(key, "false")
    try:
        assert ColumnPass.begun(spark_session.range(1)) is None
    finally:
        spark_session.conf.unset(key)
    assert spark_passes._set(spark_session.conf, key, "unknown") == spark_session.conf.get(key)
    assert spark_passes._set(spark_session.conf, "spark.sql.of.another.version", "unknown") == "unknown"


@dataclass
class Made:
    """A random column: its source, and how Spark computes it by itself."""

    name: str
    reads: tuple[str, ...]
    kind: str
    body: str
    returns: str

    def source(self) -> str:
        as_read = "pd.Series" if self.kind == "series" else "int"
        parameters = ", ".join(f"{name}: {as_read}" for name in self.reads)
        returns = f'column[pd.Series, "{self.returns}"]' if self.kind == "series" else self.returns
        return f"    def {self.name}({parameters}) -> {returns}:\n        return {self.body.format(*self.reads)}\n"


SERIES = {
    "{0}": None,  # of the type that it reads
    "{0}.isnull()": "boolean",
    "{0}.astype(str).str.upper()": "string",
    "{0}.notnull() * 0.5": "double",
    "{0}.notnull() + 1.0": "int",
    "{0}.isnull().astype('category').cat.codes": "byte",
    "{0}.isnull() ^ {1}.isnull()": "boolean",
    "{0}.where({1}.notnull())": None,
}
CELLS = {
    "{0}": "str",
    "None if {0} is None else len(str({0}))": "int",
    "None if {0} is None else float(len(str({0})))": "float",
    "1": "float",
    "{0} is None or {1} is None": "bool",
    "str({0}).encode()": "bytes",
    "[str({0})]": "list[str]",
}
OF_BASE = dict(part.strip().split(" ") for part in BASE.split(", "))
OF_CELLS = {
    "str": "string",
    "int": "int",
    "float": "float",
    "bool": "boolean",
    "bytes": "binary",
    "list[str]": "array<string>",
}


@st.composite
def chains(draw: Any) -> list[Made]:
    """Draw columns that read those of the table and each other."""
    known = {name: type_ for name, type_ in OF_BASE.items() if name != "l"}
    made: list[Made] = []
    for number in range(draw(st.integers(1, 8))):
        reads = tuple(draw(st.lists(st.sampled_from(sorted(known)), min_size=2, max_size=2, unique=True)))
        kind = draw(st.sampled_from(["series", "cells"]))
        body, returns = draw(
            st.sampled_from(sorted((SERIES if kind == "series" else CELLS).items(), key=str))
        )
        returns = returns or known[reads[0]]
        made.append(Made(f"_c{number}", reads, kind, body, returns))
        known[f"_c{number}"] = OF_CELLS.get(returns, returns)
        if known[f"_c{number}"].startswith("array"):
            del known[f"_c{number}"]
    return made


_numbers = count()


@pytest.mark.timeout(900)  # half a minute, but not where many others are busy
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns=chains(), chosen=st.booleans())
def test_random_columns_are_as_with_one_function_of_spark_each(
    load: Callable[..., ModuleType], table: Any, columns: list[Made], chosen: bool
) -> None:
    names = [made.name for made in columns]
    select = f", select={names[-2:]}" if chosen else ""
    source = textwrap.dedent(HEAD) + "\n".join(textwrap.dedent(made.source()) for made in columns)
    source += f"""
@with_columns({", ".join(names)}, columns_to_pass={sorted(OF_BASE)}{select})
def result(given: DataFrame) -> DataFrame:
    return given
"""
    module = load(source, f"random_{next(_numbers)}")
    frame = computed(module, "result", given=table)

    alone = one_function_each(module, table, columns, frame.columns)
    assert frame.columns == alone.columns
    assert frame.schema == alone.schema
    assert rows(frame) == rows(alone)


def one_function_each(module: ModuleType, table: Any, columns: list[Made], order: list[str]) -> Any:
    """Compute columns by `withColumn`, each with a function of Spark's own, in their order."""
    from pyspark import cloudpickle
    from pyspark.sql import functions

    cloudpickle.register_pickle_by_value(module)
    frame = table
    for made in columns:
        kind = functions.pandas_udf if made.kind == "series" else functions.udf
        function = kind(_plainly(getattr(module, made.name)), OF_CELLS.get(made.returns, made.returns))
        frame = frame.withColumn(made.name, function(*made.reads))
    return frame.select(*order)


def _plainly(call: Any) -> Any:
    return lambda first, second: call(first, second)


def test_narrowing_leaves_other_tables_as_they_are(table) -> None:
    assert selected(("i", "t"), table).columns == ["i", "t"]
    assert dropped(("i", "t"), table).columns == table.columns[1:3] + table.columns[4:]
