"""The commands that compare two commits: what changed, and what that reaches."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, counted, json_option, print_json, print_table

if TYPE_CHECKING:
    from headwater_catalog.commit_range import CommitRange
    from headwater_catalog.compare import Comparison, FeatureChange
    from headwater_catalog.git import GitSource
    from headwater_catalog.impact import Impact, Reached
    from headwater_catalog.impacted_datasets import ImpactedDataset
    from headwater_catalog.lineage_hash import Revision
    from headwater_catalog.moments import Moment
    from headwater_catalog.snapshot import Snapshot

__all__ = ["diff", "impact"]

_MOST_NAMED = 3
"""How many reasons a line has; JSON has them all."""


@dataclass(frozen=True)
class _Two:
    """Two commits to compare: the first is None where the second has no parent."""

    before_sha: str | None
    after_sha: str
    before: Revision
    after: Revision
    moment: Moment | None


def _two_commits(command: Any) -> Any:
    for decorate in (
        json_option,
        click.option(
            "--path",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Compare commits of the repository in this folder, without a catalog.",
        ),
        click.option("--repo", help="Repository of the catalog; needed where it follows several."),
        click.argument("commits", metavar="A..B"),
    ):
        command = decorate(command)
    return command


@click.command()
@_two_commits
@click.option("--all", "with_all", is_flag=True, help="Also list changes of layout and comments only.")
@pass_workspace
def diff(
    workspace: Workspace, commits: str, repo: str | None, path: Path | None, as_json: bool, with_all: bool
) -> None:
    """Tell what changed from A to B: any commits, branches or tags.

    A...B means from where B left A, and a single commit what it did to its first parent.

    JSON: before and after (full names of the commits; before is null for a first commit), counts (by change
    class), features (key, classes, origin, because, upstream, opaque, variants (function, path, line)),
    dataflows (name, change, details), edges (added and removed, each a list of from, to, dataflow).
    """
    from headwater_catalog.compare import compare

    with _compared(workspace, commits, repo, path) as two:
        found = compare(two.before, two.after, formatting=with_all)
    if as_json:
        from headwater_catalog.answers.changes import diff_json

        print_json(diff_json(two.before_sha, two.after_sha, found, two.after))
    else:
        click.echo(clean("\n".join(_diff_lines(two, found))))


@click.command()
@_two_commits
@pass_workspace
def impact(workspace: Workspace, commits: str, repo: str | None, path: Path | None, as_json: bool) -> None:
    """Tell what changed in meaning from A to B, and what that reaches downstream.

    The commits are given as for `headwater diff`.

    JSON: before, after, changed (key, classes, origin, because), reached (key, module, steps, owners,
    because), modules and owners (name, changed, reached), outputs (dataflow, names), datasets (name, run,
    sha, outputs; null with --path).
    """
    from headwater_catalog.compare import compare
    from headwater_catalog.impact import impact_of

    datasets: list[ImpactedDataset] | None = None
    with _compared(workspace, commits, repo, path) as two:
        before, after = two.before.snapshot, two.after.snapshot
        found = impact_of(compare(two.before, two.after), before, after)
        if two.moment is not None:
            from headwater_catalog.impacted_datasets import impacted_datasets

            datasets = impacted_datasets(two.moment.session, two.moment.repository, found, before, after)
    if as_json:
        print_json(_impact_json(two, found, datasets))
    else:
        _print_impact(two, found, datasets or [])


@contextmanager
def _compared(workspace: Workspace, commits: str, repo: str | None, path: Path | None) -> Iterator[_Two]:
    """Read the two commits, from the mirror of a repository of the catalog or from a folder."""
    from headwater_catalog.commit_range import commit_range

    if path is not None:
        from headwater_catalog.snapshot import borrowed, resolve_in

        if repo is not None:
            raise click.UsageError("--path and --repo say two things. Give one of them.")
        with borrowed(path) as source:
            chosen = commit_range(source, commits, lambda ref: resolve_in(source, path, ref))
            yield _read(source, chosen, None)
        return
    from headwater_catalog.repositories import open_mirror

    with workspace.place(repo, None) as moment, open_mirror(moment.settings, moment.repository) as source:
        chosen = commit_range(source, commits)
        yield _read(source, chosen, moment)


def _read(source: GitSource, chosen: CommitRange, moment: Moment | None) -> _Two:
    from headwater_catalog.comparing import read_two

    before, after = read_two(source, chosen, lambda sha: _stored(moment, sha))
    gc.freeze()  # What is left is needed to the end: nobody has to look through it for what is not.
    return _Two(chosen.before, chosen.after, before, after, moment)


def _stored(moment: Moment | None, sha: str) -> Snapshot | None:
    from headwater_catalog.moments import stored_at

    return None if moment is None else stored_at(moment.session, moment.repository, sha)


# What diff prints


def _diff_lines(two: _Two, found: Comparison) -> Iterator[str]:
    yield _heading(two)
    own = [change for change in found.features if change.classes != ("upstream only",)]
    two.after.lineages.look_at(variant for change in own for variant in change.after)
    for change in own:
        yield f"  {change.key}  {_label(change)}"
        yield from (f"    {reason}" for reason in _first(change.because))
        yield from (f"    not all that it reaches is known: {why}" for why in _opaque(change, two.after))
    felt = [change for change in found.features if change.classes == ("upstream only",)]
    if felt:
        yield f"  Untouched themselves, but with changes upstream: {counted(len(felt), 'feature')}"
        yield from (f"    {change.key}  {_felt(change)}" for change in felt)
    for flow in found.dataflows:
        yield f"  dataflow {flow.name}  {'; '.join(flow.details) or flow.change}"
    yield from _edge_lines(found)
    yield _summary(found)


def _heading(two: _Two) -> str:
    before = two.before_sha[:8] if two.before_sha else "nothing"
    return f"From {before} to {two.after_sha[:8]}"


def _label(change: FeatureChange) -> str:
    if change.origin is None:
        return ", ".join(change.classes)
    return ", ".join([f"moved, was {change.origin}", *(name for name in change.classes if name != "moved")])


def _felt(change: FeatureChange) -> str:
    why = [*change.because, *([f"by {', '.join(_first(change.upstream))}"] if change.upstream else [])]
    return "; ".join(why)


def _first(texts: tuple[str, ...]) -> list[str]:
    more = len(texts) - _MOST_NAMED
    return [*texts[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])]


def _opaque(change: FeatureChange, after: Revision) -> list[str]:
    return _first(after.lineages.opaque_of(change.key))


def _edge_lines(found: Comparison) -> Iterator[str]:
    # That what is new needs something, and what is gone does not, goes without saying.
    told = {change.key for change in found.features if not change.before or not change.after}
    for sign, edges in (("+", found.added_edges), ("-", found.removed_edges)):
        pairs = dict.fromkeys((edge.target, edge.source) for edge in edges if edge.target not in told)
        yield from (f"  {sign} {target} needs {source}" for target, source in pairs)


def _summary(found: Comparison) -> str:
    if not found.features:
        return "No feature changed."
    said = ", ".join(f"{count:,} {name}" for name, count in found.counts.items())
    return f"{counted(len(found.features), 'feature')} changed: {said}."


# What impact prints


def _impact_json(two: _Two, found: Impact, datasets: list[ImpactedDataset] | None) -> dict[str, Any]:
    from dataclasses import asdict

    def counts(of: Any) -> list[dict[str, Any]]:
        return [{"name": name, "changed": changed, "reached": n} for name, (changed, n) in of.items()]

    return {
        "before": two.before_sha,
        "after": two.after_sha,
        "changed": [
            {"key": c.key, "classes": c.classes, "origin": c.origin, "because": c.because}
            for c in found.changed
        ],
        "reached": [asdict(reached) for reached in found.reached],
        "modules": counts(found.modules),
        "owners": counts(found.owners),
        "outputs": [{"dataflow": name, "names": names} for name, names in found.outputs.items()],
        "datasets": None if datasets is None else [asdict(dataset) for dataset in datasets],
    }


def _print_impact(two: _Two, found: Impact, datasets: list[ImpactedDataset]) -> None:
    click.echo(_heading(two))
    if not found.changed:
        click.echo("Nothing changed in meaning.")
        return
    _table(("CHANGED", "HOW", "BECAUSE"), map(_changed_row, found.changed))
    _table(("REACHED", "STEPS", "OWNER", "BECAUSE OF"), map(_reached_row, found.reached))
    for title, counts in (("MODULE", found.modules), ("OWNER", found.owners)):
        rows = ((name or "nobody", f"{changed:,}", f"{n:,}") for name, (changed, n) in counts.items())
        _table((title, "CHANGED", "REACHED"), rows)
    _table(("DATAFLOW", "OUTPUTS"), ((name, ", ".join(names)) for name, names in found.outputs.items()))
    _table(
        ("DATASET", "RUN", "COMMIT", "OUTPUTS"),
        ((each.name, str(each.run), each.sha[:8], ", ".join(each.outputs)) for each in datasets),
    )
    click.echo(
        f"\n{counted(len(found.changed), 'feature')} changed in meaning, which "
        f"{'reaches' if len(found.changed) == 1 else 'reach'} {len(found.reached):,} more."
    )


def _changed_row(change: FeatureChange) -> tuple[str, ...]:
    return change.key, _label(change), "; ".join(_first(change.because))


def _reached_row(reached: Reached) -> tuple[str, ...]:
    because = ", ".join(_first(reached.because))
    return reached.key, str(reached.steps), ", ".join(reached.owners) or "nobody", because


def _table(headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    found = list(rows)
    if found:
        click.echo()
        print_table(headers, found)
