"""The commands that execute features, and the worker."""

from __future__ import annotations

import getpass
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.failures import FINDINGS, Failure, Findings
from headwater_catalog.cli.output import json_option, print_json, progress_bar, say
from headwater_catalog.cli.run_asked import (
    RunAsked,
    executor_option,
    local,
    pairs,
    relay_asked,
    saved_format,
    value,
)
from headwater_catalog.cli.run_output import print_run, why_it_failed
from headwater_catalog.cli.working_trees import taken_changes, tell_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headwater_catalog.dataflows import DataflowAt
    from headwater_catalog.moments import Moment

__all__ = [
    "cancel",
    "chosen_inputs",
    "perform_run",
    "run",
    "who_asks",
    "worker",
]

_POLL_SECONDS: Final = 0.5


@click.command()
@click.argument("outputs", metavar="[OUTPUT]...", nargs=-1)
@click.option("--repo", help="Repository of the features; needed where their names are not unique.")
@click.option("--dataflow", help="Dataflow to execute; needed where several have the outputs.")
@click.option("--at", help="Commit, tag or branch to execute; the scanned head unless given.")
@click.option("--config", metavar="K=V", multiple=True, help="A configuration value: JSON, else a text.")
@click.option(
    "--input",
    "inputs",
    metavar="N=PATH|VALUE",
    multiple=True,
    help="A data file, in place of the source N or as one more source; or the value of the input N: JSON, "
    "else a text.",
)
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the table as a dataset version, and write a copy here: .csv, .json, .parquet or .arrow.",
)
@click.option(
    "--saver",
    default="",
    help="Keep the one output as a file by this saver of the engine, such as pickle, in place of a table; "
    "--save says where a copy goes.",
)
@click.option(
    "--keep",
    type=click.Choice(["csv", "json", "parquet", "arrow"]),
    help="Keep the table as a dataset version in this format, without a copy here.",
)
@click.option("--no-cache", is_flag=True, help="Compute everything, also what earlier runs computed.")
@click.option("--profile", is_flag=True, help="Keep statistics of what each node makes.")
@click.option("--dataset", help="Name of the dataset; the dataflow's unless given.")
@click.option("--sink", "sinks", multiple=True, help="A sink of the dataflow that the table goes to besides.")
@click.option("--query", help="Add the features that meet a query to the outputs.")
@click.option("--env", help="The environment whose sources and sinks count; the usual one unless given.")
@executor_option
@click.option("--sample", type=click.IntRange(1, 2**31 - 1), help="Read only the first rows of each source.")
@click.option("--note", default="", help="Why, for whoever looks at the run later.")
@click.option("--relay", metavar="KEY", help="Take part in an execution of the dataflow in several runs.")
@click.option("--through", default="", help="The sink, a folder, in which the relay hands values on.")
@click.option("--take", multiple=True, help="A node whose value an earlier run of the relay has handed on.")
@click.option("--quiet", is_flag=True, help="Print no values: only where they are, and failed checks.")
@click.option("--hand-on", is_flag=True, help="Hand the values of the outputs on to later runs of the relay.")
@click.option(
    "--with-changes",
    is_flag=True,
    help="Execute the working tree as it is: that around here, or that which the repository was added from.",
)
@json_option
@pass_workspace
def run(
    workspace: Workspace,
    outputs: tuple[str, ...],
    repo: str | None,
    dataflow: str | None,
    at: str | None,
    config: tuple[str, ...],
    inputs: tuple[str, ...],
    save: Path | None,
    saver: str,
    no_cache: bool,
    profile: bool,
    dataset: str | None,
    sinks: tuple[str, ...],
    query: str | None,
    env: str | None,
    executor: str,
    sample: int | None,
    note: str,
    keep: str | None,
    relay: str | None,
    through: str,
    take: tuple[str, ...],
    hand_on: bool,
    quiet: bool,
    with_changes: bool,
    as_json: bool,
) -> None:
    """Execute features at a commit: each OUTPUT is a name or module:name.

    Without OUTPUT, the outputs that the dataflow declares. The feature code runs in a process of its own,
    from an export of the commit.

    The columns of sources become inputs. A repository that declares no sources is run on a file by
    --input people=people.csv, where "people" is any name.

    Values that earlier runs computed stand in place of computing them again where they would come out the
    same; docs/caching.md says when.

    With --relay, several runs execute one dataflow together: --hand-on keeps the values of the outputs for
    the others, and --take has some of those in place of computing them; docs/compile.md tells more.

    With --with-changes, changed files and new ones that are not ignored are taken along, as a commit of no
    branch that the catalog keeps. Without it, they are told.

    JSON: id, state, error, repository, commit, dataflow, outputs, reported, requested_by, note, created_at,
    started_at, finished_at, progress, changes_on, failure, config, env, executor, sample, inputs, table
    (columns, rows, row_count), values, nodes (name, seconds, begun, summary, kept_from, profile), checks,
    environment, personal, erasures, masked, dataset, log, origin.
    """
    if with_changes:
        if at is not None:
            raise click.UsageError("--with-changes executes the working tree: leave out --at.")
        if workspace.remote:
            raise click.UsageError("--with-changes needs the catalog of this machine: leave out --remote.")
        repo, at = taken_changes(workspace, repo, who_asks())
    joined = relay_asked(relay, through, take, hand_on)
    if keep is not None and (save is not None or saver):
        raise click.UsageError("--keep says the format alone: leave it out beside --save and --saver.")
    settings = {key: value(text) for key, text in pairs(config, "--config").items()}
    asked = RunAsked(
        *(outputs, repo, dataflow, at, query, settings, pairs(inputs, "--input")),
        *(
            saved_format(save, saver) if save is not None else keep,
            dataset,
            env,
            executor,
            sample,
            note,
            sinks,
        ),
        use_kept=not no_cache,
        saver=saver,
        profile=profile,
        relay=joined,
    )
    there = workspace.remote.runs if workspace.remote else None
    told = there.run(asked) if there else _run_here(workspace, asked)
    if save is not None and told["dataset"] is not None:
        _save(told, save, there.copy if there else _Kept(workspace).copy)
    if as_json:
        print_json(told)
        if told["state"] != "succeeded":
            click.get_current_context().exit(FINDINGS)
        return
    if told["state"] != "succeeded":
        raise Findings(why_it_failed(told))
    print_run({**told, "table": None, "values": []} if quiet else told, save)


@click.command()
@click.argument("number", metavar="RUN", type=click.IntRange(1, 2**31 - 1))
@pass_workspace
def cancel(workspace: Workspace, number: int) -> None:
    """Cancel a run that waits or goes on; RUN is its number."""
    if workspace.remote:
        workspace.remote.runs.cancel(number)
    else:
        _cancel_here(workspace, number)
    say(f"Run {number} is cancelled.")


def _cancel_here(workspace: Workspace, number: int) -> None:
    from headwater_catalog import jobs
    from headwater_catalog.runs import get_run

    with workspace.database.write() as session:
        jobs.cancel(session, get_run(session, number).job_id, who_asks())


@click.command()
@click.option("--once", is_flag=True, help="End when no job is queued.")
@pass_workspace
def worker(workspace: Workspace, once: bool) -> None:
    """Work off queued scans and runs, until stopped by a signal."""
    from headwater_catalog.worker import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    serve(workspace.database, workspace.settings, once=once)


def _run_here(workspace: Workspace, asked: RunAsked) -> dict[str, Any]:
    from headwater_catalog.answers.runs import run_json
    from headwater_catalog.datasets import version_of_run
    from headwater_catalog.runs import get_run

    run_id, job_id = _request(workspace, asked)
    perform_run(workspace, run_id, job_id)
    with workspace.reading() as session:
        found, version = get_run(session, run_id), version_of_run(session, run_id)
        return run_json(found, version, sees_personal=True)  # whoever has the files has it all


def _request(workspace: Workspace, asked: RunAsked) -> tuple[int, int]:
    """Queue a run, and return its number and that of its job."""
    from headwater_catalog.repositories import get_repository, resolve_at
    from headwater_catalog.run_options import RunOptions
    from headwater_catalog.runs import request_run
    from headwater_catalog.uploads import keep_files, note_uploads

    options = RunOptions(
        *(asked.env, asked.executor, asked.sample, asked.note, asked.sinks),
        use_kept=asked.use_kept,
        saver=asked.saver,
        profile=asked.profile,
        relay=asked.relay,
    )
    with _place(workspace, asked) as place:
        if asked.at is None:
            tell_changes(workspace, place)
        repository, sha = place.repository.name, place.commit.sha
        outputs = [local(o) for o in (*asked.outputs, *_selected(place, asked))]
        dataflow, given = chosen_inputs(place, asked.dataflow, outputs, asked.inputs)
    [inputs] = keep_files(workspace.settings, given)
    with workspace.database.write() as session:
        owner = get_repository(session, repository)
        note_uploads(session, owner.id, inputs.values(), now())
        commit = resolve_at(session, workspace.settings, owner, sha)
        what = (owner, commit, dataflow, outputs, asked.config, inputs, asked.save, who_asks(), now())
        requested = request_run(session, workspace.settings, *what, dataset=asked.dataset, options=options)
        return requested.id, requested.job_id


@contextmanager
def _place(workspace: Workspace, asked: RunAsked) -> Iterator[Moment]:
    # The first output tells the repository, where more than one is followed.
    repo, at = asked.repo, asked.at
    first = next(iter(asked.outputs), None)
    with workspace.place_of(first, repo, at) if first else workspace.place(repo, at) as place:
        yield place


def _selected(place: Moment, asked: RunAsked) -> list[str]:
    from headwater_catalog.selection import select_outputs

    return select_outputs(place, asked.query, asked.dataflow) if asked.query else []


def chosen_inputs(
    place: Moment, dataflow: str | None, outputs: Sequence[str], given: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Return the dataflow's name, and the inputs: files for sources, values for others."""
    from headwater_catalog.dataflows import choose_dataflow

    flow = choose_dataflow(place, dataflow, outputs)
    return flow.name, {
        name: Path(text) if _is_source(flow, name, text) else value(text) for name, text in given.items()
    }


def _is_source(flow: DataflowAt, name: str, text: str) -> bool:
    """Tell whether an input is a file of columns: of a declared source, or else by what it looks like."""
    from headwater_catalog.sources import FORMATS

    if name in flow.view.sources:
        return True
    file = Path(text)
    return file.suffix.lower() in FORMATS and (file.is_file() or name not in flow.reads)


def perform_run(workspace: Workspace, run_id: int, job_id: int) -> None:
    """Perform the run here; where a worker was quicker, wait for it.

    Commands may be all that works with a catalog, called by an orchestrator that ends them as it likes: so
    one that is terminated fails its run as by Ctrl-C, and each looks for runs of others that were killed.
    """
    from headwater_catalog.interruption import interrupted_by_termination
    from headwater_catalog.worker import Worker

    with progress_bar(f"Run {run_id}") as update:

        def tell(progress: Mapping[str, Any]) -> None:
            update(progress.get("done", 0), progress.get("total", 0), progress.get("node", ""))

        here = Worker(workspace.database, workspace.settings, tell=tell)
        try:
            with interrupted_by_termination():
                here.take_back()
                if not here.perform_next(job_id):
                    _follow(workspace, job_id, tell)
        finally:
            here.close()


def _follow(workspace: Workspace, job_id: int, tell: Any) -> None:
    from headwater_catalog import jobs

    while True:
        jobs.release_expired(workspace.database)
        with workspace.reading() as session:
            job = jobs.get_job(session, job_id)
        if job.state in jobs.FINISHED:
            return
        tell(job.progress)
        time.sleep(_POLL_SECONDS)


class _Kept:
    """Copies what runs have saved here."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def copy(self, number: int, part: str, into: IO[bytes]) -> None:
        """Write the file that a run has saved, or its stamp."""
        import shutil

        from headwater_catalog.datasets import file_of, note_download, version_of_run
        from headwater_catalog.handover import open_kept
        from headwater_catalog.stamps import stamp_bytes

        with self._workspace.database.write() as session:
            version = version_of_run(session, number)
            assert version is not None
            kept = file_of(self._workspace.settings, version)
            if part == "stamp":
                into.write(stamp_bytes(version.stamp or {}))
                return
            note_download(session, version, (who_asks(), ""), now())  # before it is there
        with open_kept(kept) as file:
            shutil.copyfileobj(file, into)


def _save(told: Mapping[str, Any], path: Path, copy: Callable[[int, str, IO[bytes]], None]) -> None:
    """Copy the saved table to where the user wants it, with the stamp beside it where it is not in it."""
    from headwater_catalog.errors import CatalogError
    from headwater_catalog.stamps import SIDECAR

    run: int = told["id"]
    try:
        if told["dataset"]["format"] not in ("parquet", "arrow"):
            _write_whole(path.with_name(path.name + SIDECAR), lambda file: copy(run, "stamp", file))
        _write_whole(path, lambda file: copy(run, "file", file))
    except (OSError, CatalogError) as error:
        raise Failure(
            f"Run {run} succeeded, and its table is kept as dataset '{told['dataset']['name']}'; but it "
            f"could not be written to {path}: {error}"
        ) from error


def _write_whole(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    from headwater.materialize.files import replacing

    with replacing(path) as made, Path(made).open("wb") as file:
        write(file)


def who_asks() -> str:
    """Return the name of who uses the command line."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "command line"
