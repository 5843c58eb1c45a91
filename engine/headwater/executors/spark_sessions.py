"""Sessions of Spark: the one that is running, or one of this machine, which ends with those that need it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from shutil import rmtree
from threading import Lock
from typing import Any

from headwater.errors import HeadwaterError, MissingExtra
from headwater.modifiers.spark_passes import without_warnings

__all__ = ["begun", "ended", "is_gone", "places"]

_PATIENCE = 20.0
"""Seconds that a JVM has to end by itself."""


@dataclass(slots=True)
class _Local:
    """A session that was started here.

    Attributes:
        session: The session.
        folder: Where its JVM keeps its files; None where it is in a JVM that was there before.
        users: How many executions need it.
    """

    session: Any
    folder: str | None
    users: int


_lock = Lock()
_local: _Local | None = None


def begun(session: Any, max_tasks: int | None) -> Any:
    """Return the context of a session for an execution, which has to give it back with `ended`.

    Args:
        session: The session; None for the one that is running, or else for a new one of this machine alone.
        max_tasks: How many tasks a new one runs at once; None for as many as there are processors.

    Raises:
        HeadwaterError: The session has ended, or none can be started.
        MissingExtra: PySpark is not installed.
    """
    global _local
    if session is not None:
        return _context_of(session)
    with _lock:
        _forget_the_dead()
        if _local is not None:
            _local.users += 1
            return _local.session.sparkContext
        running = _spark().SparkContext._active_spark_context
        if running is None:
            _local = _started(max_tasks)
            running = _local.session.sparkContext
        return running


def places(session: Any) -> int:
    """Return how many tasks run at once in a session, or in that which `begun` would take or start.

    Raises:
        HeadwaterError: The session has ended.
        MissingExtra: PySpark is not installed.
    """
    context = _spark().SparkContext._active_spark_context if session is None else _context_of(session)
    # A context that was stopped, or whose JVM has ended, is not taken.
    if context is None or context._jsc is None or is_gone(context):
        return os.cpu_count() or 1
    return int(context.defaultParallelism)


def ended(context: Any) -> None:
    """Give a context back; a session that was started here ends with the last that needs it."""
    global _local
    with _lock:
        if _local is None or _local.session.sparkContext is not context:
            return
        _local.users -= 1
        if _local.users == 0:
            own, _local = _local, None
            _end(own)


def is_gone(context: Any, error: BaseException | None = None) -> bool:
    """Tell whether the JVM of a context has ended, as far as this process can know.

    Args:
        context: The context.
        error: What was raised for it. A connection may be lost a moment before the process has ended.
    """
    gateway = context._gateway
    if gateway is None or gateway.proc is None:
        return gateway is None
    lost = (OSError, EOFError, import_module("py4j.protocol").Py4JNetworkError)
    with suppress(subprocess.TimeoutExpired):
        gateway.proc.wait(2.0 if isinstance(error, lost) else 0.0)
    return gateway.proc.returncode is not None


def _context_of(session: Any) -> Any:
    try:
        context = session.sparkContext
    except Exception as error:
        raise HeadwaterError(
            "SparkTaskExecutor needs a session with a SparkContext, which those of Spark Connect do not "
            "have: they run no Python tasks. Give one that was made with master(), or use another executor."
        ) from error
    if context._jsc is None or is_gone(context):
        raise HeadwaterError(
            "The session of this SparkTaskExecutor has ended. Start another and give that, or give none: "
            "then the one that is running is taken, or a local one is started."
        )
    return context


def _spark() -> Any:
    try:
        with without_warnings():
            return import_module("pyspark")
    except ImportError as error:
        raise MissingExtra("pyspark", "spark", "Running tasks on Spark") from error


def _started(max_tasks: int | None) -> _Local:
    """Start a session of this machine, which nobody else can reach.

    Raises:
        HeadwaterError: It does not start.
    """
    # A JVM that is there already has its folders.
    folder = None if _spark().SparkContext._gateway else tempfile.mkdtemp(prefix="headwater-spark-")
    conf = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    if folder is not None:
        conf["spark.local.dir"] = conf["spark.sql.warehouse.dir"] = folder
        conf["spark.driver.extraJavaOptions"] = f'-Djava.io.tmpdir="{folder}" -XX:-UsePerfData'
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    try:
        with without_warnings():
            builder = import_module("pyspark.sql").SparkSession.builder.appName("headwater")
            session = builder.master(f"local[{max_tasks or '*'}]").config(map=conf).getOrCreate()
    except BaseException as error:
        if folder is not None:
            _end_jvm()
            rmtree(folder, ignore_errors=True)
        if not isinstance(error, Exception):
            raise
        raise HeadwaterError(
            f"A Spark of this machine could not be started: {error}. It needs a Java, which `java` or "
            "JAVA_HOME names; what it said itself is above. Or give SparkTaskExecutor a session that runs."
        ) from error
    return _Local(session, folder, 1)


def _end(own: _Local) -> None:
    with suppress(Exception):  # its JVM may have ended before
        own.session.stop()
    if own.folder is not None:
        _end_jvm()
        rmtree(own.folder, ignore_errors=True)


def _end_jvm() -> None:
    """End the JVM of this process, which otherwise stays until the process ends."""
    context, sessions = _spark().SparkContext, import_module("pyspark.sql").SparkSession
    gateway, context._gateway, context._jvm = context._gateway, None, None
    context._active_spark_context = sessions._instantiatedSession = None
    if gateway is None:
        return
    with suppress(Exception):
        gateway.shutdown()
    process = gateway.proc
    if process is not None:
        process.stdin.close()  # which it takes for the end of this process
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _forget_the_dead() -> None:
    """Let PySpark start another JVM where that of this process was killed, which it does not see."""
    global _local
    context = _spark().SparkContext
    if _local is not None and (is_gone(context) or _local.session.sparkContext._jsc is None):
        own, _local = _local, None
        _end(own)
    if context._gateway is not None and is_gone(context):
        _end_jvm()
