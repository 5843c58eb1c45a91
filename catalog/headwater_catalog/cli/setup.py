"""The commands that make a catalog and look after its database."""

from __future__ import annotations

import os
from pathlib import Path

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.failures import Findings
from headwater_catalog.cli.output import json_option, print_json, say

__all__ = ["check", "init", "upgrade"]


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", help="Name for the repository; that of its folder unless given.")
@json_option
@pass_workspace
def init(workspace: Workspace, path: Path | None, name: str | None, as_json: bool) -> None:
    """Make a catalog, and take in the git repository at PATH or here.

    The catalog lives in HEADWATER_HOME; unless that is set, in .headwater/ at the top of the checkout you
    are in, else in your data folder. What is there already is kept.

    JSON: home, database, repository (null without one; else as `scan` prints it).
    """
    _make_home_here()
    workspace.upgrade()
    checkout = _checkout(path or Path.cwd())
    if path is not None and checkout is None:
        raise click.BadParameter(f"{path} is not in a git checkout.", param_hint="PATH")
    if not as_json:
        say(f"The catalog is in {workspace.settings.home}.")
    report = None if checkout is None else _take_in(workspace, checkout, name, as_json)
    if as_json:
        home, url = workspace.settings.home, workspace.unchecked_database.engine.url
        shown = url.render_as_string(hide_password=True)
        print_json({"home": str(home), "database": shown, "repository": report})
    elif report is None:
        say("Here is no git checkout to take in. Add a repository: headwater repo add NAME URL")
    else:
        say("Look around: headwater serve")


def _take_in(workspace: Workspace, checkout: Path, name: str | None, quiet: bool) -> dict[str, object]:
    from headwater_catalog.cli.repositories import follow, scan_one
    from headwater_catalog.repositories import name_for

    repository, _url = follow(workspace, name or name_for(checkout), str(checkout))
    outcome = scan_one(workspace, repository)
    if not quiet:
        outcome.say()
    return outcome.as_json()


def _make_home_here() -> None:
    """Make .headwater/ in the checkout we are in, unless a setting says where the home is."""
    from headwater_catalog.settings import FILE_NAME

    checkout = _checkout(Path.cwd())
    if checkout is None or os.environ.get("HEADWATER_HOME") or Path(FILE_NAME).exists():
        return
    home = checkout / ".headwater"
    home.mkdir(mode=0o700, exist_ok=True)
    ignore = home / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="ascii")


def _checkout(path: Path) -> Path | None:
    """Return the top of the git checkout that a folder lies in."""
    here = path.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)


@click.command()
@pass_workspace
def upgrade(workspace: Workspace) -> None:
    """Bring the database up to date."""
    workspace.upgrade()
    say("The database is up to date.")


@click.command()
@json_option
@pass_workspace
def check(workspace: Workspace, as_json: bool) -> None:
    """Tell whether the database is up to date; exit code 1 if it is not.

    JSON: ok, message.
    """
    from headwater_catalog.errors import SchemaOutdated

    try:
        workspace.unchecked_database.check()
    except SchemaOutdated as error:
        if as_json:
            print_json({"ok": False, "message": str(error)})
        raise Findings(str(error)) from None
    message = "The database is up to date."
    if as_json:
        print_json({"ok": True, "message": message})
    else:
        click.echo(message)
