"""The command that makes a dataset version again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import click

from headwater_catalog.cli.context import Workspace, now, only_repository, pass_workspace
from headwater_catalog.cli.failures import FINDINGS
from headwater_catalog.cli.output import clean, counted, json_option, print_json

__all__ = ["reproduce"]


@click.command()
@click.argument("dataset")
@click.option("--repo", help="Repository of the dataset; needed where several are followed.")
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    show_default=True,
    help="By how much numbers with fractions may differ, relative to the larger one.",
)
@json_option
@pass_workspace
def reproduce(workspace: Workspace, dataset: str, repo: str | None, tolerance: float, as_json: bool) -> None:
    """Make DATASET again, at its commit and from its inputs, and compare it cell by cell.

    DATASET is a name, which is its newest version, or NAME@RUN. The verdict is one of: identical, equal
    within tolerance, differs, cannot. Ends with 1 for the last two.

    JSON: verdict, reason, run, details (rows, added, removed, columns, tolerance, environment).
    """
    ask = workspace.remote.datasets.reproduce if workspace.remote else partial(_reproduce_here, workspace)
    told = ask(dataset, repo, tolerance)
    if as_json:
        print_json(told)
    else:
        for line in _lines(told):
            click.echo(clean(line))
    if told["verdict"] in ("cannot", "differs"):
        click.get_current_context().exit(FINDINGS)


def _reproduce_here(workspace: Workspace, dataset: str, repo: str | None, tolerance: float) -> dict[str, Any]:
    from headwater_catalog.cli.runs import perform_run, who_asks
    from headwater_catalog.datasets import version_named
    from headwater_catalog.reproduce import get_reproduction, request_reproduction, verdict_of

    with workspace.database.write() as session:
        version = version_named(session, only_repository(session, repo), dataset)
        asked = (version, who_asks(), now())
        run = request_reproduction(session, workspace.settings, *asked, tolerance=tolerance)
        run_id, job_id = run.id, run.job_id
    perform_run(workspace, run_id, job_id)
    with workspace.reading() as session:
        made = get_reproduction(session, run_id)
        assert made is not None
        verdict = verdict_of(made)
    told = {"verdict": verdict.word, "reason": verdict.reason, "run": run_id}
    return {**told, "details": dict(verdict.details)}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    because = f", because {told['reason']}" if told["reason"] else ""
    yield f"{told['verdict']}{because} (run {told['run']})"
    details = told["details"]
    if not details:
        return
    then, now_ = details["rows"]
    if then != now_:
        yield f"  {counted(then, 'row')} then, {now_:,} now"
    for what in ("added", "removed"):
        if details[what]:
            yield f"  {what}: {', '.join(details[what])}"
    for column in details["columns"]:
        yield from _column(column)
    for name, (was, is_) in details["environment"].items():
        yield f"  {name} was {was or 'not there'}, and is {is_ or 'not there'}"


def _column(column: dict[str, Any]) -> Iterator[str]:
    if column.get("masked"):
        yield f"  {column['name']}: it differs, and how is personal data, which needs the role steward"
        return
    if column["types"]:
        was, is_ = column["types"]
        yield f"  {column['name']}: was {was}, and is {is_}"
        return
    largest = f", by {column['largest_difference']:g} at most" if column["largest_difference"] else ""
    yield (
        f"  {column['name']}: {counted(column['unequal'], 'cell')} differ{largest}; "
        f"{column['beyond_tolerance']} beyond the tolerance"
    )
    for each in column["examples"]:
        yield f"    row {each['row']}: {each['then']} then, {each['now']} now"
