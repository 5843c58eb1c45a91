"""A Spark of this machine for tests: two workers, heard on the loopback only, ended with the tests."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.missing import missing

_CONF = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.log.level": "OFF",
}


def on_spark(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that needs a running Spark."""
    for mark in (pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("spark")):
        test = mark(test)
    return test


@contextmanager
def running_spark(master: str = "local[2]") -> Iterator[Any]:
    """Run a session, whose workers import what this process can."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        missing("PySpark", "install it: pip install 'headwater[spark]', with a Java")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
            patch.setenv(name, sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        builder = SparkSession.builder.master(master).appName("headwater tests")
        session = builder.config(map=_CONF).getOrCreate()
        try:
            yield session
        finally:
            session.stop()
