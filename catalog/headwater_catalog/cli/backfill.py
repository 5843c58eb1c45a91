"""The command that computes the partitions of a dataflow that lack their dataset, or have a stale one."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.failures import FINDINGS
from headwater_catalog.cli.output import json_option, print_json, print_table, say
from headwater_catalog.cli.runs import perform_run, who_asks

if TYPE_CHECKING:
    from headwater_catalog.backfill import PartitionState

__all__ = ["backfill"]

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("dataflow")
@click.option("--repo", help="The repository; needed where the catalog follows several.")
@click.option("--from", "since", type=_DAY, help="The first partition, by its first day.")
@click.option("--to", "until", type=_DAY, help="The last partition; else the last that is over.")
@click.option("--env", help="The environment whose sources and sinks count; the usual one unless given.")
@click.option("--all", "everything", is_flag=True, help="Also the fresh ones: data elsewhere may be new.")
@click.option("--dry-run", is_flag=True, help="Only tell how they stand.")
@click.option("--limit", type=click.IntRange(1), help="How many to compute at most, the oldest first.")
@click.option("--sink", "sinks", multiple=True, help="A sink that each table goes to besides.")
@json_option
@pass_workspace
def backfill(
    workspace: Workspace,
    dataflow: str,
    repo: str | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    env: str | None,
    everything: bool,
    dry_run: bool,
    limit: int | None,
    sinks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compute the partitions of DATAFLOW that lack their dataset, or have one that is stale.

    One is stale where a column means something else at main, where a file of the repository that it read is
    another, and where outputs, configuration or sources are. Each is a run, saved as Parquet under the name
    of the dataflow. It goes on after one that fails, and ends with 1.

    JSON: partitions (day, state, run, because, unknown: sources elsewhere that were not looked at), computed
    (day, run, state, error).
    """
    if workspace.remote:
        raise click.UsageError("backfill needs the catalog of this machine: leave out --remote.")
    days = (None if day is None else day.date().isoformat() for day in (since, until))
    states = _states(workspace, dataflow, repo, (*days, env))
    due = [each.day for each in states if everything or each.state != "fresh"][:limit]
    if not as_json:
        _print(states)
    done = [] if dry_run else [_compute(workspace, dataflow, repo, day, env, sinks) for day in due]
    if as_json:
        print_json({"partitions": [asdict(each) for each in states], "computed": done})
    if any(each["state"] != "succeeded" for each in done):
        click.get_current_context().exit(FINDINGS)


def _states(
    workspace: Workspace, dataflow: str, repo: str | None, asked: tuple[str | None, ...]
) -> tuple[PartitionState, ...]:
    from headwater_catalog.backfill import partition_states

    with workspace.place(repo, None) as place:
        return partition_states(place, dataflow, *asked)


def _compute(
    workspace: Workspace, dataflow: str, repo: str | None, day: str, env: str | None, sinks: tuple[str, ...]
) -> dict[str, Any]:
    """Run a partition at the scanned head, and tell what came of it."""
    from headwater_catalog.repositories import get_repository, resolve_at
    from headwater_catalog.run_options import RunOptions
    from headwater_catalog.runs import get_run, request_run

    with workspace.place(repo, None) as place:
        name, sha = place.repository.name, place.commit.sha
        key = place.snapshot.declared.partitions[dataflow].key
    with workspace.database.write() as session:
        owner = get_repository(session, name)
        commit = resolve_at(session, workspace.settings, owner, sha)
        options = RunOptions(env=env, sinks=sinks, note=f"backfill of {key}={day}")
        config: dict[str, Any] = {key: day}
        inputs: dict[str, Any] = {}
        asked = (dataflow, (), config, inputs, "parquet", who_asks(), now())
        run = request_run(session, workspace.settings, owner, commit, *asked, options=options)
        number, job = run.id, run.job_id
    perform_run(workspace, number, job)
    with workspace.reading() as session:
        found = get_run(session, number)
        told = {"day": day, "run": number, "state": found.job.state, "error": found.job.error}
    why = f": {found.job.error}" if found.job.error else ""
    say(f"{day}: run {number} {found.job.state}{why}")
    return told


def _print(states: Sequence[PartitionState]) -> None:
    rows = [
        (
            *(each.day, each.state, str(each.run or "")),
            "; ".join((*each.because, *(f"'{name}' was not looked at" for name in each.unknown))),
        )
        for each in states
    ]
    if rows:
        print_table(("PARTITION", "STATE", "RUN", "BECAUSE"), rows)
    else:
        say("No partition is over yet.")
