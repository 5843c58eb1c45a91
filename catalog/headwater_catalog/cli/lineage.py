"""The commands that follow lineage: what a feature needs and feeds, and the ways between two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, about_a_feature, pass_workspace, where_to_look
from headwater_catalog.cli.output import clean, print_json, print_table, say

if TYPE_CHECKING:
    from headwater_catalog.lineage import LineageDifference, LineageGraph
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
    """List what FEATURE needs and what needs it, with distances. `input:NAME` means an external input.

    JSON: focus, upstream and downstream (each a list of key, name, type, distance, input), edges (source,
    target, dataflows) among these nodes, unresolved (declared sources that lead nowhere; with --across),
    changes (with --since: added, removed, added_edges, removed_edges; else null).
    """
    from headwater_catalog.answers.lineage import lineage_json
    from headwater_catalog.lineage import difference

    if since is not None and across:
        raise click.UsageError("--since compares commits of one repository, and --across goes on in others.")
    with workspace.place_of(feature, repo, at) as place:
        found = _found(place, dataflow, across)
        key, earlier = found.key(place, feature), _earlier(place, since, dataflow)
    near = found.graph.around(key, up, down)
    answer = lineage_json(near, key, up, down)
    changes = difference(earlier.around(key, up, down), near) if earlier is not None else None
    if as_json:
        print_json({**answer, "unresolved": found.unresolved, "changes": changes and asdict(changes)})
    elif changes is not None:
        click.echo(clean("\n".join(_change_lines(changes) or ["Nothing came into it, and nothing went."])))
    else:
        _print(answer)
    found.warn()


def _earlier(place: Moment, since: str | None, dataflow: str | None) -> LineageGraph | None:
    from headwater_catalog.moments import moment_at

    if since is None:
        return None
    return moment_at(place.session, place.settings, place.repository, since).graph(dataflow)


def _print(answer: Mapping[str, Any]) -> None:
    rows = [(way, row) for way in ("up", "down") for row in answer[f"{way}stream"]]
    if rows:
        print_table(
            ("WAY", "STEPS", "NAME", "TYPE", "KEY"),
            [(way, str(row["distance"]), row["name"], row["type"], row["key"]) for way, row in rows],
        )
    else:
        say(f"{answer['focus']} needs nothing, and nothing needs it.")


def _change_lines(changes: LineageDifference) -> list[str]:
    lines = [f"+ {key}" for key in changes.added] + [f"- {key}" for key in changes.removed]
    lines += [f"+ {edge.source} → {edge.target}" for edge in changes.added_edges]
    return lines + [f"- {edge.source} → {edge.target}" for edge in changes.removed_edges]


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

    JSON: source, target, paths (each a list of key, name, type, input, from end to end), cut (whether there
    may be more), common (where neither reaches the other: what both come from, nearest first, each with
    key and distances to both), unresolved (declared sources that lead nowhere; with --across).
    """
    from headwater_catalog.answers.lineage import ways_between, ways_json

    with workspace.place_of(a, repo, at) as place:
        whole = _found(place, dataflow, across)
        ends, graph = (whole.key(place, a), whole.key(place, b)), whole.graph
    found = ways_between(graph, *ends, longer=longer, limit=limit)
    if as_json:
        print_json({**ways_json(graph, found), "unresolved": list(whole.unresolved)})
        return
    for way in found.paths:
        click.echo(clean(" → ".join(_shown(graph, way))))
    if found.is_cut:
        say(f"There are more than these {len(found.paths)}; --limit lists more of them.")
    if not found.paths:
        shared = f" Both come from: {', '.join(node.key for node in found.common)}." if found.common else ""
        say(f"Neither {ends[0]} nor {ends[1]} reaches the other.{shared}")
    whole.warn()


@dataclass(frozen=True, slots=True)
class _Found:
    """The graph that a command looks at; `prefix` stands before the keys of its own repository."""

    graph: LineageGraph
    prefix: str = ""
    unresolved: tuple[str, ...] = ()

    def key(self, place: Moment, feature: str) -> str:
        """Return the key of a feature, or of an input, that a reader names."""
        from headwater_catalog.features import find_key
        from headwater_catalog.lineage import INPUT_PREFIX

        is_elsewhere = feature.count(":") > 1 and not feature.startswith(f"{place.repository.name}:")
        if self.prefix and (is_elsewhere or feature in self.graph.nodes):
            return self.graph[feature].key
        is_input = feature.startswith(INPUT_PREFIX)
        key = feature if is_input else ":".join(find_key(place, feature))
        return self.graph[self.prefix + key].key

    def warn(self) -> None:
        """Tell people what was declared in vain."""
        for told in self.unresolved:
            say(told)


def _found(place: Moment, dataflow: str | None, is_across: bool) -> _Found:
    if not is_across:
        return _Found(place.graph(dataflow))
    if dataflow is not None:
        raise click.UsageError("--dataflow names one of this repository, and --across goes on in others.")
    from headwater_catalog.cross_repository import across

    whole = across(place)
    return _Found(whole.graph, f"{whole.label}:", whole.unresolved)


def _shown(graph: LineageGraph, way: tuple[str, ...]) -> list[str]:
    """Return what a way is written as: names, with their modules where a name alone could be another's."""
    names = [graph[key].name for key in way]
    return [key if names.count(name) > 1 else name for key, name in zip(way, names, strict=True)]
