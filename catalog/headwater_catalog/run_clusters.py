"""What a worker does about the cluster of a run, outside of the run's process."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater_catalog import ray_clients, sandbox
from headwater_catalog.cluster_runs import ENDING
from headwater_catalog.clusters_of_runs import ClusterOfRun
from headwater_catalog.errors import JobError
from headwater_catalog.run_recording import write_whole

if TYPE_CHECKING:
    from headwater_catalog.cluster_settings import Cluster
    from headwater_catalog.interpreters import Interpreter
    from headwater_catalog.reports import Report
    from headwater_catalog.sandbox import Access
    from headwater_catalog.settings import Settings

__all__ = ["computing", "end_on_cluster", "readable", "without_address"]

logger = logging.getLogger("headwater.runs")

_ENDING_SECONDS: Final = 90
"""Of which a cluster may take 20 to answer, and its workers 30 to start anew."""


_SHELL: Final = ("sh", "bash", "env", "dirname", "ps", "rm")
"""What the scripts of Spark call that start Java, and Java calls to remove files."""


def computing(cluster: Cluster, run_id: int) -> ClusterOfRun:
    """Return a cluster as the process of a run gets it; the cluster knows the run by a name of its own.

    Raises:
        JobError: It cannot be used without Java, or a token, and the worker finds none.
    """
    execution = f"run-{run_id}-{secrets.token_hex(6)}"
    java = _java(cluster.name) if cluster.kind == "spark" else ""
    environment = ray_clients.environment(cluster.token) if cluster.kind == "ray" else {}
    return ClusterOfRun(cluster.name, cluster.kind, cluster.place, execution, java, environment)


def readable(cluster: ClusterOfRun) -> list[Path]:
    """Return what a run that uses a cluster reads and executes beside Python: for Spark, Java and a shell."""
    if not cluster.java:
        return []
    found = [shutil.which(name, path=os.defpath) for name in _SHELL]
    java = [Path(cluster.java), *Path("/etc").glob("java*")]  # where some systems keep what belongs to it
    return [*java, *(Path(program) for program in found if program)]


def _java(cluster: str) -> str:
    program = Path(os.environ.get("JAVA_HOME", "/nowhere"), "bin", "java")
    found = str(program) if program.exists() else shutil.which("java")
    if found is None:
        raise JobError(
            f"The cluster '{cluster}' is one of Spark, which needs Java on the machine of the worker, and "
            "there is none. Install it (Debian: apt install openjdk-17-jre-headless), or set JAVA_HOME."
        )
    return str(Path(found).resolve().parents[1])


def end_on_cluster(
    cluster: ClusterOfRun, interpreter: Interpreter, place: Path, access: Access, settings: Settings
) -> None:
    """End what a cluster still computes of a run whose process was ended, by one that is held as that was."""
    folder = place / "ending"
    folder.mkdir()
    write_whole(folder / ENDING, asdict(cluster))
    limits = replace(settings.runs.limits, wall_seconds=_ENDING_SECONDS)
    try:
        ended = sandbox.run(interpreter.ending(folder), folder, limits, None, access)
        is_ended = not (ended.code or ended.reason)
    except JobError:
        is_ended = False
    if not is_ended:
        logger.warning(
            "What the cluster '%s' computes of %s may go on: it could not be told to end it.",
            *(cluster.name, cluster.execution),
        )


def without_address(
    cluster: Cluster, computing: ClusterOfRun, log: str, reason: str, report: Report | None
) -> tuple[str, str, Report | None]:
    """Return what is told of a run with the cluster's name in the place of its address, and no token."""

    def discreet(text: str) -> str:
        return computing.discreet(cluster.discreet(text))

    if report is not None and report.failure is not None:
        told = {**report.failure, "message": discreet(report.failure["message"])}
        report = replace(report, failure=told)
    return discreet(log), discreet(reason), report
