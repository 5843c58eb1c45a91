"""Run cases of pandas on Spark with Hamilton or, as `koalas.py --headwater`, with Headwater; print what comes.

In the environment `koalas`, which has pandas of before version 3.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

if "--headwater" in sys.argv:
    sys.path.insert(0, str(Path(__file__).parents[2] / "engine"))
    from headwater.compat import activate

    activate()

import pandas as pd
import pyspark.pandas as ps
from hamilton import ad_hoc_utils, base, driver
from hamilton.plugins import h_spark
from pyspark.sql import SparkSession


def avg_3wk_spend(spend: pd.Series) -> pd.Series:
    """Return the average of three weeks."""
    return spend.rolling(3).mean()


def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
    """Return what a signup costs."""
    return spend / signups


def spend_mean(spend: pd.Series) -> float:
    """Return the average."""
    return spend.mean()


def centred(spend: pd.Series, spend_mean: float) -> pd.Series:
    """Return how far each is from the average."""
    return spend - spend_mean


def kind(spend: pd.Series) -> str:
    """Return what the function was given."""
    return f"{type(spend).__module__}.{type(spend).__name__}"


def rows(table: pd.DataFrame) -> int:
    """Return how many rows a table has."""
    return len(table)


MODULE = ad_hoc_utils.create_temporary_module(
    avg_3wk_spend, spend_per_signup, spend_mean, centred, kind, module_name="koalas_features"
)
OUTPUTS = ["signups", "spend", "avg_3wk_spend", "spend_per_signup", "spend_mean", "centred", "kind"]


def told(result):
    """Return a result as what JSON can say."""
    if isinstance(result, dict):
        return {name: told(value) for name, value in result.items()}
    if isinstance(result, (ps.DataFrame, ps.Series)):
        return [type(result).__name__, told(result.to_pandas())]
    if isinstance(result, pd.DataFrame):
        return json.loads(result.sort_index().to_json(orient="split", double_precision=10))
    if isinstance(result, pd.Series):
        return json.loads(result.sort_index().to_json(double_precision=10))
    return result


def case(session, spend, signups, builder, outputs, spine="spend"):
    """Return what comes of one execution, or which kind of error."""
    try:
        adapter = h_spark.SparkKoalasGraphAdapter(session, result_builder=builder, spine_column=spine)
        executed = driver.Driver({"spend": spend, "signups": signups}, MODULE, adapter=adapter)
        return told(executed.execute(outputs))
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]


def main():
    """Print the outcome of every case as JSON, in the last line."""
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.local.dir", tempfile.gettempdir())
        .getOrCreate()
    )
    ps.set_option("compute.ops_on_diff_frames", True)
    table = ps.DataFrame({"spend": [10, 10, 20, 40], "signups": [1, 10, 50, 100]})
    one = table["spend"], table["signups"]
    apart = ps.Series([10, 10, 20, 40], name="x"), ps.Series([1, 10, 50, 100], name="signups")
    cases = {
        "a table of pandas": (*one, base.PandasDataFrameResult(), OUTPUTS),
        "a table of Spark": (*one, h_spark.KoalasDataFrameResult(), OUTPUTS),
        "a dictionary": (*one, base.DictResult(), OUTPUTS),
        "columns of different tables": (*apart, base.PandasDataFrameResult(), ["spend_per_signup", "spend"]),
        "another spine": (*one, base.PandasDataFrameResult(), ["spend", "signups"], "signups"),
        "a spine that is not asked for": (*one, base.PandasDataFrameResult(), ["signups"]),
        "another builder": (*one, base.NumpyMatrixResult(), ["spend"]),
        "no column": (1, 2, base.PandasDataFrameResult(), ["centred"]),
    }
    outcomes = {name: case(session, *given) for name, given in cases.items()}
    session.stop()
    print("\n" + json.dumps(outcomes))


if __name__ == "__main__":
    os.environ["PYARROW_IGNORE_TIMEZONE"] = "1"
    main()
