"""The commands that follow repositories and read what is new in them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.output import (
    commit_json,
    day,
    json_option,
    print_json,
    print_table,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from headwater_catalog.scan import ScanReport

__all__ = ["add", "list_all", "report_json", "say_report", "scan", "scan_one"]


@click.command()
@click.argument("name")
@click.argument("url", metavar="URL|PATH")
@json_option
@pass_workspace
def add(workspace: Workspace, name: str, url: str, as_json: bool) -> None:
    """Follow the git repository at URL or PATH under NAME.

    JSON: name, url.
    """
    from headwater_catalog.repositories import add_repository

    with workspace.database.write() as session:
        repository = add_repository(session, name, url, now())
        added = {"name": repository.name, "url": repository.url}
    if as_json:
        print_json(added)
    else:
        say(f"The catalog follows {added['url']} as '{name}'. Read it: headwater scan {name}")


@click.command("list")
@json_option
@pass_workspace
def list_all(workspace: Workspace, as_json: bool) -> None:
    """List the repositories that the catalog follows.

    JSON: a list of name, url, features, dataflows, commits, scanned_at, head (a commit, or null).
    """
    from headwater_catalog.features import list_repositories

    with workspace.reading() as session:
        found = list_repositories(session)
    if as_json:
        heads = [commit_json(view.head) if view.head else None for view in found]
        print_json([{**asdict(view), "head": head} for view, head in zip(found, heads, strict=True)])
    elif not found:
        say("The catalog follows no repository yet. Add one: headwater repo add NAME URL")
    else:
        print_table(
            ("NAME", "FEATURES", "DATAFLOWS", "COMMITS", "HEAD", "URL"),
            [
                (
                    view.name,
                    str(view.features),
                    str(view.dataflows),
                    str(view.commits),
                    f"{view.head.sha[:8]} {day(view.head.authored_at)}" if view.head else "not scanned",
                    view.url,
                )
                for view in found
            ],
        )


@click.command()
@click.argument("name", required=False)
@click.option("--ref", help="Follow this branch from now on; the remote's default branch unless given.")
@json_option
@pass_workspace
def scan(workspace: Workspace, name: str | None, ref: str | None, as_json: bool) -> None:
    """Read what is new in the repository NAME, or in all of them.

    Nothing in a repository is imported or executed.

    JSON: a list of repository and what `ScanReport` counts.
    """
    from headwater_catalog.repositories import get_repository, list_repositories

    if ref is not None and name is None:
        raise click.UsageError("--ref needs the NAME of the repository it belongs to.")
    with workspace.reading() as session:
        chosen = list_repositories(session) if name is None else [get_repository(session, name)]
        names = [repository.name for repository in chosen]
    reports: list[dict[str, Any]] = []
    for each in names:
        report = scan_one(workspace, each, ref)
        reports.append(report_json(each, report))
        if not as_json:
            say_report(each, report)
    if as_json:
        print_json(reports)
    elif not names:
        say("The catalog follows no repository yet. Add one: headwater repo add NAME URL")


def scan_one(workspace: Workspace, name: str, ref: str | None = None) -> ScanReport:
    """Scan a repository with a progress bar."""
    from headwater_catalog.scan import scan as scan_repository

    with progress_bar(f"Scanning {name}") as progress:
        return scan_repository(workspace.database, workspace.settings, name, ref=ref, progress=progress)


def report_json(name: str, report: ScanReport) -> dict[str, Any]:
    """Return a scan's report as JSON has it."""
    return {"repository": name, **asdict(report)}


def say_report(name: str, report: ScanReport) -> None:
    """Tell people what a scan found."""
    problems = f", {report.diagnostics} problems in files" if report.diagnostics else ""
    if report.commits:
        say(f"{name}: {report.commits} new commits, {report.features} features{problems}.")
    else:
        say(f"{name}: nothing new; {report.features} features{problems}.")
