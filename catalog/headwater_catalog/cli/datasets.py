"""The commands about saved datasets: where a file comes from, and what would come out otherwise now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, only_repository, pass_workspace
from headwater_catalog.cli.failures import FINDINGS
from headwater_catalog.cli.output import clean, counted, json_option, print_json, print_table, say
from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from headwater_catalog.audit import Audit, Found, Verified
    from headwater_catalog.standings import ColumnNow, Standing
    from headwater_catalog.store.models import DatasetVersion

__all__ = ["audit", "stale"]

_MOST_NAMED: Final = 3
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

    JSON: file, format, origin, store, differences, damage, version, others, stamp, fingerprint, columns,
    standing (commit, reason, columns), definitions, verified (same, rows, changed, added, removed, renamed).
    """
    with without_collection():  # most of the time goes into imports
        from headwater_catalog.audit import audit_file

        with workspace.reading() as session:
            # Of a file that is known here much is kept, and what is not asked for is not even imported.
            found = audit_file(session, workspace.settings, file, verify=verify, definitions=as_json)
            if as_json:
                from headwater_catalog.answers.datasets import audit_json

                print_json(audit_json(found))
        if not as_json:
            _print_audit(found)
    if not found.is_in_order:
        click.get_current_context().exit(FINDINGS)


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
    because, upstream, commits, beside).
    """
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
        found = [
            (version, standing_of_version(session, workspace.settings, version))
            for version in versions
            if version.stamp is not None
        ]
        told = [stale_json(version, standing) for version, standing in found]
    if as_json:
        print_json([each for each in told if each["columns"] or each["reason"]])
    else:
        _print_stale(told, dict(enumerate(standing for _, standing in found)))
    if any(each["columns"] for each in told):
        click.get_current_context().exit(FINDINGS)


def _print_stale(told: Sequence[Mapping[str, Any]], standings: Mapping[int, Standing]) -> None:
    rows = [
        [
            f"{each['repository']}:{each['dataset']}@{each['run']}",
            column.name,
            ", ".join(column.classes) or column.state,
            _by(column),
        ]
        for number, each in enumerate(told)
        for column in standings[number].stale
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


def _by(column: ColumnNow) -> str:
    commits = [f"{commit.sha[:8]} {commit.subject}" for commit in column.commits]
    if column.beside:
        commits.insert(0, "its commit is beside the main line")
    return "; ".join(_some(commits))


def _some(names: Iterable[str]) -> list[str]:
    found = list(names)
    more = [f"and {len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
    return [*found[:_MOST_NAMED], *more]


def _print_audit(found: Audit) -> None:
    for line in _lines(found):
        click.echo(clean(line))
    if found.standing is None or found.found.stamp is None:
        return
    standing = {column.name: column for column in found.standing.columns}
    rows = []
    for column in found.found.stamp.columns:
        now = standing.get(column["name"])
        rows.append(
            [
                column["name"],
                column.get("feature") or column.get("source") or column["kind"],
                (column.get("introduced") or "")[:8],
                _state(now),
            ]
        )
    print_table(["column", "from", "defined in", "at main now"], [[clean(cell) for cell in r] for r in rows])
    if found.standing.reason:
        say(clean(f"How it stands at main is not known: {found.standing.reason}"))


def _state(now: ColumnNow | None) -> str:
    if now is None or now.state == "none":
        return ""
    if not now.is_stale:
        return f"same, as {now.now}" if now.now else now.state
    told = ", ".join(now.classes) or now.state
    return f"{told}: {by}" if (by := _by(now)) else told


def _lines(found: Audit) -> Iterator[str]:
    origin, stamp = found.found, found.found.stamp
    if origin.damage:
        yield origin.damage
    if stamp is None:
        yield f"{origin.name}: no stamp, and no dataset of this catalog has this content."
        return
    content = stamp.content
    yield (
        f"{origin.name}: dataset '{content['dataset']}' of '{content['repository']}', "
        f"{counted(stamp.rows, 'row')}, {counted(len(stamp.columns), 'column')}"
    )
    if origin.origin == "content":
        yield "It has no stamp; it was found by its content."
    yield f"made     {content['made_at']} by {content['made_by']}, run {content['run']}"
    yield f"commit   {content['commit']}"
    yield f"dataflow {content['dataflow']} {content['config'] or ''}".rstrip()
    for name, given in content["inputs"].items():
        told = given.get("path", given.get("value"))
        yield f"input    {name} = {told} {str(given.get('sha256', ''))[:16]}".rstrip()
    yield _store(origin)
    if found.verified is not None:
        yield from _verified(found.verified)
    else:
        yield "The data was not read; --verify does."


def _store(origin: Found) -> str:
    return _STORE[origin.store] + (", ".join(origin.differences) + "." if origin.differences else "")


def _verified(verified: Verified) -> Iterator[str]:
    if verified.is_same:
        yield "The data is what was saved."
        return
    yield "The data was changed after it was made:"
    then, now = verified.rows
    if then != now:
        yield f"  {counted(then, 'row')} then, {now:,} now"
    for what, names in (
        ("other values", verified.changed),
        ("added", verified.added),
        ("removed", verified.removed),
        ("renamed", [f"{then} to {now}" for then, now in verified.renamed]),
    ):
        if names:
            yield f"  {what}: {', '.join(names)}"
