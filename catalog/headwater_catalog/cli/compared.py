"""What commands share that compare two commits: of the catalog, of a folder without one, or as files."""

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

__all__ = ["Ends", "Two", "TwoFiles", "compared", "two_commits"]


@dataclass(frozen=True, slots=True)
class TwoFiles:
    """Two exported catalogs to compare."""

    before: Path
    after: Path


Ends = str | TwoFiles
"""What a command compares: commits as A..B, or files."""


@dataclass(frozen=True)
class Two:
    """Two commits to compare.

    Attributes:
        before_sha: Full name of the first; None where the second has no parent.
        after_sha: Full name of the second.
        before: What the first holds.
        after: What the second holds.
        moment: Where in the catalog; None without one.
        source: The mirror that both are in; None where they are files.
        name: What the repository is called.
    """

    before_sha: str | None
    after_sha: str
    before: Revision
    after: Revision
    moment: Moment | None
    source: GitSource | None
    name: str


def two_commits(command: Any) -> Any:
    """Give a command the argument A..B, or two files, and the options that say where the commits are."""
    for decorate in (
        json_option,
        click.option(
            "--path",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Compare commits of the repository in this folder, without a catalog.",
        ),
        click.option("--repo", help="Repository of the catalog; needed where it follows several."),
        click.argument("commits", metavar="A..B", nargs=-1, required=True, callback=_ends),
    ):
        command = decorate(command)
    return command


def _ends(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> Ends:
    """Return what the arguments name."""
    if len(given) == 1:
        return given[0]
    if len(given) > 2:
        raise click.UsageError("Two commits are compared as A..B, and two exported catalogs as A B.")
    for name in given:
        if not Path(name).is_file():
            raise click.UsageError(
                f"{name} is no file. Two commits are compared as A..B, and two exported catalogs as A B."
            )
    return TwoFiles(Path(given[0]), Path(given[1]))


@contextmanager
def compared(workspace: Workspace, commits: Ends, repo: str | None, path: Path | None) -> Iterator[Two]:
    """Read the two commits, from a repository of the catalog, from a folder, or from exported catalogs."""
    from headwater_catalog.commit_range import commit_range

    if isinstance(commits, TwoFiles):
        if repo is not None or path is not None:
            raise click.UsageError("Exported catalogs are whole: leave --repo and --path out.")
        yield _read_files(commits)
        return
    if path is not None:
        from headwater_catalog.commit_snapshots import borrowed, resolve_in

        if repo is not None:
            raise click.UsageError("--path and --repo say two things. Give one of them.")
        with borrowed(path) as source:
            chosen = commit_range(source, commits, lambda ref: resolve_in(source, path, ref))
            yield _read(source, chosen, None, path.resolve().name)
        return
    from headwater_catalog.repositories import open_mirror, resolve_at

    with workspace.place(repo, None) as moment, open_mirror(moment.settings, moment.repository) as source:
        place = moment.session, moment.settings, moment.repository
        chosen = commit_range(source, commits, lambda ref: resolve_at(*place, ref).sha)
        yield _read(source, chosen, moment, moment.repository.name)


def _read_files(files: TwoFiles) -> Two:
    from headwater_catalog.artefact.reading import read_artefact, require_alike

    before, after = read_artefact(files.before), read_artefact(files.after)
    require_alike(before, after)
    sides = before.sha, after.sha, before.revision, after.revision
    return Two(*sides, moment=None, source=None, name=after.facts["repository"])


def _read(source: GitSource, chosen: CommitRange, moment: Moment | None, name: str) -> Two:
    from headwater_catalog.comparing import read_two

    before, after = read_two(source, chosen.before, chosen.after, lambda sha: _stored(moment, sha))
    gc.freeze()  # What is left is needed to the end: nobody has to look through it for what is not.
    return Two(chosen.before, chosen.after, before, after, moment, source, name)


def _stored(moment: Moment | None, sha: str) -> Snapshot | None:
    from headwater_catalog.moments import stored_at

    return None if moment is None else stored_at(moment.session, moment.repository, sha)
