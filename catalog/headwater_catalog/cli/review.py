"""The command that tells the whole story of a change, for whoever reviews it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.check import day_given, policies_in
from headwater_catalog.cli.compared import Ends, TwoFiles, compared, two_commits
from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, print_json
from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from headwater_catalog.governance.policies import Author
    from headwater_catalog.governance.review import Review
    from headwater_catalog.rules import Policy
    from headwater_catalog.snapshot import Snapshot

__all__ = ["review"]


@click.command()
@two_commits
@click.option(
    "--policies",
    "files",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A file of policies, or a folder of such, that hold besides those of the repository.",
)
@click.option("--day", help="The day on which barriers and exceptions must hold, as YYYY-MM-DD; else today.")
@pass_workspace
def review(
    workspace: Workspace,
    commits: Ends,
    repo: str | None,
    path: Path | None,
    as_json: bool,
    files: tuple[Path, ...],
    day: str | None,
) -> None:
    """Tell the whole story of a change from A to B in Markdown, for a pull request.

    The commits, or files, are given as for `headwater diff`: main...my-branch is what a branch did since it
    left main.
    It tells findings, changes of the rules themselves and of classifications, what changed and what that
    reaches, whom to ask, and which saved datasets become stale.

    JSON: repository, all that `headwater check --base` has, counts (by change class), changed (key, classes,
    origin, because, is_of_meaning, owners), dataflows (name, change, details), reached, modules, outputs and
    datasets as `headwater impact` has them, owners (name, changed, reached), rules (kind, name, about,
    change, effect, details, path, line, keys).
    """
    if workspace.remote and path is None and not isinstance(commits, TwoFiles):
        if files:
            raise click.UsageError(
                "A catalog that is served elsewhere judges by its own policies: leave --policies out, or "
                "give --path with a checkout of the repository."
            )
        told = workspace.remote.review(commits, repo, day_given(day))
    else:
        with without_collection():
            asked = policies_in(files), day_given(day)
            told = (
                _reviewed_here(workspace, commits, repo, *asked)
                if path is None and not isinstance(commits, TwoFiles)
                else _reviewed_in(workspace, commits, repo, path, *asked)
            )
    if as_json:
        print_json(told)
        return
    from headwater_catalog.governance.review_text import review_markdown

    click.echo(clean(review_markdown(told)))


def _reviewed_here(
    workspace: Workspace, commits: str, repo: str | None, more: list[Policy], day: str
) -> dict[str, Any]:
    from headwater_catalog.commit_range import commit_range
    from headwater_catalog.moments import moment_at
    from headwater_catalog.repositories import open_mirror, resolve_at
    from headwater_catalog.reviewed_changes import reviewed

    with workspace.place(repo, None) as head:
        place = head.session, head.settings, head.repository
        with open_mirror(head.settings, head.repository) as source:
            chosen = commit_range(source, commits, lambda ref: resolve_at(*place, ref).sha)
        before = moment_at(*place, chosen.before) if chosen.before is not None else None
        return reviewed(before, moment_at(*place, chosen.after), day, more)


def _reviewed_in(
    workspace: Workspace, commits: Ends, repo: str | None, path: Path | None, more: list[Policy], day: str
) -> dict[str, Any]:
    from headwater_catalog.answers.reviews import review_json
    from headwater_catalog.governance.changed import authors_between
    from headwater_catalog.governance.review import review as find

    with compared(workspace, commits, repo, path) as two:
        name = two.name
        authors: tuple[Author, ...] = ()  # exported files do not say who changed what
        if two.source is not None:
            authors = authors_between(two.source, two.before_sha, two.after_sha, two.before, two.after)
        found = find(name, two.before, two.after, day, authors=authors, more=more)
        if two.source is None:
            found = _without_authors(found, two.after.snapshot, more)
        return review_json(name, two.before_sha, two.after_sha, day, found, None)


def _without_authors(found: Review, snapshot: Snapshot, more: list[Policy]) -> Review:
    """Tell of policies that ask who changed something that nobody knows here whether they hold."""
    from headwater_catalog.governance.check import policies_of
    from headwater_catalog.governance.findings import Unknown

    reason = "Exported catalogs do not say who changed what. Review the commits themselves: A..B."
    asking = (policy for policy in policies_of(snapshot, more) if policy.changed_only_by)
    unknown = (*found.checked.unknown, *(Unknown(policy.name, reason) for policy in asking))
    return replace(found, checked=replace(found.checked, unknown=unknown))
