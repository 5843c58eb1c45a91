"""The command that compares the values of a feature at two commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.failures import FINDINGS, Failure
from headwater_catalog.cli.output import clean, counted, json_option, print_json
from headwater_catalog.cli.run_asked import RunAsked, local, pairs, value

if TYPE_CHECKING:
    from headwater_catalog.value_requests import RunPair

__all__ = ["values"]

_ROWS = 20


@click.command()
@click.argument("feature")
@click.argument("commits", metavar="A..B")
@click.option("--repo", help="Repository of the feature; needed where its name is not unique.")
@click.option("--dataflow", help="Dataflow to execute; needed where several have the feature.")
@click.option("--config", metavar="K=V", multiple=True, help="A configuration value: JSON, else a text.")
@click.option(
    "--input",
    "inputs",
    metavar="N=PATH|VALUE",
    multiple=True,
    help="A data file, in place of the source N or as one more source; or the value of the input N.",
)
@click.option("--env", help="The environment whose sources count; the usual one unless given.")
@click.option("--sample", type=click.IntRange(1, 2**31 - 1), help="Read only the first rows of each source.")
@click.option(
    "--tolerance",
    type=float,
    default=1e-9,
    show_default=True,
    help="By how much numbers with fractions may differ, relative to the larger one.",
)
@click.option(
    "--key",
    "keys",
    metavar="COLUMN",
    multiple=True,
    help="Match rows by this column, a feature or an index, or by several; by the index unless given.",
)
@click.option("--own-data", is_flag=True, help="Let each commit read its own files, not both those of B.")
@click.option("--no-cache", is_flag=True, help="Compute everything, also what earlier runs computed.")
@json_option
@pass_workspace
def values(
    workspace: Workspace,
    feature: str,
    commits: str,
    repo: str | None,
    dataflow: str | None,
    config: tuple[str, ...],
    inputs: tuple[str, ...],
    env: str | None,
    sample: int | None,
    tolerance: float,
    keys: tuple[str, ...],
    own_data: bool,
    no_cache: bool,
    as_json: bool,
) -> None:
    """Run FEATURE at A and at B on the same data, and compare the values cell by cell.

    The commits are given as for `headwater diff`: A...B means from where B left A, and a single commit what
    it did to its first parent. A feature that was renamed is compared with what it was. Ends with 1 where the
    values cannot be compared, and with 0 whether or not they differ.

    JSON: before, after (runs), code, config, inputs, surroundings, rows, columns as `/runs/compare` has them,
    and values (verdict, reason, tolerance, renamed, masked, details).
    """
    asked = RunAsked(
        *((feature,), repo, dataflow, None, None),
        {key: value(text) for key, text in pairs(config, "--config").items()},
        pairs(inputs, "--input"),
        env=env,
        sample=sample,
        use_kept=not no_cache,
    )
    compared = workspace.remote.runs.values if workspace.remote else partial(_values_here, workspace)
    told = compared(asked, commits, tolerance=tolerance, own_data=own_data, keys=keys)
    if as_json:
        print_json(told)
    else:
        for line in _lines(told):
            click.echo(clean(line))
    if told["values"]["verdict"] == "cannot":
        click.get_current_context().exit(FINDINGS)


def _values_here(
    workspace: Workspace,
    asked: RunAsked,
    commits: str,
    *,
    tolerance: float,
    own_data: bool,
    keys: Sequence[str],
) -> dict[str, Any]:
    from headwater_catalog.answers.runs import run_comparison_json
    from headwater_catalog.cli.runs import perform_run, who_asks
    from headwater_catalog.repositories import get_repository
    from headwater_catalog.run_comparison import compare_runs
    from headwater_catalog.runs import get_run
    from headwater_catalog.uploads import note_uploads
    from headwater_catalog.value_comparison import request_comparison

    name, pair = _pair(workspace, asked, commits, own_data, keys)
    with workspace.database.write() as session:
        repository = get_repository(session, name)
        given = [*pair.before.inputs.values(), *pair.after.inputs.values()]
        note_uploads(session, repository.id, given, now())
        what = (repository, pair, who_asks(), now())
        made = request_comparison(session, workspace.settings, *what, tolerance=tolerance)
        numbers = made.before_id, made.run_id
        jobs = made.before.job_id, made.run.job_id
    for number, job in zip(numbers, jobs, strict=True):
        perform_run(workspace, number, job)
    with workspace.reading() as session:
        before, after = (get_run(session, number) for number in numbers)
        # Whoever has the files has it all.
        found = compare_runs(session, workspace.settings, before, after, sees_personal=True)
        return run_comparison_json(found)


def _pair(
    workspace: Workspace, asked: RunAsked, commits: str, own_data: bool, keys: Sequence[str]
) -> tuple[str, RunPair]:
    """Return the repository and the two runs, with the files that they are given kept."""
    from headwater_catalog.cli.runs import chosen_inputs
    from headwater_catalog.commit_range import commit_range
    from headwater_catalog.moments import moment_at
    from headwater_catalog.repositories import open_mirror
    from headwater_catalog.run_options import RunOptions
    from headwater_catalog.uploads import keep_files
    from headwater_catalog.value_requests import outputs_now, pair_runs

    feature = asked.outputs[0]
    with workspace.place_of(feature, asked.repo, None) as place:
        where = place.session, place.settings, place.repository
        with open_mirror(place.settings, place.repository) as source:
            ends = commit_range(source, commits, lambda ref: moment_at(*where, ref).commit.sha)
        if ends.before is None:
            raise Failure(f"Commit {ends.after[:10]} is a first commit: there is nothing before it.")
        before, after = (moment_at(*where, sha) for sha in (ends.before, ends.after))
        outputs = outputs_now(before, after, [local(feature)])
        flow, given = chosen_inputs(after, asked.dataflow, outputs, asked.inputs)
        options = RunOptions(env=asked.env, sample=asked.sample, use_kept=asked.use_kept)
        chosen = flow, outputs, asked.config, given, options
        pair = pair_runs(before, after, *chosen, own_data=own_data, keys=keys)
        name = place.repository.name
    one, other = keep_files(workspace.settings, pair.before.inputs, pair.after.inputs)
    sides = replace(pair.before, inputs=one), replace(pair.after, inputs=other)
    return name, replace(pair, before=sides[0], after=sides[1])


# What is printed


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    values = found["values"]
    reason, details = values["reason"], values["details"]
    runs = f"runs {found['before']['id']} and {found['after']['id']}"
    yield f"{values['verdict']}{f', because {reason}' if reason else ''} ({runs})"
    for old, new in values["renamed"].items():
        yield f"  '{new}' was called '{old}'"
    for each in details.get("values", ()):
        yield f"  {each['name']}: {each['then']} before, {each['now']} after"
    if "rows" in details:
        yield from _table_lines(details)
    for each in found["inputs"]:
        yield f"  the input '{each['name']}' is not the same in both"


def _table_lines(details: Mapping[str, Any]) -> Iterator[str]:
    then, now_ = details["rows"]
    both = details["both"]
    keys = ", ".join(details["matched_by"])
    how = f"matched by {keys}" if keys else f"matched by position, since {details['matching']}"
    only = (
        f", {then - both:,} only before, {now_ - both:,} only after" if (then, now_) != (both, both) else ""
    )
    yield f"  {counted(both, 'row')} in both{only}, {how}"
    for what in ("added", "removed"):
        if details[what]:
            yield f"  {what}: {', '.join(details[what])}"
    differing = {column["name"]: column for column in details["columns"]}
    for name in details["compared"]:
        yield from _column_lines(name, differing.get(name), both)
    for name, then_, now_told in _means(details):
        yield f"  mean of {name}: {then_:.6g} before, {now_told:.6g} after"
    if details["examples"]:
        yield f"  {counted(details['differing'], 'row')} with other values; the first:"
    for row in details["examples"][:_ROWS]:
        label = ", ".join(str(part) for part in row["key"]) or f"row {row['row']}"
        cells = "; ".join(f"{name} {pair[0]} → {pair[1]}" for name, pair in row["cells"].items())
        yield f"    {label}: {cells}"


def _column_lines(name: str, column: Mapping[str, Any] | None, both: int) -> Iterator[str]:
    if column is None:
        yield f"  {name}: the same in all of them"
        return
    if column.get("masked"):
        yield f"  {name}: hidden, as it is personal data, which needs the role steward"
        return
    if column["types"]:
        yield f"  {name}: was {column['types'][0]}, and is {column['types'][1]}"
    if not column["comparable"]:
        return
    near = column["unequal"] - column["beyond_tolerance"]
    largest = ""
    if column["largest_difference"]:
        largest = f", by {column['largest_difference']:g} at most ({column['largest_relative']:.2%})"
    within = f", {near:,} within the tolerance" if near else ""
    equal, beyond = both - column["unequal"], column["beyond_tolerance"]
    yield f"  {name}: {equal:,} equal{within}, {beyond:,} differ{largest}"


def _means(details: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    for each in (each for each in details["distributions"] if not each.get("masked")):
        sides = [side for side in (each["then"], each["now"]) if side is not None]
        if [side["kind"] for side in sides] == ["number", "number"]:
            then, now_ = (side["mean"] for side in sides)
            if isinstance(then, (int, float)) and isinstance(now_, (int, float)):
                yield each["name"], then, now_
