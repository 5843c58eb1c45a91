"""The commands that show a feature, its lineage and its history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, commit_json, day, json_option, print_json, print_table, say

if TYPE_CHECKING:
    from headwater_catalog.features import DependencyView, FeatureView, VariantView
    from headwater_catalog.history import HistoryEntry
    from headwater_catalog.lineage import Closure, LineageGraph

__all__ = ["history", "lineage", "show"]

_Command = Callable[..., None]


def _about_a_feature(command: _Command) -> _Command:
    """Give a command the argument FEATURE and the options that say where to look."""
    for decorate in (
        json_option,
        click.option("--at", help="The state of a commit, tag or branch; the scanned head unless given."),
        click.option("--repo", help="Repository of the feature; needed where its name is not unique."),
        click.argument("feature"),
    ):
        command = decorate(command)
    return command


@click.command()
@_about_a_feature
@pass_workspace
def show(workspace: Workspace, feature: str, repo: str | None, at: str | None, as_json: bool) -> None:
    """Show all that the catalog knows of FEATURE: a name, module:name or repository:module:name.

    JSON: key, repository, module, name, type, owner, summary, dataflows, users, commit, variants (name,
    type, doc, condition, tags, source, path, line, end_line, dependencies, parts, partial, commit).
    """
    from headwater_catalog.features import get_feature

    with workspace.place_of(feature, repo, at) as place:
        view = get_feature(place.session, place.repository, feature, place.position)
    if as_json:
        variants = [{**asdict(v), "commit": commit_json(v.commit)} for v in view.variants]
        print_json({**asdict(view), "commit": commit_json(view.commit), "variants": variants})
    else:
        click.echo(clean("\n".join(_feature_lines(view))))


def _feature_lines(view: FeatureView) -> list[str]:
    lines = [f"{view.name}  {view.type}", f"{view.repository}:{view.key}"]
    lines += [f"owner      {view.owner}"] if view.owner else []
    lines += [f"dataflows  {', '.join(view.dataflows)}"] if view.dataflows else []
    lines += [f"needed by  {', '.join(view.users) or 'no feature'}"]
    for variant in view.variants:
        lines += ["", *_variant_lines(variant)]
    return lines


def _variant_lines(variant: VariantView) -> list[str]:
    where = f" where {variant.condition}" if variant.condition else ""
    commit = variant.commit
    lines = [f"{variant.name}{where}  {variant.path}:{variant.line}"]
    lines += [f"changed    {day(commit.authored_at)} {commit.author}  {commit.sha[:8]} {commit.subject}"]
    lines += [f"tags       {_tags(variant.tags)}"] if variant.tags else []
    lines += [f"needs      {', '.join(map(_need, variant.dependencies)) or 'nothing'}"]
    lines += [f"parts      {', '.join(part.name for part in variant.parts)}"] if variant.parts else []
    lines += [f"partial    {reason}" for reason in variant.partial]
    lines += ["", *(f"    {line}".rstrip() for line in variant.source.splitlines())]
    return lines


def _tags(tags: Mapping[str, Any]) -> str:
    from headwater_catalog.features import shown

    return ", ".join(f"{key}={shown(value)}" for key, value in tags.items())


def _need(needed: DependencyView) -> str:
    origin = "" if needed.features else " (input)"
    return f"{needed.name}: {needed.type}{origin}{' (optional)' if needed.optional else ''}"


@click.command()
@_about_a_feature
@click.option("--up", type=click.IntRange(0), help="Steps upstream; all unless given.")
@click.option("--down", type=click.IntRange(0), help="Steps downstream; all unless given.")
@click.option("--dataflow", help="Only this dataflow.")
@pass_workspace
def lineage(
    workspace: Workspace,
    feature: str,
    repo: str | None,
    at: str | None,
    as_json: bool,
    up: int | None,
    down: int | None,
    dataflow: str | None,
) -> None:
    """List what FEATURE needs and what needs it, with distances. `input:NAME` means an external input.

    JSON: focus, upstream and downstream (each a list of key, name, type, distance, input), edges (source,
    target, dataflows) among these nodes.
    """
    from headwater_catalog.features import find_key
    from headwater_catalog.lineage import INPUT_PREFIX, load_graph

    with workspace.place_of(feature, repo, at) as place:
        key = feature
        if not feature.startswith(INPUT_PREFIX):
            key = ":".join(find_key(place.session, place.repository, feature, place.position))
        graph = load_graph(place.session, place.repository, place.position, dataflow)
    closure = _within(graph.closure(key), up, down)
    upstream, downstream = _rows(graph, closure.up), _rows(graph, closure.down)
    if as_json:
        edges = graph.edges_among({key, *closure.up, *closure.down})
        print_json(
            {
                "focus": key,
                "upstream": upstream,
                "downstream": downstream,
                "edges": [asdict(edge) for edge in edges],
            }
        )
    elif upstream or downstream:
        rows = [("up", row) for row in upstream] + [("down", row) for row in downstream]
        print_table(
            ("WAY", "STEPS", "NAME", "TYPE", "KEY"),
            [(way, str(row["distance"]), row["name"], row["type"], row["key"]) for way, row in rows],
        )
    else:
        say(f"{key} needs nothing, and nothing needs it.")


def _within(closure: Closure, up: int | None, down: int | None) -> Closure:
    from headwater_catalog.lineage import Closure

    def near(distances: Mapping[str, int], most: int | None) -> dict[str, int]:
        return {key: steps for key, steps in distances.items() if most is None or steps <= most}

    return Closure(closure.focus, near(closure.up, up), near(closure.down, down))


def _rows(graph: LineageGraph, distances: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "name": graph[key].name,
            "type": graph[key].type,
            "distance": steps,
            "input": graph[key].is_input,
        }
        for key, steps in distances.items()
    ]


@click.command()
@_about_a_feature
@click.option("--diff", "with_diff", is_flag=True, help="Show how the code changed.")
@pass_workspace
def history(
    workspace: Workspace, feature: str, repo: str | None, at: str | None, as_json: bool, with_diff: bool
) -> None:
    """List what commits did to FEATURE, the newest first.

    JSON: a list of commit, key, variant, change, classes, origin (its key before, if it moved), and diff
    (lines) with --diff.
    """
    from headwater_catalog.features import find_key
    from headwater_catalog.history import history as history_of

    with workspace.place_of(feature, repo, at) as place:
        module, name = find_key(place.session, place.repository, feature, place.position)
        entries = history_of(place.session, place.repository, module, name, place.position)
    if as_json:
        print_json([_entry_json(entry, with_diff) for entry in entries])
    else:
        print_table(
            ("COMMIT", "DATE", "AUTHOR", "VARIANT", "CHANGE", "SUBJECT"), list(map(_entry_row, entries))
        )
        for entry in entries if with_diff else ():
            click.echo(clean("\n".join(("", f"{entry.commit.sha[:8]} {entry.variant}", *entry.diff()))))


def _entry_json(entry: HistoryEntry, with_diff: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "commit": commit_json(entry.commit),
        "key": entry.key,
        "variant": entry.variant,
        "change": str(entry.change),
        "classes": list(entry.classes),
        "origin": entry.origin,
    }
    return {**found, "diff": list(entry.diff())} if with_diff else found


def _entry_row(entry: HistoryEntry) -> tuple[str, ...]:
    commit = entry.commit
    return commit.sha[:8], day(commit.authored_at), commit.author, entry.variant, entry.label, commit.subject
