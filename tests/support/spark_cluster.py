"""A cluster of Spark as an administrator starts one: a master and a worker, programs of their own on loopback."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.missing import missing


@contextmanager
def spark_cluster(folder: Path, *, has_worker: bool = True) -> Iterator[str]:
    """Start it, give its host and port, and end it."""
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        missing("PySpark", "install it: pip install 'headwater[spark]', with a Java")
    start = str(Path(found.origin).with_name("bin") / "spark-class")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    master = [
        *(start, "org.apache.spark.deploy.master.Master"),
        *("--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"),
    ]
    worker = [
        *(start, "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0"),
        *("--cores", "2", "--memory", "1g", "--work-dir", str(folder / "spark"), f"spark://127.0.0.1:{port}"),
    ]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": os.pathsep.join(_own_paths())}
    environment["HEADWATER_TEST_SPARK"] = f"127.0.0.1:{port}"
    with (folder / "spark.log").open("w+") as log:
        started = []
        try:
            programs = [(master, "New state: ALIVE"), (worker, "Successfully registered")]
            for command, told in programs if has_worker else programs[:1]:
                given = {"env": environment, "stdout": log, "stderr": subprocess.STDOUT}
                started.append(subprocess.Popen(command, **given))  # type: ignore[call-overload]
                _wait_for(told, folder / "spark.log")
            yield f"127.0.0.1:{port}"
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(60)


def executors(place: str) -> list[int]:
    """Return the processes that compute for programs on the cluster."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            called, around = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        is_program = b"CoarseGrainedExecutorBackend" in called or b"pyspark.daemon" in called
        if is_program and f"HEADWATER_TEST_SPARK={place}".encode() in around:
            found.append(int(process.name))
    return found


def _own_paths() -> list[str]:
    """Return the folders from which this process imports Headwater; the rest the same Python finds by itself."""
    return [path for path in sys.path if path.rpartition("/")[2] in ("engine", "catalog")]


def _wait_for(told: str, log: Path) -> None:
    until = time.monotonic() + 120
    while told not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.2)
