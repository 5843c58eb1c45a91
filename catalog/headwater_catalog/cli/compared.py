"""What commands share that compare two commits, from the catalog or from a folder without one."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace
from headwater_catalog.cli.output import json_option

if TYPE_CHECKING:
    from headwater_catalog.commit_range import CommitRange
    from headwater_catalog.git import GitSource
    from headwater_catalog.lineage_hash import Revision
    from headwater_catalog.moments import Moment
    from headwater_catalog.snapshot import Snapshot

__all__ = ["Two", "compared", "two_commits"]


@dataclass(frozen=True)
class Two:
    """Two commits to compare.

    Attributes:
        before_sha: Full name of the first; None where the second has no parent.
        after_sha: Full name of the second.
        before: What the first holds.
        after: What the second holds.
        moment: Where in the catalog; None without one.
        source: The mirror that both are in.
    """

    before_sha: str | None
    after_sha: str
    before: Revision
    after: Revision
    moment: Moment | None
    source: GitSource


def two_commits(command: Any) -> Any:
    """Give a command the argument A..B and the options that say where these commits are."""
    for decorate in (
        json_option,
        click.option(
            "--path",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Compare commits of the repository in this folder, without a catalog.",
        ),
        click.option("--repo", help="Repository of the catalog; needed where it follows several."),
        click.argument("commits", metavar="A..B"),
    ):
        command = decorate(command)
    return command


@contextmanager
def compared(workspace: Workspace, commits: str, repo: str | None, path: Path | None) -> Iterator[Two]:
    """Read the two commits, from the mirror of a repository of the catalog or from a folder."""
    from headwater_catalog.commit_range import commit_range

    if path is not None:
        from headwater_catalog.commit_snapshots import borrowed, resolve_in

        if repo is not None:
            raise click.UsageError("--path and --repo say two things. Give one of them.")
        with borrowed(path) as source:
            chosen = commit_range(source, commits, lambda ref: resolve_in(source, path, ref))
            yield _read(source, chosen, None)
        return
    from headwater_catalog.repositories import open_mirror, resolve_at

    with workspace.place(repo, None) as moment, open_mirror(moment.settings, moment.repository) as source:
        place = moment.session, moment.settings, moment.repository
        chosen = commit_range(source, commits, lambda ref: resolve_at(*place, ref).sha)
        yield _read(source, chosen, moment)


def _read(source: GitSource, chosen: CommitRange, moment: Moment | None) -> Two:
    from headwater_catalog.comparing import read_two

    before, after = read_two(source, chosen.before, chosen.after, lambda sha: _stored(moment, sha))
    gc.freeze()  # What is left is needed to the end: nobody has to look through it for what is not.
    return Two(chosen.before, chosen.after, before, after, moment, source)


def _stored(moment: Moment | None, sha: str) -> Snapshot | None:
    from headwater_catalog.moments import stored_at

    return None if moment is None else stored_at(moment.session, moment.repository, sha)
