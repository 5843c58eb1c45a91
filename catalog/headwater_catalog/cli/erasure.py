"""The commands of erasure: the plan, the erasing, what is done by hand, and the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.erasures_here import ErasuresHere
from headwater_catalog.cli.output import clean, counted, json_option, print_json, print_table, say
from headwater_catalog.erasure.items import KINDS, STANDINGS, STATES

if TYPE_CHECKING:
    from headwater_catalog.cli.remote_erasures import RemoteErasures

__all__ = ["close", "erase", "list_all", "mark", "plan", "record", "request", "show", "withdraw"]

_Json = Mapping[str, Any]
_MOST: Final = 200
_NUMBER: Final = click.IntRange(1)
_COLUMNS: Final = click.argument("columns", nargs=-1, required=True, metavar="REPO:COLUMN...")
_THIS: Final = click.argument("number", type=_NUMBER)
_KIND: Final = click.option("--kind", type=click.Choice(list(KINDS)), help="Only things of this kind.")
_STANDING: Final = click.option("--standing", type=click.Choice(STANDINGS), help="Only what stands so.")


@click.command()
@_COLUMNS
@_KIND
@_STANDING
@json_option
@pass_workspace
def plan(
    workspace: Workspace, columns: tuple[str, ...], kind: str | None, standing: str | None, as_json: bool
) -> None:
    """List all that holds something made from columns, such as shop:email; nothing is stored or erased.

    What was made is judged by the code of the commit at which it was made.

    JSON: columns, day, counts_as, not_looked_at, runs, commits, items (repository, kind, name, standing,
    because, columns, run, commit, place, bytes).
    """
    from headwater_catalog.answers.erasures import planned_json
    from headwater_catalog.days import today
    from headwater_catalog.erasure.plan import make_plan
    from headwater_catalog.repositories import get_repository, list_repositories

    repository, named = _split(columns)
    with workspace.reading() as session:
        found = make_plan(session, workspace.settings, get_repository(session, repository), named, today())
        names = {each.id: each.name for each in list_repositories(session)}
        items = [planned_json(item, names[item.repository_id]) for item in found.items]
    items = [each for each in items if each["kind"] == (kind or each["kind"])]
    items = [each for each in items if each["standing"] == (standing or each["standing"])]
    if as_json:
        told = {"columns": list(columns), "day": today(), "counts_as": found.counts_as}
        more = {"not_looked_at": list(found.unknown), "runs": found.runs, "commits": found.commits}
        print_json({**told, **more, "items": items})
        return
    _print_items(items, is_whole=not (kind or standing))
    for each in found.unknown:
        say(each)
    runs, commits = counted(found.runs, "run"), counted(found.commits, "commit")
    say(f"{runs} at {commits} were looked at. To store it: headwater erasure request {columns[0]} ...")


@click.command()
@_COLUMNS
@click.option("--reference", required=True, help="Why: the number of the request in your own register.")
@json_option
@pass_workspace
def request(workspace: Workspace, columns: tuple[str, ...], reference: str, as_json: bool) -> None:
    """Store the plan of an erasure of columns, such as shop:email, under a number of its own.

    JSON: as that of show, without items.
    """
    repository, named = _split(columns)
    _tell(_place(workspace).request(repository, named, reference), as_json)


@click.command("list")
@json_option
@pass_workspace
def list_all(workspace: Workspace, as_json: bool) -> None:
    """List the erasures, the latest first.

    JSON: a list of erasures, as that of show, without items.
    """
    told = _place(workspace).listed()
    if as_json:
        print_json(told)
        return
    rows = [
        [
            str(each["erasure"]),
            each["repository"],
            ", ".join(each["columns"]),
            each["reference"],
            each["state"],
        ]
        for each in told
    ]
    print_table(["erasure", "repository", "columns", "reference", "state"], rows) if rows else say(
        "None yet."
    )


@click.command()
@_THIS
@_KIND
@_STANDING
@click.option("--state", type=click.Choice(STATES), help="Only of which that became.")
@json_option
@pass_workspace
def show(
    workspace: Workspace,
    number: int,
    kind: str | None,
    standing: str | None,
    state: str | None,
    as_json: bool,
) -> None:
    """Show an erasure, and what became of each thing.

    JSON: erasure, repository, columns, reference, state, day, requested_by, requested_at, planned_at, digest,
    counts_as, not_looked_at, begun_by, begun_at, standings, erased_at, closed_by, closed_at, job, counts
    (kind, standing, state, count), items (item, repository, kind, name, standing, because, columns, run,
    commit, place, bytes, state, note, settled_by, settled_at).
    """
    place = _place(workspace)
    told = place.shown(number)
    items = place.items(number, kind or "", standing or "", state or "")
    if as_json:
        print_json({**told, "items": items})
        return
    _print_erasure(told)
    _print_items(items, is_whole=not (kind or standing or state))


@click.command()
@_THIS
@click.option(
    "--also",
    multiple=True,
    type=click.Choice(STANDINGS),
    help="Also what is anonymised, or unknown; can be given twice.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_workspace
def erase(workspace: Workspace, number: int, also: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Erase what Headwater holds itself of an erasure; this cannot be undone.

    Run again, it goes on where it was left. JSON: as that of show, without items.
    """
    place = _place(workspace)
    columns = ", ".join(place.shown(number)["columns"])
    if not yes:
        click.confirm(clean(f"Erase what was made here from {columns}?"), abort=True, err=True)
    _tell(place.erase(number, also), as_json)


@click.command()
@_THIS
@click.option("--item", "items", multiple=True, type=_NUMBER, help="This one; can be given several times.")
@click.option("--kind", type=click.Choice(list(KINDS)), default=None, help="All of this kind.")
@click.option("--standing", type=click.Choice(STANDINGS), default=None, help="All that stand so.")
@click.option(
    "--as", "state", required=True, type=click.Choice(STATES), help="What became of them; or open again."
)
@click.option("--note", "why", default="", help="Why it stays, or what was done; nothing of a person.")
@json_option
@pass_workspace
def mark(
    workspace: Workspace,
    number: int,
    items: tuple[int, ...],
    kind: str | None,
    standing: str | None,
    state: str,
    why: str,
    as_json: bool,
) -> None:
    """Say what became of things that are elsewhere, or why something stays.

    JSON: marked.
    """
    if not (items or kind or standing):
        raise click.UsageError("Say which: --item, --kind or --standing.")
    count = _place(workspace).mark(number, items, kind or "", standing or "", state, why)
    print_json({"marked": count}) if as_json else say(f"{counted(count, 'item')} marked as {state}.")


@click.command()
@_THIS
@json_option
@pass_workspace
def close(workspace: Workspace, number: int, as_json: bool) -> None:
    """End an erasure of which nothing is open any more.

    JSON: as that of show, without items.
    """
    _tell(_place(workspace).close(number), as_json)


@click.command()
@_THIS
@json_option
@pass_workspace
def withdraw(workspace: Workspace, number: int, as_json: bool) -> None:
    """Give up an erasure of which nothing is done yet.

    JSON: as that of show, without items.
    """
    _tell(_place(workspace).withdraw(number), as_json)


@click.command()
@_THIS
@click.option("--signed", is_flag=True, help="In an envelope that the key of manifests has signed.")
@json_option
@pass_workspace
def record(workspace: Workspace, number: int, signed: bool, as_json: bool) -> None:
    """Write the record of an erasure to standard output, as JSON in any case.

    JSON: form, what show tells, is_final, events (event, at, kind, actor, details, hash), items; with
    --signed: payload (that, base64), payloadType, signatures (keyid, sig).
    """
    print_json(_place(workspace).record(number, signed=signed))


def _place(workspace: Workspace) -> ErasuresHere | RemoteErasures:
    """Return where erasures are: in the catalog here, or in one that is served elsewhere."""
    return workspace.remote.erasures if workspace.remote else ErasuresHere(workspace)


def _split(columns: Iterable[str]) -> tuple[str, list[str]]:
    """Return the repository and the columns in it."""
    from headwater_catalog.erasure.columns import split_column

    pairs = [split_column(each) for each in columns]
    names = {repository for repository, _ in pairs}
    if len(names) > 1:
        raise click.UsageError(
            f"These are columns of several repositories: {', '.join(sorted(names))}. What draws from others "
            "is found in any case; ask for each in an erasure of its own."
        )
    return names.pop(), [column for _, column in pairs]


def _tell(told: _Json, as_json: bool) -> None:
    print_json(told) if as_json else _print_erasure(told)


def _print_erasure(told: _Json) -> None:
    columns = ", ".join(told["columns"])
    click.echo(clean(f"Erasure {told['erasure']} of {told['repository']}: {columns}, {told['reference']}"))
    click.echo(f"state    {told['state']}")
    for what, by, at in (("asked", "requested_by", "requested_at"), ("begun", "begun_by", "begun_at")):
        if told[at]:
            click.echo(clean(f"{what:8} {told[at]} by {told[by]}"))
    if told["closed_at"]:
        click.echo(clean(f"closed   {told['closed_at']} by {told['closed_by']}"))
    rows = [[each["kind"], each["standing"], each["state"], f"{each['count']:,}"] for each in told["counts"]]
    if rows:
        print_table(["kind", "standing", "state", "count"], rows)
    for each in told["not_looked_at"]:
        say(clean(each))


def _print_items(items: list[dict[str, Any]], *, is_whole: bool) -> None:
    if not items:
        say("Nothing holds anything made from it." if is_whole else "Nothing of that is in the plan.")
        return
    counts = Counter(each["kind"] for each in items)
    say(", ".join(f"{kind}: {count:,}" for kind, count in counts.items()))
    rows = [
        [
            *([str(each["item"]), each["state"]] if "item" in each else []),
            *(each["repository"], each["kind"], each["name"], each["standing"], (each["commit"] or "")[:8]),
            *(each["place"], each["because"]),
        ]
        for each in items[:_MOST]
    ]
    marks = ["item", "state"] if "item" in items[0] else []
    heads = ["repository", "kind", "name", "standing", "commit", "place", "because"]
    print_table([*marks, *heads], rows)
    if len(items) > _MOST:
        say(f"These are the first {_MOST} of {len(items):,}; --json has all.")
