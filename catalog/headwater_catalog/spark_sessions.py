"""Sessions of Spark on a cluster, from inside the process of a run."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import HeadwaterError
from headwater_catalog.clusters_of_runs import require_answer

if TYPE_CHECKING:
    from headwater_catalog.clusters_of_runs import ClusterOfRun

__all__ = ["session_on"]

_PATIENCE: Final = 60.0
"""Seconds until a cluster has given an executor."""

_TICK: Final = 0.2
_LONGEST: Final = 500


def session_on(cluster: ClusterOfRun) -> tuple[Any, int]:
    """Begin a session on a cluster; it ends with this process.

    Returns:
        The session, and how many tasks run at once.

    Raises:
        HeadwaterError: The cluster is not reached, or gives no executor.
        MissingExtra: PySpark is not installed.
    """
    from headwater.materialize.packages import needed

    needed("pyspark", f"A run on the cluster '{cluster.name}'")
    here = require_answer(cluster)
    home = os.environ["HOME"]
    os.environ.update(
        JAVA_HOME=cluster.java,
        JAVA_TOOL_OPTIONS=f"-XX:-UsePerfData -Duser.home={home} -Djava.io.tmpdir={home}",
        SPARK_USER="headwater",  # the user of a run may have no name, and Java asks for one
        SPARK_LOCAL_IP=here,
        PYSPARK_PYTHON=sys.executable,
        PYSPARK_DRIVER_PYTHON=sys.executable,
    )
    conf = {
        "spark.driver.host": here,
        "spark.driver.bindAddress": here,
        "spark.local.dir": home,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    log = Path(home, "java.log")
    try:
        with _java_apart(log), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
            from pyspark.sql import SparkSession

            builder = SparkSession.builder.master(f"spark://{cluster.place}").appName(cluster.execution)
            session = builder.config(map=conf).getOrCreate()
    except Exception as error:
        raise HeadwaterError(
            f"A session on the cluster '{cluster.name}' cannot be begun: {_last_told(log) or error}"
        ) from error
    _require_executor(session, cluster)
    return session, session.sparkContext.defaultParallelism


def _require_executor(session: Any, cluster: ClusterOfRun) -> None:
    """Wait until there is one: without, Spark would wait for ever."""
    until = time.monotonic() + _PATIENCE
    while session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 2:  # the first one is this side
        if time.monotonic() > until:
            raise HeadwaterError(
                f"The cluster '{cluster.name}' gave no executor within {_PATIENCE:g} seconds. It may have no "
                "workers, others may use all of its processors, or no worker has the memory of one."
            )
        time.sleep(_TICK)


def _last_told(log: Path) -> str:
    """Return the last line that Java has written of itself, but for where in its code that was."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line[:1].strip()]
    return lines[-1][:_LONGEST] if lines else ""


@contextlib.contextmanager
def _java_apart(log: Path) -> Iterator[None]:
    """Let what is started inside write to a file: what Java says of itself is no output of the run."""
    kept = [os.dup(number) for number in (1, 2)]
    with log.open("wb") as stream:
        for number in (1, 2):
            os.dup2(stream.fileno(), number)
    try:
        yield
    finally:
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)
