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
        raise click.UsageError(
            "A catalog that is served elsewhere cannot be asked for a review. Give --path with a checkout of "
            "the repository."
        )
    with without_collection():
        told = _reviewed(workspace, commits, repo, path, policies_in(files), day_given(day))
    if as_json:
        print_json(told)
        return
    from headwater_catalog.governance.review_text import review_markdown

    click.echo(clean(review_markdown(told)))


def _reviewed(
    workspace: Workspace, commits: str, repo: str | None, path: Path | None, more: list[Policy], day: str
) -> dict[str, Any]:
    from headwater_catalog.answers.reviews import review_json
    from headwater_catalog.governance.changed import authors_between
    from headwater_catalog.governance.review import review as find
    from headwater_catalog.impacted_datasets import impacted_datasets

    with compared(workspace, commits, repo, path) as two:
        name = two.moment.repository.name if two.moment else (path or Path()).resolve().name
        authors = authors_between(two.source, two.before_sha, two.after_sha, two.before, two.after)
        found = find(name, two.before, two.after, day, authors=authors, more=more)
        datasets = None
        if (moment := two.moment) is not None:
            sides = two.before.snapshot, two.after.snapshot
            datasets = impacted_datasets(moment.session, moment.repository, found.impact, *sides)
        return review_json(name, two.before_sha, two.after_sha, day, found, datasets)
