"""A chain of columns on a Spark table: Headwater's passes, or Hamilton's `with_columns`, on the same code.

    python benchmarks/spark_columns.py headwater 40
    python benchmarks/spark_columns.py hamilton 40

Each runs in the environment that it is started in. Hamilton's `h_spark` needs pandas before version 3, so the
two compare in one environment with such a pandas, PySpark and both packages.
"""

import importlib
import os
import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

ROWS, ROUNDS = 20_000, 3

COLUMN = """
def c{i}({read}: pd.Series) -> column[pd.Series, float]:
    return {read} + 1
"""
TABLE = """
from hamilton.plugins import h_spark
from pyspark.sql import DataFrame
import spark_chain

@h_spark.with_columns(spark_chain, columns_to_pass=["a"])
def final(base: DataFrame) -> DataFrame:
    return base
"""


def main(who: str, count: int) -> None:
    """Print the seconds of some rounds: building the table, then reading its last column, then all."""
    warnings.simplefilter("ignore")
    if who == "headwater":
        importlib.import_module("headwater.compat").activate()
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        chain = "".join(COLUMN.format(i=i, read=f"c{i - 1}" if i else "a") for i in range(count))
        head = "import pandas as pd\nfrom hamilton.htypes import column\n"
        Path(folder, "spark_chain.py").write_text(head + chain)
        Path(folder, "spark_table.py").write_text(TABLE)
        os.environ.update(
            PYSPARK_PYTHON=sys.executable,
            PYSPARK_DRIVER_PYTHON=sys.executable,
            SPARK_LOCAL_IP="127.0.0.1",
            PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
            PYTHONWARNINGS="ignore",
            HAMILTON_AUTOLOAD_EXTENSIONS="0",
            HAMILTON_TELEMETRY_ENABLED="false",
        )
        measure(who, count)


def measure(who: str, count: int) -> None:
    """Start a Spark of this machine, and print a line for each round."""
    from pyspark.sql import SparkSession, functions

    conf = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
    }
    session = SparkSession.builder.master("local[2]").config(map=conf).getOrCreate()
    driver = importlib.import_module("hamilton.driver")
    built = driver.Builder().with_modules(importlib.import_module("spark_table")).build()
    base = session.range(0, ROWS, numPartitions=2).withColumn("a", functions.col("id") * 1.0).cache()
    base.count()
    for _ in range(ROUNDS):
        start = perf_counter()
        table = built.execute(["final"], inputs={"base": base})["final"]
        made = perf_counter()
        last = table.agg(functions.sum(f"c{count - 1}")).collect()[0][0]
        read = perf_counter()
        table.agg(*[functions.sum(f"c{i}") for i in range(count)]).collect()
        end = perf_counter()
        seconds = f"{made - start:.4f} {read - made:.4f} {end - read:.4f}"
        print(f"{who} {count}: execute, last column, all columns: {seconds} s (sum {last:.0f})", flush=True)
    session.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
