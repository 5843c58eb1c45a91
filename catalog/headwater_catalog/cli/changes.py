"""The commands that compare two commits: what changed, and what that reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from headwater_catalog.cli.compared import Ends, TwoFiles, compared, two_commits
from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, counted, print_json, print_table

__all__ = ["diff", "impact"]

_MOST_NAMED = 3
"""How many reasons a line has; JSON has them all."""
_FELT = ("upstream only",)
_Json = Mapping[str, Any]


@click.command()
@two_commits
@click.option("--all", "with_all", is_flag=True, help="Also list changes of layout and comments only.")
@pass_workspace
def diff(
    workspace: Workspace, commits: Ends, repo: str | None, path: Path | None, as_json: bool, with_all: bool
) -> None:
    """Tell what changed from A to B: any commits, branches or tags.

    A...B means from where B left A, and a single commit what it did to its first parent. Two files that
    `headwater export` has written are compared as A.sqlite B.sqlite.

    JSON: before and after (full names of the commits; before is null for a first commit), counts (by change
    class), features (key, classes, origin, because, upstream, opaque, variants (function, path, line)),
    dataflows (name, change, details), edges (added and removed, each a list of from, to, dataflow).
    """
    if workspace.remote and path is None and not isinstance(commits, TwoFiles):
        answer = workspace.remote.compare(commits, repo, with_all)
    else:
        answer = _diff_here(workspace, commits, repo, path, with_all, whole=as_json)
    if as_json:
        print_json(answer)
    else:
        click.echo(clean("\n".join(_diff_lines(answer))))


def _diff_here(
    workspace: Workspace, commits: Ends, repo: str | None, path: Path | None, with_all: bool, whole: bool
) -> dict[str, Any]:
    from headwater_catalog.answers.changes import diff_json
    from headwater_catalog.compare import compare
    from headwater_catalog.comparing import opaque_of

    with compared(workspace, commits, repo, path) as two:
        found = compare(two.before, two.after, formatting=with_all)
        # People are told only of features that changed themselves.
        told = [change for change in found.features if whole or change.classes != _FELT]
        return diff_json(two.before_sha, two.after_sha, found, opaque_of(told, two.after))


@click.command()
@two_commits
@pass_workspace
def impact(workspace: Workspace, commits: Ends, repo: str | None, path: Path | None, as_json: bool) -> None:
    """Tell what changed in meaning from A to B, and what that reaches downstream.

    The commits, or files, are given as for `headwater diff`.

    JSON: before, after, changed (key, classes, origin, because), reached (key, module, steps, owners,
    because), modules and owners (name, changed, reached), outputs (dataflow, names), datasets (name, run,
    sha, outputs; null with --path, and of files).
    """
    if workspace.remote and path is None and not isinstance(commits, TwoFiles):
        answer = workspace.remote.impact(commits, repo)
    else:
        answer = _impact_here(workspace, commits, repo, path)
    if as_json:
        print_json(answer)
    else:
        _print_impact(answer)


def _impact_here(workspace: Workspace, commits: Ends, repo: str | None, path: Path | None) -> dict[str, Any]:
    from headwater_catalog.answers.changes import impact_json
    from headwater_catalog.compare import compare
    from headwater_catalog.impact import impact_of
    from headwater_catalog.impacted_datasets import impacted_datasets

    with compared(workspace, commits, repo, path) as two:
        before, after = two.before.snapshot, two.after.snapshot
        found, moment = impact_of(compare(two.before, two.after), before, after), two.moment
        datasets = None
        if moment is not None:
            datasets = impacted_datasets(moment.session, moment.repository, found, before, after)
        return impact_json(two.before_sha, two.after_sha, found, datasets)


# What diff prints


def _diff_lines(found: _Json) -> Iterator[str]:
    yield _heading(found)
    for change in found["features"]:
        if tuple(change["classes"]) != _FELT:
            yield f"  {change['key']}  {_label(change)}"
            yield from (f"    {reason}" for reason in _first(change["because"]))
            opaque = _first(change["opaque"])
            yield from (f"    not all that it reaches is known: {why}" for why in opaque)
    felt = [change for change in found["features"] if tuple(change["classes"]) == _FELT]
    if felt:
        yield f"  Untouched themselves, but with changes upstream: {counted(len(felt), 'feature')}"
        yield from (f"    {change['key']}  {_felt(change)}" for change in felt)
    for flow in found["dataflows"]:
        yield f"  dataflow {flow['name']}  {'; '.join(flow['details']) or flow['change']}"
    yield from _edge_lines(found)
    yield _summary(found)


def _heading(found: _Json) -> str:
    before = found["before"][:8] if found["before"] else "nothing"
    return f"From {before} to {found['after'][:8]}"


def _label(change: _Json) -> str:
    if change["origin"] is None:
        return ", ".join(change["classes"])
    others = (name for name in change["classes"] if name != "moved")
    return ", ".join([f"moved, was {change['origin']}", *others])


def _felt(change: _Json) -> str:
    upstream = change["upstream"]
    why = [*change["because"], *([f"by {', '.join(_first(upstream))}"] if upstream else [])]
    return "; ".join(why)


def _first(texts: Sequence[str]) -> list[str]:
    more = len(texts) - _MOST_NAMED
    return [*texts[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]


def _edge_lines(found: _Json) -> Iterator[str]:
    # That what is new needs something, and what is gone does not, goes without saying.
    told = {each["key"] for each in found["features"] if {"added", "removed"}.intersection(each["classes"])}
    for sign, edges in (("+", found["edges"]["added"]), ("-", found["edges"]["removed"])):
        pairs = dict.fromkeys((edge["to"], edge["from"]) for edge in edges if edge["to"] not in told)
        yield from (f"  {sign} {target} needs {source}" for target, source in pairs)


def _summary(found: _Json) -> str:
    if not found["features"]:
        return "No feature changed."
    said = ", ".join(f"{count:,} {name}" for name, count in found["counts"].items())
    return f"{counted(len(found['features']), 'feature')} changed: {said}."


# What impact prints


def _print_impact(found: _Json) -> None:
    click.echo(_heading(found))
    changed, reached = found["changed"], found["reached"]
    if not changed:
        click.echo("Nothing changed in meaning.")
        return
    _table(("CHANGED", "HOW", "BECAUSE"), map(_changed_row, changed))
    _table(("REACHED", "STEPS", "OWNER", "BECAUSE OF"), map(_reached_row, reached))
    for title, counts in (("MODULE", found["modules"]), ("OWNER", found["owners"])):
        rows = ((n["name"] or "nobody", f"{n['changed']:,}", f"{n['reached']:,}") for n in counts)
        _table((title, "CHANGED", "REACHED"), rows)
    outputs = ((each["dataflow"], ", ".join(each["names"])) for each in found["outputs"])
    _table(("DATAFLOW", "OUTPUTS"), outputs)
    _table(("DATASET", "RUN", "COMMIT", "OUTPUTS"), map(_dataset_row, found["datasets"] or ()))
    click.echo(
        f"\n{counted(len(changed), 'feature')} changed in meaning, which "
        f"{'reaches' if len(changed) == 1 else 'reach'} {len(reached):,} more."
    )


def _changed_row(change: _Json) -> tuple[str, ...]:
    return change["key"], _label(change), "; ".join(_first(change["because"]))


def _reached_row(reached: _Json) -> tuple[str, ...]:
    because = ", ".join(_first(reached["because"]))
    return reached["key"], str(reached["steps"]), ", ".join(reached["owners"]) or "nobody", because


def _dataset_row(dataset: _Json) -> tuple[str, ...]:
    return dataset["name"], str(dataset["run"]), dataset["sha"][:8], ", ".join(dataset["outputs"])


def _table(headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    found = list(rows)
    if found:
        click.echo()
        print_table(headers, found)
