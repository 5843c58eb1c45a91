"""The commands that execute features, and the worker."""

from __future__ import annotations

import getpass
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.failures import FINDINGS, Failure, Findings
from headwater_catalog.cli.output import (
    clean,
    counted,
    duration,
    json_option,
    print_json,
    print_table,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headwater_catalog.dataflows import DataflowAt
    from headwater_catalog.moments import Moment
    from headwater_catalog.run_options import RunOptions
    from headwater_catalog.store.models import DatasetVersion, Run

__all__ = ["cancel", "perform_run", "run", "who_asks", "worker"]

_LOG_LINES: Final = 20
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
@click.option("--no-cache", is_flag=True, help="Compute everything, also what earlier runs computed.")
@click.option("--profile", is_flag=True, help="Keep statistics of what each node makes.")
@click.option("--dataset", help="Name of the dataset; the dataflow's unless given.")
@click.option("--sink", "sinks", multiple=True, help="A sink of the dataflow that the table goes to besides.")
@click.option("--query", help="Add the features that meet a query to the outputs.")
@click.option("--env", help="The environment whose sources and sinks count; the usual one unless given.")
@click.option(
    "--executor",
    default="synchronous",
    type=click.Choice(["synchronous", "threads", "processes"]),
    help="What computes the nodes: one after the other, side by side, or fan-outs in processes.",
)
@click.option("--sample", type=click.IntRange(1, 2**31 - 1), help="Read only the first rows of each source.")
@click.option("--note", default="", help="Why, for whoever looks at the run later.")
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
    no_cache: bool,
    profile: bool,
    dataset: str | None,
    sinks: tuple[str, ...],
    query: str | None,
    env: str | None,
    executor: str,
    sample: int | None,
    note: str,
    as_json: bool,
) -> None:
    """Execute features at a commit: each OUTPUT is a name or module:name.

    Without OUTPUT, the outputs that the dataflow declares. The feature code runs in a process of its own,
    from an export of the commit.

    The columns of sources become inputs. A repository that declares no sources is run on a file by
    --input people=people.csv, where "people" is any name.

    Values that earlier runs computed stand in place of computing them again where they would come out the
    same; docs/caching.md says when.

    JSON: id, state, error, repository, commit, dataflow, outputs, requested_by, note, created_at, started_at,
    finished_at, failure, config, env, executor, sample, inputs, table (columns, rows, row_count), values,
    nodes (name, seconds, begun, summary, kept_from, profile), checks, environment, personal, masked, dataset,
    log.
    """
    from headwater_catalog.run_options import RunOptions

    options = RunOptions(env, executor, sample, note, sinks, not no_cache, profile)
    save_format = _format(save) if save is not None else None
    with _place(workspace, outputs, repo, at) as place:
        repository, sha = place.repository.name, place.commit.sha
        outputs = (*outputs, *_selected(place, query, dataflow))
        flow_name, given = _chosen(place, dataflow, [_local(o) for o in outputs], _pairs(inputs, "--input"))
    settings = {key: _value(text) for key, text in _pairs(config, "--config").items()}
    named = [_local(output) for output in outputs]
    run_id, job_id = _request(
        workspace, repository, sha, flow_name, named, settings, given, save_format, dataset, options
    )
    perform_run(workspace, run_id, job_id)
    found, version = _result(workspace, run_id)
    if save is not None and version is not None:
        _copy(workspace, version, save)
    if as_json:
        from headwater_catalog.answers.runs import run_json

        print_json(run_json(found, version, sees_personal=True))  # whoever has the files has it all
        if found.job.state != "succeeded":
            click.get_current_context().exit(FINDINGS)
        return
    if found.job.state != "succeeded":
        raise Findings(_why(found))
    _print(found, save)


@click.command()
@click.argument("number", metavar="RUN", type=click.IntRange(1, 2**31 - 1))
@pass_workspace
def cancel(workspace: Workspace, number: int) -> None:
    """Cancel a run that waits or goes on; RUN is its number."""
    from headwater_catalog import jobs
    from headwater_catalog.runs import get_run

    with workspace.database.write() as session:
        jobs.cancel(session, get_run(session, number).job_id, who_asks())
    say(f"Run {number} is cancelled.")


@click.command()
@click.option("--once", is_flag=True, help="End when no job is queued.")
@pass_workspace
def worker(workspace: Workspace, once: bool) -> None:
    """Work off queued scans and runs, until stopped by a signal."""
    from headwater_catalog.worker import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    serve(workspace.database, workspace.settings, once=once)


@contextmanager
def _place(
    workspace: Workspace, outputs: Sequence[str], repo: str | None, at: str | None
) -> Iterator[Moment]:
    # The first output tells the repository, where more than one is followed.
    named = workspace.place_of(outputs[0], repo, at) if outputs else workspace.place(repo, at)
    with named as place:
        yield place


def _selected(place: Moment, query: str | None, dataflow: str | None) -> list[str]:
    from headwater_catalog.selection import select_outputs

    return select_outputs(place, query, dataflow) if query else []


def _local(output: str) -> str:
    """Return an output without the repository before it."""
    return output.partition(":")[2] if output.count(":") == 2 else output


def _chosen(
    place: Moment, dataflow: str | None, outputs: Sequence[str], given: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Return the dataflow's name, and the inputs: files for sources, values for others."""
    from headwater_catalog.dataflows import choose_dataflow

    flow = choose_dataflow(place.session, place.repository, place.require_position(), dataflow, outputs)
    return flow.name, {
        name: Path(text) if _is_source(flow, name, text) else _value(text) for name, text in given.items()
    }


def _is_source(flow: DataflowAt, name: str, text: str) -> bool:
    """Tell whether an input is a file of columns: of a declared source, or else by what it looks like."""
    from headwater_catalog.sources import FORMATS

    if name in flow.version.sources:
        return True
    file = Path(text)
    return file.suffix.lower() in FORMATS and (file.is_file() or name not in flow.reads)


def _request(
    workspace: Workspace,
    repository: str,
    sha: str,
    dataflow: str,
    outputs: Sequence[str],
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    save: str | None,
    dataset: str | None,
    options: RunOptions,
) -> tuple[int, int]:
    from headwater_catalog.repositories import get_repository, resolve_at
    from headwater_catalog.runs import request_run

    with workspace.database.write() as session:
        owner = get_repository(session, repository)
        commit = resolve_at(session, workspace.settings, owner, sha)
        requested = request_run(
            session,
            workspace.settings,
            owner,
            commit,
            dataflow,
            outputs,
            config,
            inputs,
            save,
            who_asks(),
            now(),
            dataset=dataset,
            options=options,
        )
        return requested.id, requested.job_id


def perform_run(workspace: Workspace, run_id: int, job_id: int) -> None:
    """Perform the run here; where a worker was quicker, wait for it."""
    from headwater_catalog.worker import Worker

    with progress_bar(f"Run {run_id}") as update:

        def tell(progress: Mapping[str, Any]) -> None:
            update(progress.get("done", 0), progress.get("total", 0), progress.get("node", ""))

        here = Worker(workspace.database, workspace.settings, tell=tell)
        try:
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


def _result(workspace: Workspace, run_id: int) -> tuple[Run, DatasetVersion | None]:
    from headwater_catalog.datasets import version_of_run
    from headwater_catalog.runs import get_run

    with workspace.reading() as session:
        return get_run(session, run_id), version_of_run(session, run_id)


def _copy(workspace: Workspace, version: DatasetVersion, path: Path) -> None:
    """Copy the saved table to where the user wants it, with the stamp beside it where there is one."""
    from headwater_catalog.datasets import file_of
    from headwater_catalog.stamps import SIDECAR

    kept = file_of(workspace.settings, version)
    beside = kept.with_name(kept.name + SIDECAR)
    try:
        if beside.is_file():
            _copy_whole(beside, path.with_name(path.name + SIDECAR))
        _copy_whole(kept, path)
    except OSError as error:
        raise Failure(
            f"The run succeeded, and its table is kept in {kept}; but it could not be written to {path}: "
            f"{error}."
        ) from error


def _copy_whole(file: Path, path: Path) -> None:
    held: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as copy:
            held = Path(copy.name)
        shutil.copyfile(file, held)
        held.chmod(0o644)
        held.replace(path)
    except OSError:
        if held is not None:
            held.unlink(missing_ok=True)
        raise


def _print(found: Run, save: Path | None) -> None:
    preview = found.preview or {}
    table, values = preview.get("table"), preview.get("values") or []
    if table is not None:
        headers = [column["name"] for column in table["columns"]]
        print_table(headers, [[cell if cell is not None else "" for cell in row] for row in table["rows"]])
        hidden = table["row_count"] - len(table["rows"])
        if hidden > 0:
            say(f"... and {counted(hidden, 'more row')}.")
    for value in values:
        click.echo(clean(f"{value['name']} = {value['text']}"))
    for check in found.checks:
        if not check.passed:
            say(f"Check '{check.validator}' of '{check.node}' did not hold. {check.message}")
    took = duration(sum(node.microseconds for node in found.nodes) / 1_000_000)
    saved = f" Saved to {save}." if save is not None else ""
    say(
        f"Run {found.id}: {counted(len(found.nodes), 'node')} of dataflow '{found.dataflow}' at commit "
        f"{found.commit.sha[:8]} in {took}.{saved}"
    )


def _why(found: Run) -> str:
    """Return why a run failed: the reason, the code that led there, the end of its output."""
    from headwater_catalog.runs import failure_of

    lines = [f"Run {found.id} {found.job.state}: {found.job.error or 'no reason is known.'}"]
    failure = failure_of(found)
    if failure is not None:
        if failure["message"] not in lines[0]:
            lines.append(f"  {failure['message']}")
        lines += [
            f"  {at['path']}:{at['line']} in {at['function']}: {at['code']}" for at in failure["frames"]
        ]
    log = found.log.rstrip().splitlines()[-_LOG_LINES:]
    if log:
        lines += ["Its output ended with:", *(f"  {line}" for line in log)]
    return clean("\n".join(lines))


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE.", param_hint=option)
        if name in pairs:
            raise click.BadParameter(f"'{name}' is given twice.", param_hint=option)
        pairs[name] = value
    return pairs


def _value(text: str) -> Any:
    """Return the JSON value that a text is, else the text."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are no JSON; as texts they say what they are


def _format(save: Path) -> str:
    from headwater.errors import InvalidInput
    from headwater_catalog.sources import format_of

    if not save.parent.is_dir():
        raise click.BadParameter(f"The folder {save.parent} does not exist.", param_hint="--save")
    try:
        return format_of(str(save))
    except InvalidInput as error:
        raise click.BadParameter(str(error), param_hint="--save") from error


def who_asks() -> str:
    """Return the name of who uses the command line."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "command line"
