"""Runs: asking for the execution of features at a commit, and looking at what came of it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from headwater.errors import InvalidInput, did_you_mean
from headwater_catalog import jobs
from headwater_catalog.accounts.events import note
from headwater_catalog.dataflows import DataflowAt, choose_dataflow, listed
from headwater_catalog.datasets import file_sha256
from headwater_catalog.errors import Conflict, NotFound, RepositoryError
from headwater_catalog.jobs import State
from headwater_catalog.sources import FORMATS, format_of
from headwater_catalog.store.models import Commit, Job, Repository, Run

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = [
    "count_failed",
    "failure_of",
    "get_run",
    "is_source_path",
    "list_runs",
    "request_run",
    "upload_file",
]


def request_run(
    session: Session,
    settings: Settings,
    repository: Repository,
    commit: Commit,
    dataflow: str | None,
    outputs: Sequence[str],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    save: str | None,
    requested_by: str,
    now: int,
    *,
    dataset: str | None = None,
    use_kept: bool = True,
) -> Run:
    """Queue the execution of features of one dataflow at one commit.

    Args:
        session: An open write transaction.
        settings: Where uploads are kept.
        repository: The repository.
        commit: A commit of its main line.
        dataflow: Name of the dataflow; None: the one that has the outputs.
        outputs: Features or parts of them, `name` or `module:name`; none: those the dataflow declares.
        config: Added to the configuration that the dataflow declares, and stronger.
        inputs: By the name of a source, the file that takes its place: a text is a path in the
            repository, a `Path` a file of the caller's machine, which is kept. By any other name, a
            `Path` is one more source, and anything else the value of that input, as JSON. Callers must
            not make a `Path` from what others send them.
        save: File format in which to save the table as a dataset version; None: do not save.
        requested_by: Who asks.
        now: The present instant.
        dataset: Name of the dataset; by default the dataflow's.
        use_kept: Whether values that earlier runs computed may stand in place of computing them again.

    Raises:
        NotFound: There is no such dataflow, output, configuration key, input or file.
        Conflict: Several dataflows have the outputs, or a value cannot be taken.
        RepositoryError: The commit is not on the main line.
    """
    if commit.position is None:
        raise RepositoryError(
            f"Commit {commit.sha[:10]} is not on the main line of '{repository.name}', so its features were "
            "not read. Merge it first, or choose a commit of the main line."
        )
    chosen = choose_dataflow(session, repository, commit.position, dataflow, outputs)
    names = chosen.names_of(outputs)
    chosen.require_config(config)
    for name, value in config.items():
        _require_storable(name, value)
    if save is not None and save not in FORMATS.values():
        raise Conflict(f"A table cannot be saved as '{save}'. Choose one of: {listed(FORMATS.values())}.")
    run = Run(
        repository_id=repository.id,
        commit_id=commit.id,
        dataflow=chosen.name,
        outputs=list(dict.fromkeys(names)),
        config={**chosen.version.config, **config},
        inputs={name: _input(settings, chosen, name, value) for name, value in inputs.items()},
        environment={},
    )
    payload = {"save": save, "dataset": dataset or chosen.name, "use_kept": use_kept}
    run.job = jobs.enqueue(session, "run", payload, repository.id, requested_by, now)
    session.add(run)
    session.flush()
    told = {"commit": commit.sha, "dataflow": chosen.name, "outputs": run.outputs, "save": save}
    note(session, "run requested", (requested_by, ""), f"run {run.id} of {repository.name}", now, **told)
    return run


def get_run(session: Session, run_id: int) -> Run:
    """Return a run with its job, commit, nodes and checks.

    Raises:
        NotFound: No run has this number.
    """
    wanted = (
        select(Run)
        .options(
            joinedload(Run.job),
            joinedload(Run.repository),
            joinedload(Run.commit),
            selectinload(Run.nodes),
            selectinload(Run.checks),
        )
        .where(Run.id == run_id)
        .execution_options(populate_existing=True)
    )
    run = session.scalars(wanted).one_or_none()
    if run is None:
        raise NotFound(f"There is no run {run_id}. See the list of runs for those there are.")
    return run


def list_runs(
    session: Session,
    repository: Repository | None = None,
    *,
    dataflow: str | None = None,
    limit: int = 50,
    offset: int = 0,
    before: int | None = None,
    state: str = "",
    since: int | None = None,
) -> list[Run]:
    """Return runs with their jobs and commits, the newest first.

    Args:
        session: An open session.
        repository: Only runs of this one.
        dataflow: Only runs of the dataflow of this name.
        limit: How many there are at most.
        offset: How many to leave out first.
        before: Only runs with a smaller number than this.
        state: Only runs whose jobs are in this state.
        since: Only runs that were asked for after this instant.
    """
    wanted = select(Run).options(joinedload(Run.job), joinedload(Run.repository), joinedload(Run.commit))
    if repository is not None:
        wanted = wanted.where(Run.repository_id == repository.id)
    if dataflow is not None:
        wanted = wanted.where(Run.dataflow == dataflow)
    if before is not None:
        wanted = wanted.where(Run.id < before)
    if state:
        wanted = wanted.where(Run.job.has(Job.state == state))
    if since is not None:
        wanted = wanted.where(Run.job.has(Job.created_at > since))
    return list(session.scalars(wanted.order_by(Run.id.desc()).limit(limit).offset(offset)))


def count_failed(session: Session, since: int) -> int:
    """Return how many runs have failed of those that were asked for after an instant."""
    failed = Run.job.has((Job.state == State.FAILED) & (Job.created_at > since))
    return session.scalar(select(func.count(Run.id)).where(failed)) or 0


def failure_of(run: Run) -> dict[str, Any] | None:
    """Return what feature code did wrong in a run: `node`, `error`, `message` and `frames` of its code.

    None where the run did not fail, or failed outside of feature code; the job's error says how.
    """
    return (run.preview or {}).get("failure")


def _input(settings: Settings, flow: DataflowAt, name: str, value: Any) -> dict[str, Any]:
    if name in flow.version.sources or isinstance(value, Path):
        return _source_input(settings, name, value)
    if name not in flow.reads:
        raise NotFound(
            f"Nothing in dataflow '{flow.name}' needs an input '{name}'.{did_you_mean(name, flow.reads)}"
        )
    _require_storable(name, value)
    return {"value": value}


def _require_storable(name: str, value: Any) -> None:
    """Refuse what JSON cannot say, though Python's reader of it takes it: no number, and half a character."""
    try:
        json.dumps([name, value], allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Conflict(
            f"{name!r} cannot be {value!r:.80}, since that cannot be stored as JSON: {error}. "
            "Give finite numbers, whole texts, and lists and objects of them."
        ) from None


def _source_input(settings: Settings, name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Path):
        _require_format(str(value))
        return {"path": value.name, "upload": True, "sha256": _keep(settings, name, value)}
    if isinstance(value, str) and is_source_path(value):
        _require_format(value)
        return {"path": value}
    raise Conflict(
        f"Source '{name}' needs the path of a file in the repository, such as data/{name}.csv, and not "
        f"{value!r:.80}."
    )


def _require_format(path: str) -> None:
    try:
        format_of(path)
    except InvalidInput as error:
        raise Conflict(str(error)) from error


def is_source_path(path: str) -> bool:
    """Tell whether a path stays inside the repository that it is relative to."""
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path


def _keep(settings: Settings, name: str, file: Path) -> str:
    """Copy a file of the caller's under its sha256, so that the run can be made again."""
    if not file.is_file():
        raise NotFound(f"There is no file '{file}' to read as source '{name}'.")
    folder = settings.home / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as copy:
        held = Path(copy.name)
    try:
        shutil.copyfile(file, held)
        sha256 = file_sha256(held)
        held.replace(upload_file(settings, sha256))
    finally:
        held.unlink(missing_ok=True)
    return sha256


def upload_file(settings: Settings, sha256: str) -> Path:
    """Return where the upload with these bytes is kept."""
    return settings.home / "uploads" / sha256
