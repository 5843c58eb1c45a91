"""The command that computes the partitions of a dataflow that lack their dataset, or have a stale one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import click

from headwater_catalog.cli.backfill_asked import BackfillAsked
from headwater_catalog.cli.context import Workspace, now, only_repository, pass_workspace
from headwater_catalog.cli.failures import FINDINGS
from headwater_catalog.cli.output import json_option, print_json, print_table, say
from headwater_catalog.cli.run_asked import executor_option
from headwater_catalog.cli.runs import perform_run, who_asks

__all__ = ["backfill"]

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("dataflow")
@click.option("--repo", help="The repository; needed where the catalog follows several.")
@click.option("--from", "since", type=_DAY, help="The first partition, by its first day.")
@click.option("--to", "until", type=_DAY, help="The last partition; else the last that is over.")
@click.option("--env", help="The environment whose sources and sinks count; the usual one unless given.")
@executor_option
@click.option("--all", "everything", is_flag=True, help="Also the fresh ones: data elsewhere may be new.")
@click.option("--dry-run", is_flag=True, help="Only tell how they stand.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="How many to compute at most, the oldest first; those that failed the last time come last.",
)
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
    executor: str,
    everything: bool,
    dry_run: bool,
    limit: int | None,
    sinks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compute the partitions of DATAFLOW that lack their dataset, or have one that is stale.

    One is stale where a column means something else at main, where a file of the repository that it read is
    another, and where outputs, configuration or sources are. Each is a run, saved as Parquet under the name
    of the dataflow. It goes on after one that fails, and ends with 1. A run that is underway is waited for.

    JSON: partitions (day, state, run, because, unknown: sources elsewhere that were not looked at, underway,
    failed), computed (day, run, state, error).
    """
    if since and until and since > until:
        raise click.UsageError("--from is after --to: no partition is of that time.")
    first, last = (None if day is None else day.date().isoformat() for day in (since, until))
    asked = BackfillAsked(repo, dataflow, first, last, env, executor, sinks)
    where = workspace.remote.backfill(asked) if workspace.remote else _Here(workspace, asked)
    states = where.states()
    if not as_json:
        _print(states, is_of_a_time=bool(since or until))
    due = [each for each in states if everything or each["state"] != "fresh"]
    # As `headwater_catalog.backfill.due` has them, but those that are underway are waited for.
    due.sort(key=lambda each: each["failed"] is not None)
    some = {} if dry_run else {each["day"]: each["run"] for each in due[:limit]}
    done = [_told(day, told) for day, told in where.compute(some)]
    if as_json:
        print_json({"partitions": states, "computed": done})
    if any(each["state"] != "succeeded" for each in done):
        click.get_current_context().exit(FINDINGS)


class _Here:
    """Computes partitions in the catalog of this machine."""

    def __init__(self, workspace: Workspace, asked: BackfillAsked) -> None:
        self._workspace, self._asked = workspace, asked

    def states(self) -> list[dict[str, Any]]:
        """Return how the partitions stand."""
        from headwater_catalog.partition_states import partition_states

        asked = self._asked
        with self._workspace.place(asked.repo, None) as place:
            found = partition_states(place, asked.dataflow, asked.since, asked.until, asked.env)
            return [asdict(each) for each in found]

    def compute(self, seen: Mapping[str, int | None]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Compute partitions one after the other, and yield what came of each run.

        Args:
            seen: By the first day of each, the run that saved it last.
        """
        from headwater_catalog.prepared import prepared_processes
        from headwater_catalog.runs import get_run

        with prepared_processes() if len(seen) > 1 else nullcontext():
            for day, saved in seen.items():
                for number, job in self._requested(day, saved):
                    perform_run(self._workspace, number, job)
                    with self._workspace.reading() as session:
                        found = get_run(session, number)
                        told = {"id": number, "state": found.job.state, "error": found.job.error}
                    yield day, told

    def _requested(self, day: str, saved: int | None) -> list[tuple[int, int]]:
        """Ask for a partition, and return its run and the job of that, or those that are underway."""
        from headwater_catalog.backfill import request_partitions
        from headwater_catalog.moments import moment_at
        from headwater_catalog.runs import get_run

        asked, workspace = self._asked, self._workspace
        with workspace.database.write() as session:
            head = moment_at(session, workspace.settings, only_repository(session, asked.repo))
            what = (head, asked.dataflow, {day: saved}, who_asks(), now())
            made = request_partitions(
                session, *what, env=asked.env, executor=asked.executor, sinks=asked.sinks
            )
            return [(each.run, get_run(session, each.run).job_id) for each in made]


def _told(day: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what came of a run, and return it."""
    why = f": {told['error']}" if told["error"] else ""
    say(f"{day}: run {told['id']} {told['state']}{why}")
    return {"day": day, "run": told["id"], "state": told["state"], "error": told["error"]}


def _print(states: Sequence[Mapping[str, Any]], *, is_of_a_time: bool) -> None:
    rows = [
        (
            *(each["day"], each["state"], str(each["run"] or "")),
            "; ".join((*each["because"], *_more(each))),
        )
        for each in states
    ]
    if rows:
        print_table(("PARTITION", "STATE", "RUN", "BECAUSE"), rows)
    else:
        say("No partition begins in that time." if is_of_a_time else "No partition is over yet.")


def _more(state: Mapping[str, Any]) -> Iterator[str]:
    if state["underway"]:
        yield f"run {state['underway']} is underway"
    if state["failed"]:
        yield f"run {state['failed']} failed"
    for name in state["unknown"]:
        yield f"'{name}' was not looked at"
