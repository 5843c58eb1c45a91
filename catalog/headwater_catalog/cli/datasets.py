"""The commands about saved datasets: where a file comes from, and what would come out otherwise now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, only_repository, pass_workspace
from headwater_catalog.cli.failures import FINDINGS
from headwater_catalog.cli.output import clean, counted, json_option, print_json, print_table, say
from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from headwater_catalog.store.models import DatasetVersion

__all__ = ["audit", "stale"]

_Json = Mapping[str, Any]

_MOST_NAMED: Final = 3
_KEPT: Final = {True: "still kept", False: "no longer kept", None: ""}
_STORE: Final = {
    "known": "The catalog knows it, and says the same.",
    "unknown": "The catalog does not know it: it is the word of the file alone.",
    "differs": "The catalog knows it, and says something else of: ",
}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--verify", is_flag=True, help="Read the data, too, and tell what was changed after it was made."
)
@json_option
@pass_workspace
def audit(workspace: Workspace, file: Path, verify: bool, as_json: bool) -> None:
    """Tell who made FILE, when, at which commit, from what, and whether its columns still mean the same.

    A Parquet or Arrow file has a stamp in it, a CSV or JSON file one beside it (FILE.headwater.json). Without
    a stamp, FILE is found by its content. Ends with 1 where something is not in order.

    JSON: file, format, origin, store, differences, damage, kept_inputs, erased, version, others, stamp,
    fingerprint, columns, standing (commit, reason, columns), definitions, verified (same, rows, changed,
    added, removed, renamed).
    """
    told = (
        workspace.remote.datasets.audit(file, verify)
        if workspace.remote
        else _audit_here(workspace, file, verify, whole=as_json)
    )
    if as_json:
        print_json(told)
    else:
        _print_audit(told)
    verified = told["verified"]
    if told["store"] != "known" or told["damage"] or (verified is not None and not verified["same"]):
        click.get_current_context().exit(FINDINGS)


def _audit_here(workspace: Workspace, file: Path, verify: bool, whole: bool) -> _Json:
    with without_collection():  # most of the time goes into imports
        from headwater_catalog.answers.datasets import audit_json
        from headwater_catalog.audit import audit_file

        with workspace.reading() as session:
            # Of a file that is known here much is kept, and what is not asked for is not even imported.
            found = audit_file(session, workspace.settings, file, verify=verify, definitions=whole)
            return audit_json(found, sees_personal=True)


@click.command()
@click.argument("dataset", required=False)
@click.option("--repo", help="Only datasets of this repository.")
@json_option
@pass_workspace
def stale(workspace: Workspace, dataset: str | None, repo: str | None, as_json: bool) -> None:
    """List the columns of the newest versions of datasets that mean something else at main now.

    DATASET is one of them, or one of its versions as NAME@RUN; all of them unless given. Ends with 1 where
    there is any.

    JSON: a list of repository, dataset, run, commit, at, reason, columns (name, state, feature, now, classes,
    because, upstream, commits, stretches, beside).
    """
    ask = workspace.remote.datasets.stale if workspace.remote else partial(_stale_here, workspace)
    told = ask(dataset, repo)
    if as_json:
        print_json([each for each in told if each["columns"] or each["reason"]])
    else:
        _print_stale(told)
    if any(each["columns"] for each in told):
        click.get_current_context().exit(FINDINGS)


def _stale_here(workspace: Workspace, dataset: str | None, repo: str | None) -> list[dict[str, Any]]:
    from headwater_catalog.answers.datasets import stale_json
    from headwater_catalog.datasets import newest_versions, version_named
    from headwater_catalog.kept_standings import standing_of_version

    def repository_of(version: DatasetVersion) -> str:
        return version.dataset.repository.name

    with without_collection(), workspace.reading() as session:
        if dataset is not None:
            versions = [version_named(session, only_repository(session, repo), dataset)]
        else:
            place = only_repository(session, repo) if repo is not None else None
            versions = sorted(newest_versions(session, place), key=repository_of)
        return [
            stale_json(version, standing_of_version(session, workspace.settings, version))
            for version in versions
            if version.stamp is not None
        ]


def _print_stale(told: Sequence[_Json]) -> None:
    rows = [
        [
            f"{each['repository']}:{each['dataset']}@{each['run']}",
            column["name"],
            ", ".join(column["classes"]) or column["state"],
            _by(column),
        ]
        for each in told
        for column in each["columns"]
    ]
    if rows:
        print_table(["dataset", "column", "change", "by"], [[clean(cell) for cell in row] for row in rows])
        stale_ones = dict.fromkeys(row[0] for row in rows)
        say(f"To recompute: {', '.join(stale_ones)}.")
    else:
        say(f"Nothing is stale: {counted(len(told), 'dataset')} looked at.")
    for each in told:
        if each["reason"]:
            say(clean(f"{each['dataset']}@{each['run']} cannot be judged: {each['reason']}"))


def _by(column: _Json) -> str:
    told = ["its commit is beside the main line"] if column["beside"] else []
    for stretch in column["stretches"]:
        count = stretch["until"]["position"] - stretch["after"]["position"]
        between = f"after {stretch['after']['sha'][:8]} up to {stretch['until']['sha'][:8]}"
        told.append(f"some of the {count:,} commits {between}")
    told += [f"{commit['sha'][:8]} {commit['subject']}" for commit in column["commits"]]
    return "; ".join(_some(told))


def _some(names: Iterable[str]) -> list[str]:
    found = list(names)
    more = [f"and {len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
    return [*found[:_MOST_NAMED], *more]


def _print_audit(told: _Json) -> None:
    for line in _lines(told):
        click.echo(clean(line))
    standing = told["standing"]
    if standing is None or told["columns"] is None:
        return
    now = {column["name"]: column for column in standing["columns"]}
    rows = [
        [
            column["name"],
            column.get("feature") or column.get("source") or column["kind"],
            (column.get("introduced") or "")[:8],
            _state(now.get(column["name"])),
        ]
        for column in told["columns"]
    ]
    print_table(["column", "from", "defined in", "at main now"], [[clean(cell) for cell in r] for r in rows])
    if standing["reason"]:
        say(clean(f"How it stands at main is not known: {standing['reason']}"))


def _state(now: _Json | None) -> str:
    if now is None or now["state"] == "none":
        return ""
    if now["state"] not in ("changed", "removed"):
        return f"same, as {now['now']}" if now["now"] else str(now["state"])
    what = ", ".join(now["classes"]) or str(now["state"])
    return f"{what}: {by}" if (by := _by(now)) else what


def _extent(told: _Json, stamp: _Json) -> str:
    if told["fingerprint"]["scheme"] == "bytes":
        return f"'{told['columns'][0]['name']}', which is no table"
    return f"{counted(stamp['rows'], 'row')}, {counted(len(told['columns']), 'column')}"


def _lines(told: _Json) -> Iterator[str]:
    if told["damage"]:
        yield told["damage"]
    stamp = told["stamp"]
    if stamp is None:
        yield f"{told['file']}: no stamp, and no dataset of this catalog has this content."
        return
    yield (f"{told['file']}: dataset '{stamp['dataset']}' of '{stamp['repository']}', {_extent(told, stamp)}")
    if told["origin"] == "content":
        yield "It has no stamp; it was found by its content."
    yield f"made     {stamp['made_at']} by {stamp['made_by']}, run {stamp['run']}"
    yield f"commit   {stamp['commit']}"
    if stamp.get("patch"):
        yield f"changes  of a working tree, on top of commit {stamp['patch']['on']}"
    yield f"dataflow {stamp['dataflow']} {stamp['config'] or ''}".rstrip()
    if stamp.get("env"):
        yield f"env      {stamp['env']}"
    if stamp.get("sample"):
        yield f"sample   only the first rows of each source: {stamp['sample']}"
    for name, given in stamp["inputs"].items():
        what = given.get("path", given.get("value"))
        kept = _KEPT[told["kept_inputs"].get(name)]
        yield f"input    {name} = {what} {str(given.get('sha256', ''))[:16]} {kept}".rstrip()
    yield _STORE[told["store"]] + (", ".join(told["differences"]) + "." if told["differences"] else "")
    if erased := told.get("erased"):
        yield (
            f"What was kept of it was erased on {erased['at'][:10]} by erasure {erased['erasure']} "
            f"({erased['reference']}): this is a copy of it."
        )
    if told["verified"] is not None:
        yield from _verified(told["verified"])
    else:
        yield "The data was not read; --verify does."


def _verified(verified: _Json) -> Iterator[str]:
    if verified["same"]:
        yield "The data is what was saved."
        return
    yield "The data was changed after it was made:"
    then, now = verified["rows"]["then"], verified["rows"]["now"]
    if then != now:
        yield f"  {counted(then, 'row')} then, {now:,} now"
    for what, names in (
        ("other values", verified["changed"]),
        ("added", verified["added"]),
        ("removed", verified["removed"]),
        ("renamed", [f"{each['then']} to {each['now']}" for each in verified["renamed"]]),
    ):
        if names:
            yield f"  {what}: {', '.join(names)}"
