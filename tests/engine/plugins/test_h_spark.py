"""Hamilton's adapters for Spark: whole graphs as columns of one table, on a real cluster of this machine."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headwater.builder import Builder
from headwater.driver import Driver
from headwater.errors import HeadwaterError, InvalidInput
from headwater.plugins.h_spark import (
    SPARK_INPUT_CHECK,
    KoalasDataFrameResult,
    PySparkUDFGraphAdapter,
    SparkKoalasGraphAdapter,
    get_spark_type,
)
from headwater.results import DictResult
from support.environments import find_environment


def on_spark(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs a running Spark."""
    marks = (
        pytest.mark.slow,
        pytest.mark.cluster,
        pytest.mark.xdist_group("spark"),
        pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    )
    for mark in marks:
        test = mark(test)
    return test


GRAPH = """
    import pandas as pd

    from headwater import check_output
    from headwater.htypes import column

    def twice(spend: pd.Series) -> column[pd.Series, float]:
        return spend * 2

    def per_signup(twice: float, signups: int, scale: float) -> float:
        return twice / signups * scale

    def scale() -> float:
        return 10.0

    def label(per_signup: float) -> str:
        return "high" if per_signup > 100 else "low"

    @check_output(range=(0, 1))
    def checked(signups: int) -> int:
        return signups

    def wrong(spend: pd.Series) -> column[pd.Series, "long"]:
        raise LookupError("no spend")
"""


@pytest.fixture
def table(spark_session, tmp_path, monkeypatch) -> Any:
    """Give a table with two columns that the graph reads, and one that it does not."""
    monkeypatch.syspath_prepend(tmp_path)
    return spark_session.createDataFrame(
        [(10.0, 1, "a"), (60.0, 10, "b")], "spend double, signups long, extra string"
    )


@on_spark
def test_a_graph_becomes_columns_of_the_table(load, table) -> None:
    driver = Driver({}, load(GRAPH, "udf_graph"), adapter=PySparkUDFGraphAdapter())

    made = driver.execute(["label", "scale", "spend"], inputs={"spend": table, "signups": table})

    assert made.columns == ["spend", "signups", "extra", "label", "scale"]
    assert [tuple(row) for row in made.collect()] == [
        (10.0, 1, "a", "high", 10.0),
        (60.0, 10, "b", "high", 10.0),
    ]
    plan = made._jdf.queryExecution().executedPlan().toString()
    assert plan.count("ArrowEvalPython [") == 1
    again = driver.execute(["twice"], inputs={"spend": table.limit(1), "signups": table})
    assert [tuple(row) for row in again.collect()] == [(10.0, 1, "a", 20.0)]


@on_spark
def test_what_a_graph_cannot_be_computed_on_is_told(load, table) -> None:
    driver = Driver({}, load(GRAPH, "udf_refused"), adapter=PySparkUDFGraphAdapter())

    with pytest.raises(InvalidInput, match="no Spark table to work on"):
        driver.execute(["scale"])
    both = table.withColumn("twice", table["spend"])
    with pytest.raises(HeadwaterError, match="'twice' makes a column that the table already has"):
        driver.execute(["twice"], inputs={"spend": both})
    with pytest.raises(
        HeadwaterError, match="checks a column on Spark, which PySparkUDFGraphAdapter does not"
    ):
        driver.execute(["checked"], inputs={"signups": table})
    failing = driver.execute(["wrong"], inputs={"spend": table})
    with pytest.raises(Exception, match=r"udf_refused\.py:\d+: 'wrong' failed with LookupError: no spend"):
        failing.collect()


@on_spark
def test_inputs_take_what_spark_has_of_the_kind(load, table, spark_session) -> None:
    source = """
        from pyspark.sql import DataFrame, SparkSession

        def rows(table: DataFrame, session: SparkSession) -> int:
            return table.count() + session.range(2).count()
    """
    driver = Builder().with_modules(load(source, "checked")).with_adapters(SPARK_INPUT_CHECK).build()

    assert driver.execute(["rows"], inputs={"table": table, "session": spark_session}) == {"rows": 4}
    with pytest.raises(InvalidInput, match="session"):
        driver.execute(["rows"], inputs={"table": table, "session": 1})


@on_spark
def test_types_of_cells_are_those_of_spark(spark_session) -> None:
    assert get_spark_type(int).simpleString() == "int"
    assert get_spark_type(list[str]).simpleString() == "array<string>"
    with pytest.raises(HeadwaterError, match="no type of a Spark column"):
        get_spark_type(dict)


@on_spark
def test_adapters_of_pandas_on_spark_say_why_they_cannot_be() -> None:
    with pytest.raises(HeadwaterError, match=r"needs pyspark\.pandas, .* before version 3 only"):
        SparkKoalasGraphAdapter(None, DictResult(), "spine")
    with pytest.raises(HeadwaterError, match="compute a graph on one with PySparkUDFGraphAdapter"):
        KoalasDataFrameResult()


@on_spark
def test_a_session_of_a_class_of_its_own_is_one_of_spark() -> None:
    from pyspark.sql import SparkSession

    class Session(SparkSession):
        def __init__(self) -> None:
            pass

    check = SPARK_INPUT_CHECK.do_validate_input

    assert check(node_type=SparkSession, input_value=Session())
    assert not check(node_type=SparkSession, input_value=1)


@pytest.mark.slow
@pytest.mark.cluster
def test_tables_of_pandas_on_spark_flow_as_with_hamilton() -> None:
    python = find_environment("koalas", "python")
    command = [python, Path(__file__).parents[2] / "peer" / "koalas.py"]
    theirs, ours = (koalas_outcomes([*command, *more]) for more in ([], ["--headwater"]))

    # Rows of docs/decisions/0003: the name of the spine's column, and the class of an error.
    apart = theirs.pop("columns of different tables"), ours.pop("columns of different tables")
    assert [told["columns"] for told in apart] == [
        ["x", "spend_per_signup", "spend"],
        ["spend", "spend_per_signup"],
    ]
    assert [row[1] for row in apart[0]["data"]] == [row[1] for row in apart[1]["data"]]
    unasked = theirs.pop("a spine that is not asked for"), ours.pop("a spine that is not asked for")
    assert [told[0] for told in unasked] == ["KeyError", "ValueError"]
    assert ours == theirs


def koalas_outcomes(command: list[Path | str]) -> dict[str, Any]:
    """Return what one of both engines made of the cases."""
    settings = {"HAMILTON_TELEMETRY_ENABLED": "false", "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": ""}
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout.splitlines()[-1])
