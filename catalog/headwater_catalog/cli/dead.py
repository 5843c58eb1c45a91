"""The command that lists what nothing needs any more, and makes patches that take it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.failures import WrongUse
from headwater_catalog.cli.output import clean, counted, day_of, json_option, print_json, print_table, say

__all__ = ["dead"]

_STATES: Final = ("dead", "elsewhere", "unknown", "new")
_DAYS: Final = 90


@click.command()
@click.option("--repo", help="Only in this repository.")
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=_DAYS,
    show_default=True,
    help="For how many days nothing has needed them.",
)
@click.option("--state", type=click.Choice((*_STATES, "all")), default="dead", help="What to list.")
@click.option("--patch", "as_patch", is_flag=True, help="Print a patch that takes dead features out.")
@click.option("--only", "keys", multiple=True, metavar="KEY", help="With --patch: this one; may be repeated.")
@json_option
@pass_workspace
def dead(
    workspace: Workspace,
    repo: str | None,
    days: int,
    state: str,
    as_patch: bool,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """List features that no declared output, run or other repository has needed for some days, anywhere.

    Branches count, too. Where it cannot be known, they are "unknown", and never "dead"; "elsewhere" is what
    only other branches need, and "new" what came less than so long ago. --patch takes out what nothing names
    any more: `headwater dead --patch > dead.patch && git apply dead.patch`.

    JSON: items (repository, key, state, reason, path, line, owners, added, changed, author, last_run,
    last_run_at, last_dataset), proof (repository, days, since, first, commits, outputs, runs, datasets,
    branches (name, sha), repositories, doubts, needed, counts).
    """
    if keys and not as_patch:
        raise click.UsageError("--only says what a patch takes out: give --patch, too.")
    if as_patch:
        if as_json or state != "dead":
            raise click.UsageError("--patch takes out what is dead, and is no JSON. Leave the rest out.")
        _print_patch(workspace, repo, days, keys)
        return
    wanted = None if state == "all" else state
    if workspace.remote:
        found = workspace.remote.dead(repo, days, wanted)
    else:
        found = _here(workspace, repo, days, wanted)
    if as_json:
        print_json(found)
    else:
        _show(found, days)


def _here(workspace: Workspace, repo: str | None, days: int, state: str | None) -> dict[str, Any]:
    from headwater_catalog.answers.redundancy import proof_json, unneeded_json
    from headwater_catalog.days import today
    from headwater_catalog.dead import dead_features
    from headwater_catalog.moments import moment_at
    from headwater_catalog.repositories import get_repository
    from headwater_catalog.search import heads

    with workspace.reading() as session:
        if repo is None:
            moments = heads(session, workspace.settings)
        else:
            moments = [moment_at(session, workspace.settings, get_repository(session, repo))]
        places = [dead_features(moment, days, today()) for moment in moments]
    items = [
        unneeded_json(place.repository, each)
        for place in places
        for each in place.found
        if state in (None, each.state)
    ]
    return {"items": items, "proof": [proof_json(place) for place in places]}


def _print_patch(workspace: Workspace, repo: str | None, days: int, keys: tuple[str, ...]) -> None:
    from headwater_catalog.days import today
    from headwater_catalog.dead import DEAD, dead_features
    from headwater_catalog.dead_patch import dead_patch

    if workspace.remote:
        raise click.UsageError("--patch is made on the machine of the catalog. Leave out --remote.")
    with workspace.place(repo, None) as place:
        found = dead_features(place, days, today())
        known = [each.key for each in found.found if each.state == DEAD]
        alive = [key for key in keys if key not in known]
        if alive:
            raise WrongUse(f"Not dead for {counted(days, 'day')}: {', '.join(alive)}.")
        made = dead_patch(place, keys or known)
    with click.open_file("-", "wb") as stream:  # bytes: files keep their line ends and encodings
        stream.write(made.diff)
    for key, reason in made.left_out.items():
        say(f"Left out: {key}: {reason}.")
    say(f"{counted(len(made.removed), 'feature')} taken out, {len(made.left_out):,} left out.")


def _show(found: Mapping[str, Any], days: int) -> None:
    items = found["items"]
    several = len({item["repository"] for item in items}) > 1
    rows = [
        (
            f"{item['repository']}:{item['key']}" if several else item["key"],
            item["state"],
            item["reason"],
            ", ".join(item["owners"]),
            day_of(item["changed"]) if item["changed"] else "",
            f"run {item['last_run']}" if item["last_run"] else "",
        )
        for item in items
    ]
    if rows:
        print_table(("FEATURE", "STATE", "WHY", "OWNER", "CHANGED", "LAST RUN"), rows, wide=2)
    for proof in found["proof"]:
        outputs = sum(proof["outputs"].values())
        say(
            clean(
                f"{proof['repository']}: {counted(proof['needed'], 'feature')} needed by "
                f"{counted(outputs, 'output')} of {counted(len(proof['outputs']), 'dataflow')} and "
                f"{counted(proof['runs'], 'run')} since {proof['since']}, at "
                f"{counted(proof['commits'], 'commit')} and {len(proof['branches'])} ends of branches."
            )
        )
    say(f"{counted(len(items), 'feature')} that nothing needed for {counted(days, 'day')}.")
