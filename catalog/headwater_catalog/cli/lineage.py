"""The commands that follow lineage: what a feature needs and feeds, and the ways between two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, about_a_feature, pass_workspace, where_to_look
from headwater_catalog.cli.output import clean, print_json, print_table, say

if TYPE_CHECKING:
    from headwater_catalog.lineage import LineageGraph
    from headwater_catalog.moments import Moment

__all__ = ["lineage", "path"]

_LISTED = 20
_Command = Callable[..., None]


def _where_it_runs(command: _Command) -> _Command:
    """Give a command the options that say how far its graph goes."""
    for decorate in (
        click.option("--across", is_flag=True, help="Go on in other repositories where sources say so."),
        click.option("--dataflow", help="Only this dataflow."),
    ):
        command = decorate(command)
    return command


@click.command()
@about_a_feature
@click.option("--up", type=click.IntRange(0), help="Steps upstream; all unless given.")
@click.option("--down", type=click.IntRange(0), help="Steps downstream; all unless given.")
@click.option("--since", metavar="REF", help="Tell what came into it, and went, since another commit.")
@_where_it_runs
@pass_workspace
def lineage(
    workspace: Workspace,
    feature: str,
    repo: str | None,
    at: str | None,
    as_json: bool,
    up: int | None,
    down: int | None,
    since: str | None,
    dataflow: str | None,
    across: bool,
) -> None:
    """List what FEATURE needs and what needs it, with distances. `input:NAME` means an external input,
    `table:CONNECTION:NAME` a table, and `table:CONNECTION:NAME#COLUMN` a column of it.

    JSON: focus, upstream and downstream (each a list of key, name, type, distance, input, table), edges
    (source, target, dataflows) among these nodes, unresolved (declared sources that lead nowhere; with
    --across), unclear (what cannot be told for sure of the tables among these), changes
    (with --since: added, removed, added_edges, removed_edges; else null).
    """
    if since is not None and across:
        raise click.UsageError("--since compares commits of one repository, and --across goes on in others.")
    _require_one(dataflow, across)
    asked: dict[str, Any] = {
        "up": up,
        "down": down,
        "dataflow": dataflow,
        "at": at,
        "since": since,
        "across": across,
    }
    if workspace.remote:
        answer = workspace.remote.lineage(feature, repo, **asked)
    else:
        answer = _lineage_here(workspace, feature, repo, **asked)
    if as_json:
        print_json(answer)
    elif answer["changes"] is not None:
        told = _change_lines(answer["changes"]) or ["Nothing came into it, and nothing went."]
        click.echo(clean("\n".join(told)))
    else:
        _print(answer)
    _warn(answer["unresolved"])
    _warn(answer["unclear"])


def _lineage_here(
    workspace: Workspace,
    feature: str,
    repo: str | None,
    *,
    up: int | None,
    down: int | None,
    dataflow: str | None,
    at: str | None,
    since: str | None,
    across: bool,
) -> dict[str, Any]:
    from headwater_catalog.answers.lineage import lineage_json
    from headwater_catalog.lineage import difference
    from headwater_catalog.lineage_asked import asked_graph

    with workspace.place_of(feature, repo, at) as place:
        found = asked_graph(place, dataflow, is_across=across)
        key, earlier = found.key(feature), _earlier(place, since, dataflow)
    near = found.graph.around(key, up, down)
    changes = difference(earlier.around(key, up, down), near) if earlier is not None else None
    answer = lineage_json(near, key, up, down)
    told = {"unresolved": found.unresolved, "unclear": found.unclear(near)}
    return {**answer, **told, "changes": changes and asdict(changes)}


def _earlier(place: Moment, since: str | None, dataflow: str | None) -> LineageGraph | None:
    from headwater_catalog.moments import moment_at

    if since is None:
        return None
    return moment_at(place.session, place.settings, place.repository, since).lineage(dataflow)


def _print(answer: Mapping[str, Any]) -> None:
    rows = [(way, row) for way in ("up", "down") for row in answer[f"{way}stream"]]
    if rows:
        print_table(
            ("WAY", "STEPS", "NAME", "TYPE", "KEY"),
            [(way, str(row["distance"]), row["name"], row["type"], row["key"]) for way, row in rows],
        )
    else:
        say(f"{answer['focus']} needs nothing, and nothing needs it.")


def _change_lines(changes: Mapping[str, Any]) -> list[str]:
    lines = [f"+ {key}" for key in changes["added"]] + [f"- {key}" for key in changes["removed"]]
    lines += [f"+ {edge['source']} → {edge['target']}" for edge in changes["added_edges"]]
    return lines + [f"- {edge['source']} → {edge['target']}" for edge in changes["removed_edges"]]


@click.command()
@click.argument("a")
@click.argument("b")
@where_to_look
@click.option("--all", "longer", is_flag=True, help="Also the ways that are longer than the shortest.")
@click.option(
    "--limit", type=click.IntRange(1), default=_LISTED, show_default=True, help="How many ways at most."
)
@_where_it_runs
@pass_workspace
def path(
    workspace: Workspace,
    a: str,
    b: str,
    repo: str | None,
    at: str | None,
    as_json: bool,
    longer: bool,
    limit: int,
    dataflow: str | None,
    across: bool,
) -> None:
    """List the ways by which the values of A reach B, the shortest first; where none does, those from B to A.

    JSON: source, target, paths (each a list of key, name, type, input, table, from end to end), cut (whether
    there may be more), common (where neither reaches the other: what both come from, nearest first, each with
    key and distances to both), unresolved (declared sources that lead nowhere; with --across).
    """
    _require_one(dataflow, across)
    asked: dict[str, Any] = {
        "longer": longer,
        "limit": limit,
        "dataflow": dataflow,
        "at": at,
        "across": across,
    }
    if workspace.remote:
        found = workspace.remote.paths(a, b, repo, **asked)
    else:
        found = _paths_here(workspace, a, b, repo, **asked)
    if as_json:
        print_json(found)
        return
    for way in found["paths"]:
        click.echo(clean(" → ".join(_shown(way))))
    if found["cut"]:
        say(f"There are more than these {len(found['paths'])}; --limit lists more of them.")
    if not found["paths"]:
        common = ", ".join(node["key"] for node in found["common"])
        shared = f" Both come from: {common}." if common else ""
        say(f"Neither {found['source']} nor {found['target']} reaches the other.{shared}")
    _warn(found["unresolved"])


def _paths_here(
    workspace: Workspace,
    a: str,
    b: str,
    repo: str | None,
    *,
    longer: bool,
    limit: int,
    dataflow: str | None,
    at: str | None,
    across: bool,
) -> dict[str, Any]:
    from headwater_catalog.answers.lineage import ways_between, ways_json
    from headwater_catalog.lineage_asked import asked_graph

    with workspace.place_of(a, repo, at) as place:
        whole = asked_graph(place, dataflow, is_across=across)
        ends = (whole.key(a), whole.key(b))
    found = ways_between(whole.graph, *ends, longer=longer, limit=limit)
    return {**ways_json(whole.graph, found), "unresolved": whole.unresolved}


def _require_one(dataflow: str | None, across: bool) -> None:
    if across and dataflow is not None:
        raise click.UsageError("--dataflow names one of this repository, and --across goes on in others.")


def _warn(unresolved: Iterable[str]) -> None:
    """Tell people what was declared in vain."""
    for told in unresolved:
        say(told)


def _shown(way: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a way is written as: names, with their modules where a name alone could be another's."""
    names = [node["name"] for node in way]
    return [node["key"] if names.count(node["name"]) > 1 else node["name"] for node in way]
