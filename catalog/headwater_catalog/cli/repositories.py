"""The commands that follow repositories and read what is new in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from headwater_catalog.cli.context import Workspace, now, pass_workspace
from headwater_catalog.cli.failures import Failure
from headwater_catalog.cli.output import (
    NO_FEATURES,
    counted,
    day_of,
    json_option,
    print_json,
    print_table,
    progress_bar,
    say,
)
from headwater_catalog.cli.users import asked

if TYPE_CHECKING:
    from headwater_catalog.problems import Problem
    from headwater_catalog.scan import ScanReport

__all__ = [
    "ScanOutcome",
    "add",
    "branches",
    "follow",
    "list_all",
    "refs",
    "remove",
    "repositories_here",
    "scan",
    "scan_one",
    "trust",
]

_MOST_PROBLEMS: Final = 10  # told to people; JSON lists them all


@click.command()
@click.argument("name")
@click.argument("url", metavar="URL|PATH")
@json_option
@pass_workspace
def add(workspace: Workspace, name: str, url: str, as_json: bool) -> None:
    """Follow the git repository at URL or PATH under NAME, if it can be read.

    JSON: name, url.
    """
    name, url = follow(workspace, name, url)
    if as_json:
        print_json({"name": name, "url": url})
    else:
        say(f"The catalog follows {url} as '{name}'. Read it: headwater scan {name}")


def follow(workspace: Workspace, name: str, url: str) -> tuple[str, str]:
    """Note a repository that can be read; return its name and its address as kept."""
    from headwater_catalog.accounts.events import note
    from headwater_catalog.git import GitSource
    from headwater_catalog.repositories import add_repository

    database = workspace.database  # a missing catalog is told before a remote machine is asked
    GitSource.require_readable(url)
    with database.write() as session:
        repository = add_repository(session, name, url, now())
        note(session, "repository added", asked(), repository.name, now(), url=repository.url)
        return repository.name, repository.url


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_workspace
def remove(workspace: Workspace, name: str, yes: bool, as_json: bool) -> None:
    """Forget the repository NAME and all that was read of it; the repository itself stays as it is.

    Its runs go, too, with the datasets that they saved.

    JSON: name, url.
    """
    from headwater_catalog.accounts.events import note
    from headwater_catalog.jobs import release_expired
    from headwater_catalog.repositories import get_repository, remove_repository

    with workspace.reading() as session:
        url = get_repository(session, name).url
    if not yes:
        click.confirm(f"Forget '{name}' ({url}), with its runs and their datasets?", abort=True, err=True)
    release_expired(workspace.database)  # a job of a lost worker is not running
    with workspace.database.write() as session:
        remove_repository(session, workspace.settings, get_repository(session, name))
        note(session, "repository removed", asked(), name, now())
    if as_json:
        print_json({"name": name, "url": url})
    else:
        say(f"The catalog follows {url} no longer.")


@click.command()
@click.argument("name")
@click.option("--not", "no_more", is_flag=True, help="Trust it no more.")
@json_option
@pass_workspace
def trust(workspace: Workspace, name: str, no_more: bool, as_json: bool) -> None:
    """Let runs of the repository NAME have the network.

    Runs of others have none: they get data by sources and inputs. Trust those only whose authors may reach
    what this machine reaches.

    JSON: name, is_trusted.
    """
    from headwater_catalog.accounts.events import note
    from headwater_catalog.repositories import get_repository, set_trust

    wanted = not no_more
    with workspace.database.write() as session:
        if set_trust(get_repository(session, name), wanted):
            kind = "repository trusted" if wanted else "repository distrusted"
            note(session, kind, asked(), name, now())
    if as_json:
        print_json({"name": name, "is_trusted": wanted})
    else:
        say(f"Runs of '{name}' {'have the network from now on' if wanted else 'have no network'}.")


@click.command()
@click.argument("name")
@click.option("--not", "no_more", is_flag=True, help="Push there no more.")
@json_option
@pass_workspace
def branches(workspace: Workspace, name: str, no_more: bool, as_json: bool) -> None:
    """Let accepted suggestions be pushed to the repository NAME, each time as a new branch.

    Stewards may do so then, on the page of suggestions and by `headwater suggest --push`: to the address that
    the repository is fetched from, with the same credentials. Branches that are there stay as they are.

    JSON: name, takes_branches.
    """
    from headwater_catalog.accounts.events import note
    from headwater_catalog.repositories import get_repository, set_branches

    wanted = not no_more
    with workspace.database.write() as session:
        if set_branches(get_repository(session, name), wanted):
            note(session, "branches allowed" if wanted else "branches forbidden", asked(), name, now())
    if as_json:
        print_json({"name": name, "takes_branches": wanted})
    else:
        say(f"Suggestions {'may be pushed to' if wanted else 'are not pushed to'} '{name}' from now on.")


@click.command("list")
@json_option
@pass_workspace
def list_all(workspace: Workspace, as_json: bool) -> None:
    """List the repositories that the catalog follows.

    JSON: a list of name, url, features, dataflows, commits, scanned_at, head (a commit, or null).
    """
    found = workspace.remote.repositories() if workspace.remote else repositories_here(workspace)
    if as_json:
        print_json(found)
    elif not found:
        say("The catalog follows no repository yet. Add one: headwater repo add NAME URL")
    else:
        print_table(
            ("NAME", "FEATURES", "DATAFLOWS", "COMMITS", "HEAD", "URL"),
            [
                (
                    each["name"],
                    str(each["features"]),
                    str(each["dataflows"]),
                    str(each["commits"]),
                    _head(each["head"]),
                    each["url"],
                )
                for each in found
            ],
        )


def repositories_here(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the repositories that the catalog here follows, as JSON has them."""
    from headwater_catalog.answers.repositories import repository_json
    from headwater_catalog.features import list_repositories

    with workspace.reading() as session:
        return [repository_json(view) for view in list_repositories(session)]


def _head(head: Mapping[str, Any] | None) -> str:
    return f"{head['sha'][:8]} {day_of(head['authored_at'])}" if head else "not scanned"


@click.command()
@click.argument("name")
@json_option
@pass_workspace
def refs(workspace: Workspace, name: str, as_json: bool) -> None:
    """List the branches and tags of the repository NAME as they were when it was last scanned.

    JSON: a list of name, kind (branch or tag), sha.
    """
    found = workspace.remote.refs(name) if workspace.remote else _refs_here(workspace, name)
    if as_json:
        print_json(found)
    elif not found:
        say(f"'{name}' has not been scanned yet. Run: headwater scan {name}")
    else:
        print_table(("NAME", "KIND", "COMMIT"), [(ref["name"], ref["kind"], ref["sha"][:8]) for ref in found])


def _refs_here(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    from headwater_catalog.refs import list_refs
    from headwater_catalog.repositories import get_repository

    with workspace.reading() as session:
        return [asdict(ref) for ref in list_refs(session, get_repository(session, name))]


@click.command()
@click.argument("name", required=False)
@click.option("--ref", help="Follow this branch from now on; or read up to a tag or commit, this time.")
@json_option
@pass_workspace
def scan(workspace: Workspace, name: str | None, ref: str | None, as_json: bool) -> None:
    """Read what is new in the repository NAME, or in all of them.

    Nothing in a repository is imported or executed. Where one repository cannot be read the others are; the
    exit code is 3 then.

    JSON: a list of repository, error (null unless it could not be read), and then head, commits (new ones),
    blobs (file contents read), opened and ended (feature versions), features, diagnostics, seconds,
    problems (path, line, message).
    """
    from headwater_catalog.errors import CatalogError
    from headwater_catalog.repositories import get_repository, list_repositories

    if ref is not None and name is None:
        raise click.UsageError("--ref needs the NAME of the repository it belongs to.")
    with workspace.reading() as session:
        chosen = list_repositories(session) if name is None else [get_repository(session, name)]
        names = [repository.name for repository in chosen]
    printed: list[dict[str, Any]] = []
    failures: dict[str, CatalogError] = {}
    for each in names:
        try:
            outcome = scan_one(workspace, each, ref)
        except CatalogError as error:
            failures[each] = error
            printed.append({"repository": each, "error": str(error)})
            continue
        printed.append(outcome.as_json())
        if not as_json:
            outcome.say()
    if as_json:
        print_json(printed)
    elif not names:
        say("The catalog follows no repository yet. Add one: headwater repo add NAME URL")
    if failures:
        raise Failure("\n".join(f"{each} was not scanned: {error}" for each, error in failures.items()))


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """What a scan did, and the problems in files that there are now."""

    report: ScanReport
    features: int
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        found = {"repository": self.report.repository, "error": None, **asdict(self.report)}
        found |= {"features": self.features, "diagnostics": len(self.problems)}
        return {**found, "problems": [asdict(problem) for problem in self.problems]}

    def say(self) -> None:
        """Tell it to people."""
        report = self.report
        new = counted(report.commits, "new commit") if report.commits else "nothing new"
        found = [new, counted(self.features, "feature")]
        if self.problems:
            found.append(f"{counted(len(self.problems), 'problem')} in files")
        say(f"{report.repository}: {', '.join(found)}.")
        if not self.features:
            say(f"  {NO_FEATURES}")
        for problem in self.problems[:_MOST_PROBLEMS]:
            say(f"  {problem.where} {problem.message}")
        if len(self.problems) > _MOST_PROBLEMS:
            more = len(self.problems) - _MOST_PROBLEMS
            say(f"  ... and {more:,} more; --json lists them all.")


def scan_one(workspace: Workspace, name: str, ref: str | None = None) -> ScanOutcome:
    """Scan a repository with a progress bar."""
    from headwater_catalog.kept_findings import keep_findings
    from headwater_catalog.kept_standings import keep_standings
    from headwater_catalog.problems import list_problems
    from headwater_catalog.repositories import count_features, get_repository
    from headwater_catalog.scan import scan as scan_repository
    from headwater_catalog.subscriptions.watching import keep_watched

    with progress_bar(f"Scanning {name}") as progress:
        report = scan_repository(workspace.database, workspace.settings, name, ref=ref, progress=progress)
        keep_standings(workspace.database, workspace.settings, name)
        keep_findings(workspace.database, workspace.settings, name)
        keep_watched(workspace.database, workspace.settings)
    with workspace.reading() as session:
        repository = get_repository(session, name)
        problems = list_problems(session, repository, repository.scanned_position)
        features = count_features(session, repository)
    return ScanOutcome(report, features, problems)
