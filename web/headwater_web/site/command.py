"""The command that writes the catalog of one commit as a site or as one SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.check import day_given
from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import clean, counted, json_option, print_json, progress_bar
from headwater_catalog.errors import RepositoryError

if TYPE_CHECKING:
    from headwater_catalog.artefact.origin import Origin
    from headwater_catalog.cli.remote import Remote

__all__ = ["export"]

_Told = dict[str, Any]
_FILES: Final = (".sqlite", ".sqlite3", ".db")


@click.command()
@click.argument("place", metavar="DIR|FILE", type=click.Path(path_type=Path))
@click.option("--at", help="The commit, tag or branch to write; the scanned head, or HEAD, unless given.")
@click.option("--repo", help="Repository of the catalog; with --path, what to call the repository.")
@click.option(
    "--path",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write a commit of the repository in this folder, without a catalog.",
)
@click.option("--day", help="The day on which barriers and exceptions must hold; else that of the commit.")
@json_option
@pass_workspace
def export(
    workspace: Workspace,
    place: Path,
    at: str | None,
    repo: str | None,
    path: Path | None,
    day: str | None,
    as_json: bool,
) -> None:
    """Write the catalog of one commit as a folder of pages, or as one SQLite file.

    A name that ends with .sqlite, .sqlite3 or .db is a file, which any SQLite tool opens and `headwater diff`
    compares; any other is a folder of pages that open from there and from any web server. What an earlier
    export wrote is replaced; anything else is left alone.

    JSON: kind ("site" or "sqlite"), place, repository, commit (its full name), day, files (how many), bytes.
    """
    is_file = place.suffix.lower() in _FILES
    if workspace.remote and path is None:
        _print(_received(workspace.remote, place, repo, at, day), as_json)
        return
    with _origin(workspace, at, repo, path, None if day is None else day_given(day)) as origin:
        files = 1
        if is_file:
            from headwater_catalog.artefact.origin import export_file

            export_file(origin, place)
        else:
            files = _site(origin, place)
    facts = origin.name, origin.commit.sha, origin.day
    _print(_told("sqlite" if is_file else "site", place, facts, files), as_json)


def _received(remote: Remote, place: Path, repo: str | None, at: str | None, day: str | None) -> _Told:
    """Get the file from a catalog that is served elsewhere."""
    from headwater_catalog.artefact.reading import read_artefact

    if place.suffix.lower() not in _FILES or day is not None:
        raise click.UsageError(
            "A catalog that is served elsewhere gives a file that ends with .sqlite, of the day of the "
            "commit. Give --path with a checkout of the repository for pages, or for another day."
        )
    remote.export(repo, at, place)
    got = read_artefact(place)
    return _told("sqlite", place, (got.facts["repository"], got.sha, got.facts["day"]), 1)


def _told(kind: str, place: Path, facts: tuple[str, str, str], files: int) -> _Told:
    repository, sha, day = facts
    told = {"kind": kind, "place": str(place), "repository": repository, "commit": sha, "day": day}
    return {**told, "files": files, "bytes": _size(place)}


def _print(told: _Told, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    where = told["place"] if told["kind"] == "sqlite" else Path(told["place"], "index.html")
    made = f"{counted(told['files'], 'file')}, {told['bytes'] / 1_000_000:,.1f} MB"
    click.echo(clean(f"{where}: {told['repository']} at {told['commit'][:10]}, {made}."))


@contextmanager
def _origin(
    workspace: Workspace, at: str | None, repo: str | None, path: Path | None, day: str | None
) -> Iterator[Origin]:
    from headwater_catalog.artefact.origin import origin_in, origin_of

    if path is not None:
        yield origin_in(path, at, repo, day)
        return
    with workspace.place(repo, at) as moment:
        yield origin_of(moment, day)


def _site(origin: Origin, place: Path) -> int:
    from headwater_web.site.writing import export_site

    with progress_bar(origin.name) as progress:
        return export_site(origin, place, processes=os.cpu_count() or 1, progress=progress)


def _size(place: Path) -> int:
    try:
        files = [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]
        return sum(each.stat().st_size for each in files)
    except OSError as error:
        raise RepositoryError(f"{error.filename or place} cannot be read: {error.strerror}.") from error
