"""Perform a run: export the commit, let a sandboxed runner execute the features, and keep what came out.

This side is trusted and imports no feature code; it reads what the runner wrote with suspicion. What a run
leaves behind is written in the one transaction that also ends its job, so there is no half of it.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from headwater_catalog import jobs, sandbox
from headwater_catalog.datasets import file_sha256
from headwater_catalog.errors import JobError
from headwater_catalog.git import GitSource
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.read.project import SourceSpec
from headwater_catalog.removal import remove_folder
from headwater_catalog.reports import Report, read_progress, read_report, storable
from headwater_catalog.repositories import mirror_path
from headwater_catalog.reproduce import compare_again, require_same_inputs
from headwater_catalog.results import TABLE, Saved, record_saved, save_table
from headwater_catalog.runner import PROGRESS, RESULT, Request
from headwater_catalog.runs import is_source_path, upload_file
from headwater_catalog.sandbox import Limits, Outcome
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    CheckResult,
    Commit,
    Dataflow,
    DataflowVersion,
    Job,
    ModuleVersion,
    Reproduction,
    Run,
    RunNode,
)

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["execute", "sweep"]

logger = logging.getLogger("headwater.runs")

_PROGRESS_SECONDS: Final = 1.0
_WORK_FOLDER: Final = re.compile(r"run-(?P<job>[0-9]{1,9})-.+")


@dataclass(frozen=True, slots=True)
class _Task:
    """All that is needed to perform a run, read from the catalog beforehand."""

    run_id: int
    repository: str
    mirror: Path
    sha: str
    dataflow: str
    modules: list[str]
    roots: list[str]
    config: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    inputs: dict[str, dict[str, Any]]
    outputs: list[str]
    save: str | None
    dataset: str
    again: Mapping[str, Any] | None = None  # the stamp of what is to be made again

    def recipe(self) -> dict[str, Any]:
        """Return what to execute, to make the same again."""
        return {
            "modules": self.modules,
            "roots": self.roots,
            "sources": self.sources,
            "inputs": self.inputs,
            "config": self.config,
            "outputs": self.outputs,
        }


def execute(
    database: Database,
    settings: Settings,
    leased: LeasedJob,
    *,
    limits: Limits | None = None,
    stopping: Callable[[], str | None] = lambda: None,
    tell: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Perform the run of a leased job, and end the job.

    Args:
        database: The catalog.
        settings: Where its files are.
        leased: The job of the run.
        limits: What the feature code may use.
        stopping: Asked several times a second; a sentence that it returns ends the run.
        tell: Told how far the run is, beside the job: `done`, `total` and the `node` last computed.

    Raises:
        LeaseLost: The job was cancelled or taken away; nothing of it was kept.
        CatalogError: The run could not be begun; the job is not ended yet.
    """
    with database.read() as session:
        task = _task(session, settings, leased)
    with _work_folder(settings, leased) as folder:
        with GitSource(task.mirror) as source:
            source.export_tree(task.sha, folder / "tree")
        files = _files(settings, task, folder / "tree")
        digests = {name: file_sha256(file) for name, file in files.items() if file.is_file()}
        if task.again is not None:
            require_same_inputs(task.again, digests)
        _request(task, folder, files).write(folder)
        watch = _Watch(database, leased, folder / PROGRESS, stopping, tell)
        runner = [sys.executable, "-I", "-m", "headwater_catalog.runner", str(folder)]
        outcome = sandbox.run(runner, folder, limits, watch)
        report, reason = _judge(folder, outcome)
        log = outcome.log.replace(f"{folder / 'tree'}/", "")  # paths as they are in the repository
        _keep(database, settings, leased, task, folder, _Ended(report, reason, log, digests), limits, watch)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the runner ended: what it reports, why the run failed (or nothing), its output."""

    report: Report | None
    reason: str
    log: str
    digests: Mapping[str, str]


def sweep(database: Database, settings: Settings) -> None:
    """Remove the work folders that lost workers left behind."""
    for folder in (settings.home / "work").glob("run-*-*"):
        named = _WORK_FOLDER.fullmatch(folder.name)
        with database.read() as session:
            job = session.get(Job, int(named["job"])) if named else None
        if job is None or job.state != jobs.State.RUNNING:
            remove_folder(folder)


@contextlib.contextmanager
def _work_folder(settings: Settings, leased: LeasedJob) -> Iterator[Path]:
    place = settings.home / "work"
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{leased.id}-", dir=place)).resolve()
    try:
        yield folder
    finally:
        remove_folder(folder)


def _task(session: Session, settings: Settings, leased: LeasedJob) -> _Task:
    run = session.scalars(select(Run).where(Run.job_id == leased.id)).one()
    if leased.payload.get("reproduces") is not None:
        return _task_again(session, settings, run)
    version = _dataflow_version(session, run)
    return _Task(
        run_id=run.id,
        repository=run.repository.name,
        mirror=mirror_path(settings, run.repository),
        sha=run.commit.sha,
        dataflow=run.dataflow,
        modules=version.modules,
        roots=_roots(session, run.commit, version.modules),
        config=run.config,
        sources={**_further_sources(run.inputs), **version.sources},
        inputs=run.inputs,
        outputs=run.outputs,
        save=leased.payload.get("save"),
        dataset=leased.payload.get("dataset") or run.dataflow,
    )


def _task_again(session: Session, settings: Settings, run: Run) -> _Task:
    """Return what makes a dataset version again: as it was noted then, whatever was scanned since."""
    version = session.get_one(Reproduction, run.id).version
    stamp = version.stamp or {}
    recipe = stamp["recipe"]
    return _Task(
        run_id=run.id,
        repository=run.repository.name,
        mirror=mirror_path(settings, run.repository),
        sha=run.commit.sha,
        dataflow=run.dataflow,
        modules=recipe["modules"],
        roots=recipe["roots"],
        config=recipe["config"],
        sources=recipe["sources"],
        inputs=recipe["inputs"],
        outputs=recipe["outputs"],
        save=None,
        dataset=version.dataset.name,
        again=stamp,
    )


def _further_sources(inputs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return declarations of the files that a run was given, for those that its dataflow does not declare."""
    files = {name: given["path"] for name, given in inputs.items() if "path" in given}
    return {name: SourceSpec(path).as_dict() for name, path in files.items()}


def _dataflow_version(session: Session, run: Run) -> DataflowVersion:
    wanted = (
        select(DataflowVersion)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(
            Dataflow.repository_id == run.repository_id,
            Dataflow.name == run.dataflow,
            holds_at(DataflowVersion, run.commit.position),
        )
    )
    version = session.scalars(wanted).one_or_none()
    if version is None:
        raise JobError(
            f"Dataflow '{run.dataflow}' is no longer known at commit {run.commit.sha[:10]}: the repository "
            "was scanned anew in the meantime. Ask for the run again."
        )
    return version


def _roots(session: Session, commit: Commit, modules: list[str]) -> list[str]:
    """Return the folders from which the modules are imported: what is left of their paths."""
    wanted = select(ModuleVersion.module, ModuleVersion.path).where(
        ModuleVersion.repository_id == commit.repository_id,
        ModuleVersion.module.in_(modules),
        holds_at(ModuleVersion, commit.position),
    )
    roots = {""}
    for module, path in session.execute(wanted):
        place = module.replace(".", "/")
        for ending in (f"{place}.py", f"{place}/__init__.py"):
            if path.endswith(f"/{ending}"):
                roots.add(path.removesuffix(ending).rstrip("/"))
    return sorted(roots, reverse=True)  # the tree itself last: a declared root is the nearer one


def _files(settings: Settings, task: _Task, tree: Path) -> dict[str, Path]:
    """Return the file of each source: one that the run was given, or that of the commit."""
    files = {}
    for name, declared in task.sources.items():
        given = task.inputs.get(name, {})
        path = given.get("path", declared["path"])
        if not is_source_path(path):
            raise JobError(f"Source '{name}' names '{path}', which is outside of the repository.")
        files[name] = upload_file(settings, given["sha256"]) if given.get("upload") else tree / path
    return files


def _request(task: _Task, folder: Path, files: Mapping[str, Path]) -> Request:
    return Request(
        tree=str(folder / "tree"),
        dataflow=task.dataflow,
        roots=task.roots,
        modules=task.modules,
        config=task.config,
        sources={name: _declared(task, name) for name in files},
        files={name: str(file) for name, file in files.items()},
        inputs={name: given["value"] for name, given in task.inputs.items() if "value" in given},
        outputs=task.outputs,
        save=TABLE if task.save or task.again is not None else None,
    )


def _declared(task: _Task, name: str) -> dict[str, Any]:
    declared, given = task.sources[name], task.inputs.get(name)
    if given is None:
        return declared
    return {**declared, "path": given["path"], "format": None}  # another file may be of another format


class _Watch:
    """Passes progress on to the job while the runner works, and says when it must stop."""

    def __init__(
        self,
        database: Database,
        leased: LeasedJob,
        path: Path,
        stopping: Callable[[], str | None],
        tell: Callable[[Mapping[str, Any]], None] | None,
    ) -> None:
        self.database = database
        self.leased = leased
        self.path = path
        self.stopping = stopping
        self.tell = tell
        self.told: dict[str, Any] | None = None
        self.next = 0.0

    def __call__(self) -> str | None:
        """Return why the run must stop, or None."""
        if reason := self.stopping():
            return reason
        if time.monotonic() < self.next:
            return None
        self.next = time.monotonic() + _PROGRESS_SECONDS
        progress = read_progress(self.path)
        if progress is None or progress == self.told:
            return None
        try:
            with self.database.write() as session:
                jobs.report(session, self.leased, progress)
        except jobs.LeaseLost as lost:
            return str(lost)
        except OperationalError:  # progress is worth less than the run
            logger.warning("The progress of job %s could not be written.", self.leased.id, exc_info=True)
        self.told = progress
        if self.tell is not None:
            self.tell(progress)
        return None


def _judge(folder: Path, outcome: Outcome) -> tuple[Report | None, str]:
    """Return what the runner reports, and why the run failed; no reason where it went well."""
    try:
        report = read_report(folder / RESULT)
    except JobError as error:
        return None, outcome.reason or str(error)
    if outcome.reason:
        return report, outcome.reason
    if report is None:
        return None, (
            f"The process ended with exit code {outcome.code} before it gave a result; feature code may have "
            "ended it, as os._exit does."
        )
    if report.failure is not None:
        return report, report.failure["message"] or report.failure["error"]
    return report, "" if outcome.code == 0 else f"The process ended with exit code {outcome.code}."


def _keep(
    database: Database,
    settings: Settings,
    leased: LeasedJob,
    task: _Task,
    folder: Path,
    ended: _Ended,
    limits: Limits | None,
    watch: _Watch,
) -> None:
    """Write what came of a run, with the end of its job."""
    try:
        with contextlib.ExitStack() as stack:
            saved = None
            if not ended.reason and task.save and ended.report is not None:
                inputs = _inputs(task, ended.report, ended.digests)
                saving = (folder, task.save, task.dataset, ended.report, task.recipe(), inputs, limits, watch)
                saved = stack.enter_context(save_table(database, settings, task.run_id, *saving))
            verdict = None
            if not ended.reason and task.again is not None and ended.report is not None:
                with database.read() as session:
                    made = (folder, TABLE, ended.report.environment, limits)
                    verdict = compare_again(session, settings, task.run_id, *made)
            _write(database, leased, task, ended, saved, verdict)
    except JobError as error:
        if isinstance(error, jobs.LeaseLost) or ended.reason:
            raise
        _write(database, leased, task, replace(ended, reason=str(error)), None, None)


def _write(
    database: Database,
    leased: LeasedJob,
    task: _Task,
    ended: _Ended,
    saved: Saved | None,
    verdict: tuple[str, dict[str, Any]] | None,
) -> None:
    with database.write() as session:
        run = session.get_one(Run, task.run_id)
        _record(run, task, ended)
        if saved is not None:
            record_saved(session, run, saved)
        if verdict is not None:
            again = session.get_one(Reproduction, task.run_id)
            again.verdict, again.details = verdict[0], storable(verdict[1])
        if ended.reason:
            jobs.fail(session, leased, storable(ended.reason))
        else:
            jobs.finish(session, leased)


def _record(run: Run, task: _Task, ended: _Ended) -> None:
    run.log = storable(ended.log)
    report = ended.report
    if report is None:
        return
    run.environment = report.environment
    run.inputs = _inputs(task, report, ended.digests)
    run.preview = {"failure": report.failure} if report.failure else report.preview
    run.nodes = [
        RunNode(ordinal=ordinal, name=node.name, microseconds=node.microseconds, summary=node.summary)
        for ordinal, node in enumerate(report.nodes)
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


def _inputs(task: _Task, report: Report, digests: Mapping[str, str]) -> dict[str, Any]:
    """Return the inputs as used: literals as given, and each source read with its path, bytes and rows."""
    used = {name: given for name, given in task.inputs.items() if "value" in given}
    for name in task.sources:
        if name in report.sources and name in digests:
            given = task.inputs.get(name, {"path": task.sources[name]["path"]})
            used[name] = {**given, "sha256": digests[name], "rows": report.sources[name]}
    return used
