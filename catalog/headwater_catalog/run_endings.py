"""The end of a run: what came of it, written with the end of its job, so that there is no half of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from headwater_catalog import jobs
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.kept_inputs import keep_brought, note_used
from headwater_catalog.reports import Report, storable
from headwater_catalog.results import Saved, record_saved
from headwater_catalog.run_sources import BroughtSource, inputs_used
from headwater_catalog.run_tasks import Task
from headwater_catalog.store.models import CheckResult, Reproduction, Run, RunNode, ValueComparison
from headwater_catalog.value_store import enter_values, runs_of, take_over

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["Ended", "write_end"]

logger = logging.getLogger("headwater.runs")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        report: What its runner reports; None where it reports nothing.
        reason: Why it failed; empty where it did not.
        log: What was printed.
        sources: The sources as they were brought.
        values: Where the runner left what it computed, which is nobody's until the run has ended.
        around: What held the run, and what its environment was built from.
        withheld: What the reason leaves out, since it may quote personal data.
        handed: The runs that have handed values on to it, by node.
        handed_on: The hashes of the values that it has handed on itself, by node.
    """

    report: Report | None
    reason: str
    log: str
    sources: Mapping[str, BroughtSource]
    values: Path | None
    around: Mapping[str, Any]
    withheld: str = ""
    handed: Mapping[str, int] = field(default_factory=dict)
    handed_on: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def write_end(
    database: Database,
    settings: Settings,
    leased: LeasedJob,
    task: Task,
    ended: Ended,
    saved: Saved | None,
    verdict: tuple[str, dict[str, Any]] | None,
) -> None:
    """Write what came of a run, in the one transaction that also ends its job.

    Args:
        database: The catalog.
        settings: Where its files are.
        leased: The job.
        task: What the run was to do.
        ended: How it ended.
        saved: What it has saved, if anything.
        verdict: How what it made compares, if that was asked, and where it differs.

    Raises:
        LeaseLost: The job was cancelled or taken away; nothing of it was kept.
    """
    with database.write() as session:
        run = session.get_one(Run, task.run_id)
        _record(session, run, task, ended)
        if ended.handed_on:
            run.job.payload = {**run.job.payload, "handed_on": dict(ended.handed_on)}
        if saved is not None:
            record_saved(session, run, saved)
            _keep_inputs(session, settings, task, ended)
        if verdict is not None:
            asked: ValueComparison | Reproduction
            if task.is_compared:
                asked = session.get_one(ValueComparison, task.run_id)
            else:
                asked = session.get_one(Reproduction, task.run_id)
            asked.verdict, asked.details = verdict[0], storable(verdict[1])
        if ended.reason:
            jobs.fail(session, leased, storable(ended.reason))
        else:
            jobs.finish(session, leased)
        ours = (settings, task.repository_id, task.run_id)
        nodes = ended.report.written if ended.report else {}
        keys = enter_values(session, *ours, ended.values, int(time.time()), nodes) if ended.values else []
    if ended.values is None or not keys:
        return
    try:
        with database.write() as session:
            take_over(session, *ours, ended.values, keys)
    except OperationalError:  # values are worth less than the run, which has ended
        logger.warning("The values of job %s could not be kept.", leased.id, exc_info=True)


def _keep_inputs(session: Session, settings: Settings, task: Task, ended: Ended) -> None:
    """Keep what a dataset version was made of and no commit has, so that it can be made again."""
    now = int(time.time())
    given = [each["sha256"] for each in task.inputs.values() if each.get("upload")]
    note_used(session, task.repository_id, given, now, for_dataset=True)
    used = ended.report.sources if ended.report else {}
    outside = [each for name, each in ended.sources.items() if name in used and each.is_outside]
    keep_brought(session, settings, task.repository_id, {each.sha256: each.file for each in outside}, now)


def _record(session: Session, run: Run, task: Task, ended: Ended) -> None:
    run.log = storable(ended.log)
    run.personal = task.personal
    if ended.withheld:
        run.preview = {"failure": {"node": None, "error": "Error", "message": ended.withheld, "frames": []}}
    report = ended.report
    run.environment = {**(report.environment if report else {}), **ended.around}
    if report is None:
        return
    origins = runs_of(session, task.repository_id, report.taken.values(), int(time.time()))
    taken = {name: origins[key] for name, key in report.taken.items() if key in origins}
    taken |= ended.handed
    run.inputs = inputs_used(task.inputs, ended.sources, report.sources)
    if not ended.withheld:
        run.preview = {"failure": report.failure} if report.failure else report.preview
    run.nodes = [
        *(
            RunNode(
                ordinal=ordinal,
                name=node.name,
                microseconds=node.microseconds,
                begun=node.begun,
                summary=node.summary,
                profile=report.profiles.get(node.name),
            )
            for ordinal, node in enumerate(report.nodes)
        ),
        *(
            RunNode(
                ordinal=ordinal,
                name=name,
                microseconds=0,
                summary="",
                kept_from=number,
                profile=report.profiles.get(name),
            )
            for ordinal, (name, number) in enumerate(sorted(taken.items()), len(report.nodes))
        ),
    ]
    run.checks = [
        CheckResult(
            node=check.node,
            validator=check.validator,
            importance=check.importance,
            passed=check.passed,
            message=check.message,
            diagnostics=check.diagnostics,
        )
        for check in report.checks
    ]
