"""Perform a run: export the commit, let a sandboxed runner execute the features, and keep what came out.

This side is trusted and imports no feature code; it reads what the runner wrote with suspicion.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog import interpreters, jobs, relays, run_clusters, sandbox
from headwater_catalog.dataset_files import sweep_files
from headwater_catalog.definitions_at import DefinitionReader
from headwater_catalog.discreet_failures import plain_reason, vouched, withheld
from headwater_catalog.errors import JobError, QuotingError
from headwater_catalog.git import GitSource
from headwater_catalog.handed_values import HANDED
from headwater_catalog.handover import open_folder, take_file
from headwater_catalog.interruption import until_late
from headwater_catalog.jobs import LeasedJob
from headwater_catalog.relays import Taken
from headwater_catalog.removal import remove_folder
from headwater_catalog.reports import Report, read_report, storable
from headwater_catalog.reproduce import compare_again, require_original, require_same_inputs
from headwater_catalog.results import TABLE, save_table
from headwater_catalog.run_endings import Ended, write_end
from headwater_catalog.run_executors import cluster_of_run
from headwater_catalog.run_recording import PROGRESS, RESULT
from headwater_catalog.run_sources import BroughtSource, bring_sources, copy_from_commits, inputs_used
from headwater_catalog.run_tasks import Task, task_of
from headwater_catalog.run_watch import Watch
from headwater_catalog.runner import Request
from headwater_catalog.sandbox import Access, Limits, Outcome
from headwater_catalog.sinks import deliver
from headwater_catalog.store.models import Job, Run
from headwater_catalog.value_comparison import compare_values, kept_table, sweep_tables
from headwater_catalog.value_store import folder_of

if TYPE_CHECKING:
    from headwater_catalog.clusters_of_runs import ClusterOfRun
    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["execute", "sweep"]

_VALUES: Final = "values"
_WORK_FOLDER: Final = re.compile(r"run-(?P<job>[0-9]{1,9})-.+")


def execute(
    database: Database,
    settings: Settings,
    leased: LeasedJob,
    *,
    limits: Limits | None = None,
    stopping: Callable[[], str | None] = lambda: None,
    tell: Callable[[Mapping[str, Any]], None] | None = None,
    definitions: DefinitionReader | None = None,
) -> None:
    """Perform the run of a leased job, and end the job.

    Args:
        database: The catalog.
        settings: Where its files are.
        leased: The job of the run.
        limits: What the feature code may use, and who opens what it made; None: as the settings say.
        stopping: Asked several times a second; a sentence that it returns ends the run.
        tell: Told how far the run is, beside the job: `done`, `total` and the `node` last computed.
        definitions: Gives the definitions of commits, by which values of earlier runs are found; one that is
            given again and again remembers those of other commits.

    Raises:
        LeaseLost: The job was cancelled or taken away; nothing of it was kept.
        CatalogError: The run could not be begun; the job is not ended yet.
    """
    if limits is not None:
        settings = replace(settings, runs=replace(settings.runs, limits=limits))
    with database.read() as session:
        task = task_of(database, session, settings, leased, definitions or DefinitionReader())
    asked_of = (task.repository, task.executor)
    cluster = cluster_of_run(settings, *asked_of, is_trusted=task.is_trusted)
    settings = replace(settings, data=settings.data.of(task.repository))
    if task.again is not None:
        require_original(database, settings, task.run_id)
    with _work_folder(settings, leased) as place:
        tree, folder = place / "tree", place / "own"  # what the feature code may read, and may write
        made = place / "made"  # and what it never has
        folder.mkdir()
        made.mkdir()
        with GitSource(task.mirror) as source:
            source.export_tree(task.sha, tree)
            copy_from_commits(source, task.inputs, place)
        then = None if task.again is None else task.again["inputs"]
        asked = (settings, task.sources, task.inputs, place)
        most = settings.runs.limits.wall_seconds
        until = until_late(stopping, most, f"Its sources were not there after {most:g} seconds.")
        try:
            sources = bring_sources(*asked, env=task.env, sample=task.sample, then=then, until=until)
        except QuotingError as error:
            refused = _refused(Ended(None, "", "", {}, None, {}), error, task)
            write_end(database, settings, leased, task, refused, None, None)
            return
        if task.again is not None:
            require_same_inputs(task.again, {name: each.sha256 for name, each in sources.items()})
        kept = _kept(settings, task, place, folder, sources)
        handed = _handed(database, settings, task, place, sources)
        computing = None if cluster is None else run_clusters.computing(cluster, task.run_id)
        _request(task, tree, sources, kept, handed, computing).write(folder)
        watch = Watch(database, leased, folder / PROGRESS, stopping, tell)
        with interpreters.of_commit(settings, place, tree, stopping) as interpreter:
            reads = [*interpreter.reads, tree, *_readable(sources, kept, handed)]
            reads += [] if computing is None else run_clusters.readable(computing)
            access = Access(reads, task.is_trusted, settings.runs.users)
            # What is computed again must not come out alike by chance: by the seed of its process.
            runner = interpreter.runner(folder, _names_at(tree, task.roots), is_apart=task.again is not None)
            outcome = sandbox.run(runner, folder, settings.runs.limits, watch, access)
            if computing is not None and (outcome.reason or not (folder / RESULT).exists()):
                run_clusters.end_on_cluster(computing, interpreter, place, access, settings)
        report, reason = _discreet(*_judge(folder, outcome), task, tree)
        log = outcome.log.replace(f"{tree}/", "")  # paths as they are in the repository
        if cluster is not None and computing is not None:
            told = (cluster, computing, log, reason, report)
            log, reason, report = run_clusters.without_address(*told)
        held = [measure.as_dict() for measure in outcome.measures]
        around = {"isolation": held, "built_from": interpreter.built_from}
        made_by = {node: taken.run for node, taken in handed.items()}
        values = folder / _VALUES if kept else None
        ended = Ended(report, reason, log, sources, values, around, handed=made_by)
        if task.made and not reason:
            _take_over(task.made, folder, made)
        _keep(database, settings, leased, task, made, ended, watch, folder)


def sweep(database: Database, settings: Settings) -> None:
    """Remove what lost workers left behind: work folders, and files that nobody knows of."""
    for folder in (settings.home / "work").glob("run-*-*"):
        named = _WORK_FOLDER.fullmatch(folder.name)
        with database.read() as session:
            job = session.get(Job, int(named["job"])) if named else None
        if job is None or job.state != jobs.State.RUNNING:
            remove_folder(folder)
    relays.sweep(settings)
    with database.read() as session:
        sweep_tables(session, settings)
    sweep_files(database, settings)


@contextlib.contextmanager
def _work_folder(settings: Settings, leased: LeasedJob) -> Iterator[Path]:
    place = settings.home / "work"
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"run-{leased.id}-", dir=place)).resolve()
    try:
        yield folder
    finally:
        remove_folder(folder)


def _names_at(tree: Path, roots: Iterable[str]) -> frozenset[str]:
    """Return the first parts of the names of all modules that can be imported from the roots in a tree."""
    found = set[str]()
    for root in roots:
        with contextlib.suppress(OSError):  # the runner says what is wrong with it
            found |= {entry.name.partition(".")[0] for entry in os.scandir(tree / root)}
    return frozenset(found)


def _request(
    task: Task,
    tree: Path,
    sources: Mapping[str, BroughtSource],
    kept: dict[str, Any] | None,
    handed: Mapping[str, Taken],
    computing: ClusterOfRun | None,
) -> Request:
    return Request(
        tree=str(tree),
        dataflow=task.dataflow,
        roots=task.roots,
        modules=task.modules,
        config=task.config,
        sources={name: source.declared for name, source in sources.items()},
        files={name: str(source.file) for name, source in sources.items()},
        inputs={name: given["value"] for name, given in task.inputs.items() if "value" in given},
        outputs=task.outputs,
        executor=task.executor,
        sample=task.sample,
        save=task.made,
        saver=task.saver,
        needs_table=task.save is not None or task.again is not None,
        kept=kept,
        network=task.is_trusted,
        profile=task.profile,
        handed={node: str(taken.file) for node, taken in handed.items()},
        hand_on=task.relay is not None and task.relay.hand_on,
        cluster=None if computing is None else asdict(computing),
    )


def _handed(
    database: Database, settings: Settings, task: Task, place: Path, sources: Mapping[str, BroughtSource]
) -> dict[str, Taken]:
    """Bring the values that other runs of a relay have handed on to this one.

    Raises:
        JobError: One is not there, is of something else, or is of no run of this catalog.
    """
    if task.relay is None or task.relay_place is None or not task.relay.take:
        return {}
    digests = {name: source.sha256 for name, source in sources.items()}
    where = (settings.data, task.relay_place, task.relay.take)
    found = relays.take(*where, task.agreed(), digests, place / "handed")
    with database.read() as session:
        for node, taken in found.items():
            made = session.get(Run, taken.run)
            handed: Mapping[str, Mapping[str, str]] = {}
            if made is not None and made.repository_id == task.repository_id:
                handed = made.job.payload.get("handed_on", {})
            # So who may write to the place can make no run execute what is theirs.
            if node not in handed or handed[node]["told"] != taken.told_sha256:
                raise JobError(
                    f"The value of '{node}' says that run {taken.run} has handed it on, of which this "
                    "catalog knows nothing. All runs of a relay are of one catalog, and they alone write "
                    "what lies there."
                )
    return found


def _readable(
    sources: Mapping[str, BroughtSource], kept: Mapping[str, Any] | None, handed: Mapping[str, Taken]
) -> list[Path]:
    """Return what a runner reads beside its Python and the tree: sources, and values of earlier runs."""
    files = [*(source.file for source in sources.values()), *(taken.file for taken in handed.values())]
    return files if kept is None else [*files, Path(kept["known"]), Path(kept["definitions"])]


def _kept(
    settings: Settings, task: Task, place: Path, folder: Path, sources: Mapping[str, BroughtSource]
) -> dict[str, Any] | None:
    """Return where values of earlier runs are, and what tells them; None where none are to be used."""
    if not task.use_kept or not task.definitions:
        return None
    known, new = folder_of(settings, task.repository_id), folder / _VALUES
    definitions = place / "definitions.json"
    known.mkdir(parents=True, exist_ok=True)
    definitions.write_text(json.dumps(task.definitions), "utf-8")
    return {
        "known": str(known),
        "new": str(new),
        "most": settings.values_limit,
        "definitions": str(definitions),
        "digests": {name: source.sha256 for name, source in sources.items()},
    }


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


def _discreet(report: Report | None, reason: str, task: Task, tree: Path) -> tuple[Report | None, str]:
    """Return both as lists may tell them to everybody: what feature code says may quote personal data."""
    failure = report.failure if report else None
    if report is None or failure is None or task.personal == []:
        return report, reason
    known = vouched(failure, task.nodes, tree)
    if reason == (failure["message"] or failure["error"]):
        reason = plain_reason(known)
    return replace(report, failure=known), reason


def _refused(ended: Ended, error: JobError, task: Task) -> Ended:
    """Return how a run ended that came to nothing beside its features."""
    if task.personal == [] or not isinstance(error, QuotingError):
        return replace(ended, reason=str(error))
    return replace(ended, reason=withheld(error.plain), withheld=storable(str(error)))


def _take_over(name: str, folder: Path, made: Path) -> None:
    """Move what a runner has made out of its folder, if it left that; who needs it says so if not."""
    with contextlib.suppress(OSError), open_folder(folder) as held:
        take_file(name, held, made / name)


def _keep(
    database: Database,
    settings: Settings,
    leased: LeasedJob,
    task: Task,
    folder: Path,
    ended: Ended,
    watch: Watch,
    own: Path,
) -> None:
    """Write what came of a run, with the end of its job."""
    try:
        with contextlib.ExitStack() as stack:
            saved = None
            if not ended.reason and task.save and ended.report is not None:
                inputs = inputs_used(task.inputs, ended.sources, ended.report.sources)
                saving = (folder, task.save, task.dataset, ended.report, task.recipe(), inputs, watch)
                saved = stack.enter_context(save_table(database, settings, task.run_id, *saving))
                if task.sinks:  # nobody takes back what is elsewhere: the job must be ours until then
                    with database.write() as session:
                        jobs.renew(session, leased)
                schema = saved.stamp.get("schema")
                file = settings.home / saved.path
                deliver(settings.data, task.sinks, file, saved.format, schema, settings.runs)
            if (
                not ended.reason
                and ended.report is not None
                and task.relay is not None
                and task.relay.hand_on
            ):
                with database.write() as session:
                    jobs.renew(session, leased)
                ended = replace(ended, handed_on=_hand_on(settings, task, own, folder, ended))
            verdict = None
            if not ended.reason and task.again is not None and ended.report is not None:
                told = (folder, task.made or TABLE, ended.report.environment, watch)
                verdict = compare_again(database, settings, task.run_id, *told)
            if not ended.reason and ended.report is not None:
                if task.is_awaited:
                    stack.enter_context(kept_table(settings, task.run_id, folder / TABLE))
                if task.is_compared:
                    both = (folder, TABLE, ended.report, watch)
                    verdict = compare_values(database, settings, task.run_id, *both)
            write_end(database, settings, leased, task, ended, saved, verdict)
    except JobError as error:
        if isinstance(error, jobs.LeaseLost) or ended.reason:
            raise
        write_end(database, settings, leased, task, _refused(ended, error, task), None, None)


def _hand_on(
    settings: Settings, task: Task, own: Path, made: Path, ended: Ended
) -> dict[str, dict[str, str]]:
    """Hand the values of outputs on to other runs, with all that they follow from; return their hashes."""
    assert task.relay is not None and task.relay_place is not None and ended.report is not None
    used = {name: ended.sources[name].sha256 for name in ended.report.sources if name in ended.sources}
    told = {**task.agreed(), "run": task.run_id, "sources": used}
    taken = set(task.relay.take)
    nodes = {name: str(number) for number, name in enumerate(task.outputs) if name not in taken}
    return relays.hand_on(settings.data, task.relay_place, nodes, own / HANDED, made, told)
