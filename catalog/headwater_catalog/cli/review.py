"""The command that tells the whole story of a change, for whoever reviews it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.check import day_given, policies_in
from headwater_catalog.cli.compared import compared, two_commits
from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, print_json
from headwater_catalog.collection import without_collection

if TYPE_CHECKING:
    from headwater_catalog.rules import Policy

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
    commits: str,
    repo: str | None,
    path: Path | None,
    as_json: bool,
    files: tuple[Path, ...],
    day: str | None,
) -> None:
    """Tell the whole story of a change from A to B in Markdown, for a pull request.

    The commits are given as for `headwater diff`: main...my-branch is what a branch did since it left main.
    It tells findings, changes of the rules themselves and of classifications, what changed and what that
    reaches, whom to ask, and which saved datasets become stale.

    JSON: repository, all that `headwater check --base` has, counts (by change class), changed (key, classes,
    origin, because, is_of_meaning, owners), dataflows (name, change, details), reached, modules, outputs and
    datasets as `headwater impact` has them, owners (name, changed, reached), rules (kind, name, about,
    change, effect, details, path, line, keys).
    """
    if workspace.remote and path is None:
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
                if path is None
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
    workspace: Workspace, commits: str, repo: str | None, path: Path, more: list[Policy], day: str
) -> dict[str, Any]:
    from headwater_catalog.answers.reviews import review_json
    from headwater_catalog.governance.changed import review_authors
    from headwater_catalog.governance.review import review as find

    with compared(workspace, commits, repo, path) as two:
        name = path.resolve().name
        commits_of = two.source, two.before_sha, two.after_sha
        authors = tuple(review_authors(*commits_of, two.before, two.after))
        found = find(name, two.before, two.after, day, authors=authors, more=more)
        return review_json(name, two.before_sha, two.after_sha, day, found, None)
