"""The command that lists functions that do the same, in a catalog or without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import counted, json_option, print_json, print_table, say

if TYPE_CHECKING:
    from headwater_catalog.governance.duplicates import Duplicates

__all__ = ["duplicates"]

_KINDS: Final = ("same", "copy", "near")
_MOST_NAMED: Final = 6  # functions of a line; --json has all


@click.command()
@click.option("--repo", help="Only those with a function in this repository of the catalog.")
@click.option("--kind", type=click.Choice(_KINDS), help="Only those of this kind.")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look at the repository in this folder, without a catalog.",
)
@click.option("--at", help="With --path: a commit, tag or branch; the files as they lie there unless given.")
@json_option
@pass_workspace
def duplicates(
    workspace: Workspace, repo: str | None, kind: str | None, path: Path | None, at: str | None, as_json: bool
) -> None:
    """List functions that do the same, or almost, at main of all repositories; nothing is executed.

    "same" means the same: the same code on the same data. "copy" is the same code but for names, on other
    data. "near" are those with like names and much the same code, on much the same data.
    docs/redundancy.md says exactly what counts.

    JSON: items (id, kind, size, differing, likeness (code, data, names), members (repository, module,
    function, features, path, line, end_line, type, needs, owners)), not_worked_out (repositories), crowded.
    """
    if path is not None and repo is not None:
        raise click.UsageError("--path and --repo say two things. Give one of them.")
    if path is None and at is not None:
        raise click.UsageError("--at goes with --path. A catalog looks at main.")
    if path is not None:
        found = _answer(_in_folder(path, at), None, kind)
    elif workspace.remote:
        found = workspace.remote.duplicates(repo, kind)
    else:
        found = _here(workspace, repo, kind)
    if as_json:
        print_json(found)
    else:
        _show(found)


def _in_folder(path: Path, at: str | None) -> Duplicates:
    from headwater_catalog.definitions_at import definitions_of
    from headwater_catalog.governance.duplicates import functions_of, group_functions
    from headwater_catalog.two_trees import read_one_tree

    read = read_one_tree(path, at)
    definitions = definitions_of(read.snapshot, read.lineages)
    return group_functions(functions_of(path.resolve().name, read.snapshot, definitions))


def _here(workspace: Workspace, repo: str | None, kind: str | None) -> dict[str, Any]:
    from headwater_catalog.definitions_at import DefinitionReader
    from headwater_catalog.duplicates_at import duplicates_at, not_worked_out
    from headwater_catalog.moments import moment_at
    from headwater_catalog.repositories import get_repository
    from headwater_catalog.search import heads

    with workspace.reading() as session:
        if repo is not None:
            moment_at(session, workspace.settings, get_repository(session, repo))
        missing = not_worked_out(heads(session, workspace.settings))
    for name in missing:  # as a worker does after a scan
        DefinitionReader().keep_head(workspace.database, workspace.settings, name)
    with workspace.reading() as session:
        return _answer(duplicates_at(heads(session, workspace.settings)), repo, kind)


def _answer(found: Duplicates, repo: str | None, kind: str | None) -> dict[str, Any]:
    from headwater_catalog.answers.redundancy import group_json

    wanted = (group for group in found.groups if kind in (None, group.kind))
    items = [group_json(group) for group in wanted if repo is None or group.is_in(repo)]
    return {"items": items, "not_worked_out": [], "crowded": found.crowded}


def _show(found: Mapping[str, Any]) -> None:
    items = found["items"]
    several = len({member["repository"] for item in items for member in item["members"]}) > 1
    rows = [(item["kind"], _named(item, several), ", ".join(item["differing"])) for item in items]
    if rows:
        print_table(("KIND", "FUNCTIONS", "DIFFER IN"), rows, wide=1)
    for name in found["not_worked_out"]:
        say(f"What the features of {name} mean is not worked out yet: a worker does that after a scan.")
    if found["crowded"]:
        say(f"{counted(found['crowded'], 'function')} have too many like them to be compared with each.")
    say(f"{counted(len(items), 'set')} of functions that do the same, or almost." if items else "None.")


def _named(item: Mapping[str, Any], several: bool) -> str:
    members = item["members"]
    told = [
        (f"{each['repository']}:" if several else "") + f"{each['module']}:{each['function']}"
        for each in members[:_MOST_NAMED]
    ]
    more = f" and {len(members) - _MOST_NAMED} more" if len(members) > _MOST_NAMED else ""
    return ", ".join(told) + more
