"""What a worker does about the cluster of a run, outside of the run's process."""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater_catalog import sandbox
from headwater_catalog.cluster_runs import ENDING, ClusterOfRun
from headwater_catalog.run_recording import write_whole

if TYPE_CHECKING:
    from headwater_catalog.cluster_settings import Cluster
    from headwater_catalog.interpreters import Interpreter
    from headwater_catalog.reports import Report
    from headwater_catalog.sandbox import Access
    from headwater_catalog.settings import Settings

__all__ = ["computing", "end_on_cluster", "without_address"]

logger = logging.getLogger("headwater.runs")

_ENDING_SECONDS: Final = 90
"""Of which a cluster may take 20 to answer, and its workers 30 to start anew."""


def computing(cluster: Cluster, run_id: int) -> ClusterOfRun:
    """Return a cluster as the process of a run gets it; the cluster knows the run by a name of its own."""
    execution = f"run-{run_id}-{secrets.token_hex(6)}"
    return ClusterOfRun(cluster.name, cluster.kind, cluster.place, execution)


def end_on_cluster(
    cluster: ClusterOfRun, interpreter: Interpreter, place: Path, access: Access, settings: Settings
) -> None:
    """End what a cluster still computes of a run whose process was ended, by one that is held as that was."""
    folder = place / "ending"
    folder.mkdir()
    write_whole(folder / ENDING, asdict(cluster))
    limits = replace(settings.runs.limits, wall_seconds=_ENDING_SECONDS)
    ended = sandbox.run(interpreter.command_to_end(folder), folder, limits, None, access)
    if ended.code or ended.reason:
        logger.warning(
            "What the cluster '%s' computes of %s may go on: it could not be told to end it.",
            *(cluster.name, cluster.execution),
        )


def without_address(
    cluster: Cluster, log: str, reason: str, report: Report | None
) -> tuple[str, str, Report | None]:
    """Return what is told of a run with the cluster's name in the place of its address."""
    if report is not None and report.failure is not None:
        told = {**report.failure, "message": cluster.discreet(report.failure["message"])}
        report = replace(report, failure=told)
    return cluster.discreet(log), cluster.discreet(reason), report
