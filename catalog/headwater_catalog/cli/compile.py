"""The command that compiles dataflows for orchestrators."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, only_repository, pass_workspace
from headwater_catalog.cli.failures import Failure
from headwater_catalog.cli.output import counted, json_option, print_json, say
from headwater_catalog.cli.run_asked import pairs, value

if TYPE_CHECKING:
    from headwater_catalog.compiled.plans import CompiledPlan
    from headwater_catalog.compiled.reading import CompileAsked

__all__ = ["compile_flows"]


@click.command("compile")
@click.argument("dataflows", metavar="[DATAFLOW]...", nargs=-1)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(["airflow", "argo", "dagster", "prefect", "script", "slurm"]),
    help="What is to execute it.",
)
@click.option("--repo", help="Repository of the dataflows; needed where several are followed.")
@click.option("--at", help="Commit, tag or branch that the file is pinned to; the scanned head unless given.")
@click.option(
    "--by",
    default="dataset",
    show_default=True,
    metavar="dataset|module|tag:KEY|cost",
    help="One task for each dataset, for each module, for each value of a tag, or as many as are worth it by "
    "what nodes took in the last runs.",
)
@click.option(
    "--output", "outputs", multiple=True, help="A node of the dataset; those declared unless given."
)
@click.option("--config", metavar="K=V", multiple=True, help="A configuration value: JSON, else a text.")
@click.option("--env", help="The environment whose sources and sinks count; the usual one unless given.")
@click.option("--format", help="The format of datasets: csv, json, parquet or arrow; else that of the sinks.")
@click.option("--sink", "sinks", multiple=True, help="A sink that the dataset goes to; all unless given.")
@click.option("--no-sinks", is_flag=True, help="The dataset goes to no sink.")
@click.option(
    "--through", default="", help="The sink, a folder, in which tasks hand values on; else the home."
)
@click.option(
    "--executor",
    default="synchronous",
    help="What computes the nodes of a task: synchronous, threads or processes (fan-outs: not the first).",
)
@click.option(
    "--schedule", help="When it runs, in the words of cron, in UTC, as '0 6 * * 1'; as declared unless given."
)
@click.option("--retries", default=2, show_default=True, help="How often a task that failed is tried again.")
@click.option("--retry-seconds", default=60, show_default=True, help="How long after.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the file here; - or nothing prints it.",
)
@json_option
@pass_workspace
def compile_flows(
    workspace: Workspace,
    /,
    dataflows: tuple[str, ...],
    target: str,
    repo: str | None,
    at: str | None,
    config: tuple[str, ...],
    sinks: tuple[str, ...],
    no_sinks: bool,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write a file by which an orchestrator executes dataflows, pinned to a commit.

    Each task is one `headwater run`, which works by hand, too, and which the catalog knows as any other run.
    Without DATAFLOW, the only one. Of several, one that reads what another one's sink writes waits for that.

    The same options at the same commit give the same file, but for --by cost, which looks at the last runs.

    JSON: name, repository, commit, by, schedule, retries, retry_seconds, tasks (name, dataflow, computes,
    outputs, takes, after, command, seconds, saves, needs), file.
    """
    from headwater_catalog.compiled.reading import CompileAsked
    from headwater_catalog.compiled.targets import TARGETS

    if sinks and no_sinks:
        raise click.UsageError("--sink names a sink, and --no-sinks says there is none: keep one of them.")
    settings = {key: value(text) for key, text in pairs(config, "--config").items()}
    asked = CompileAsked(
        dataflows=dataflows, config=settings, sinks=() if no_sinks else sinks or None, **options
    )
    plan = _plan(workspace, repo, at, asked)
    content = TARGETS[target](plan)
    if out is not None and str(out) != "-":
        _write(out, content)
        say(f"{counted(len(plan.tasks), 'task')} of commit {plan.sha[:8]} written to {out}.")
    elif not as_json:
        click.echo(content, nl=False)
    if as_json:
        print_json({**plan.as_dict(), "file": content})


def _plan(workspace: Workspace, repo: str | None, at: str | None, asked: CompileAsked) -> CompiledPlan:
    from headwater_catalog.compiled.reading import plan_at
    from headwater_catalog.moments import Moment
    from headwater_catalog.repositories import kept_commit, resolve_at

    with workspace.database.write() as session:  # so that the commit outlives the branch that it is on
        repository = only_repository(session, repo)
        name = repository.name
        found = resolve_at(session, workspace.settings, repository, at)
        sha = kept_commit(session, workspace.settings, repository, found).sha
    with workspace.reading() as session:
        repository = only_repository(session, name)
        commit = resolve_at(session, workspace.settings, repository, sha)
        return plan_at(Moment(session, workspace.settings, repository, commit), asked)


def _write(path: Path, content: str) -> None:
    from headwater.materialize.files import replacing, write_bytes

    try:
        with replacing(path) as made:
            write_bytes(made, content.encode())
    except OSError as error:
        raise Failure(f"The file cannot be written to {path}: {error}.") from error
