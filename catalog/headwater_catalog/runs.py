"""Runs: asking for the execution of features at a commit, and looking at what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from headwater.errors import InvalidInput, did_you_mean
from headwater_catalog import jobs
from headwater_catalog.accounts.events import note
from headwater_catalog.classified_runs import personal_names
from headwater_catalog.dataflows import DataflowAt, choose_dataflow, listed
from headwater_catalog.erasure.told import touched_erasures
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.input_places import is_source_path
from headwater_catalog.jobs import State
from headwater_catalog.kept_inputs import note_used
from headwater_catalog.moments import Moment
from headwater_catalog.relays import require_relay
from headwater_catalog.repositories import kept_commit
from headwater_catalog.run_executors import require_executor
from headwater_catalog.run_options import RunOptions
from headwater_catalog.sinks import places_of, require_format
from headwater_catalog.sources import FORMATS, format_of
from headwater_catalog.store.models import Commit, Job, Repository, Run
from headwater_catalog.uploads import Upload, require_kept

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = [
    "FileAt",
    "count_failed",
    "failure_of",
    "get_run",
    "list_runs",
    "request_run",
]


@dataclass(frozen=True, slots=True)
class FileAt:
    """A file of the repository at another commit than that of the run.

    Attributes:
        path: Where it is.
        commit: The commit.
        format: Its format; None: as its name says.
    """

    path: str
    commit: str
    format: str | None = None


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
    options: RunOptions | None = None,
) -> Run:
    """Queue the execution of features of one dataflow at one commit.

    Args:
        session: An open write transaction.
        settings: Where mirrors and uploads are kept.
        repository: The repository.
        commit: A commit of its mirror, on the main line or beside it.
        dataflow: Name of the dataflow; None: the one that has the outputs.
        outputs: Features or parts of them, `name` or `module:name`; none: those the dataflow declares.
        config: Added to the configuration that the dataflow declares, and stronger.
        inputs: By the name of a source, the file that takes its place: a text is a path in the
            repository, a `FileAt` one of another commit, an `Upload` a file that was kept before
            (`uploads.keep_files` keeps those of the caller's machine). By any other name, a file is one more
            source, and anything else the value of that input, as JSON.
        save: File format in which to save the table as a dataset version; None: do not save.
        requested_by: Who asks.
        now: The present instant.
        dataset: Name of the dataset; by default the dataflow's.
        options: How it is executed.

    Raises:
        NotFound: There is no such dataflow, output, configuration key, input, file, environment, sink or
            executor.
        Conflict: Several dataflows have the outputs, a value cannot be taken, or the repository may not use
            the executor.
        RepositoryError: The mirror cannot be read.
    """
    commit = kept_commit(session, settings, repository, commit)
    moment = Moment(session, settings, repository, commit)
    chosen = choose_dataflow(moment, dataflow, outputs)
    names = chosen.names_of(outputs)
    partitions = moment.snapshot.declared.partitions.get(chosen.name)
    chosen.require_config(config)
    for name, value in config.items():
        _require_storable(name, value)
    if save is not None and save not in FORMATS.values():
        raise Conflict(f"A table cannot be saved as '{save}'. Choose one of: {listed(FORMATS.values())}.")
    options = options or RunOptions()
    require_executor(settings, repository, options.executor)
    chosen.require_env(options.env)
    taken = _inputs(session, settings, repository, chosen, inputs, now)
    _require_sinks(chosen, options, save)
    _require_one(options.saver, names, save)
    if options.relay is not None:
        require_relay(chosen, options.relay, chosen.env_of(options.env))
    configured = {**chosen.view.config, **config}
    if partitions is not None:
        filled = {name: chosen.view.sinks[name] for name in options.sinks}
        partitions.require(configured, {**chosen.view.sources, **filled})
    run = Run(
        repository_id=repository.id,
        commit_id=commit.id,
        dataflow=chosen.name,
        outputs=list(dict.fromkeys(names)),
        config=configured,
        inputs=taken,
        environment={},
        env=chosen.env_of(options.env),
        executor=options.executor,
        sample=options.sample,
        note=options.note,
        # Before anybody can look at it: what is given to it may be personal, too.
        personal=personal_names(moment, chosen.name, names, (*configured, *taken)),
    )
    payload: dict[str, Any] = {
        "save": save,
        "dataset": dataset or chosen.name,
        "sinks": list(options.sinks),
        "use_kept": options.use_kept,
        "saver": options.saver,
        "profile": options.profile,
    }
    if options.relay is not None:
        payload["relay"] = options.relay.as_dict()
    if again := touched_erasures(moment, chosen.view, configured, taken, names):
        payload["erasures"] = again
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


def _inputs(
    session: Session,
    settings: Settings,
    repository: Repository,
    flow: DataflowAt,
    inputs: Mapping[str, Any],
    now: int,
) -> dict[str, dict[str, Any]]:
    """Return what a run is given as the store has it, having noted that it needs the files among it."""
    found: dict[str, dict[str, Any]] = {}
    for name, given in inputs.items():
        if isinstance(given, Upload):
            require_kept(session, settings, repository.id, given)
            note_used(session, repository.id, [given.sha256], now)
        found[name] = _input(flow, name, given)
    return found


def _input(flow: DataflowAt, name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, Upload):
        return {"path": value.name, "upload": True, "sha256": value.sha256}
    if name in flow.view.sources:
        return _source_input(name, value)
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


def _require_one(saver: str, outputs: Sequence[str], save: str | None) -> None:
    if saver and save is not None:
        raise Conflict("Either the table is saved in a format, or one value by a saver: not both in one run.")
    if saver and len(outputs) != 1:
        raise Conflict(
            f"The saver '{saver}' saves one value, and these are {len(outputs)} outputs: {listed(outputs)}. "
            "Ask for each in a run of its own."
        )


def _require_sinks(flow: DataflowAt, options: RunOptions, save: str | None) -> None:
    known = flow.view.sinks
    for name in options.sinks:
        if name not in known:
            raise NotFound(
                f"Dataflow '{flow.name}' has no sink '{name}'.{did_you_mean(name, known)} "
                f"It has: {listed(known) or 'none'}."
            )
    if not options.sinks:
        return
    if save is None:
        raise Conflict("Only a saved table goes to a sink. Say in which format to save it.")
    try:
        require_format(places_of(known, options.sinks, flow.env_of(options.env)), save)
    except InvalidInput as error:
        raise Conflict(str(error)) from error


def _source_input(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, FileAt):
        return {key: told for key, told in asdict(value).items() if told is not None}
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
