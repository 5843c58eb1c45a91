"""The command that finds features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import json_option, print_json, print_table, say
from headwater_catalog.cli.repositories import repositories_here
from headwater_catalog.cli.search_asked import SORTS, SearchAsked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from headwater_catalog.moments import Moment

__all__ = ["search"]

_MOST_COUNTED = 10  # values of a facet that are printed; --json has them all


@click.command()
@click.argument("query", nargs=-1)
@click.option("--repo", help="Look in this repository only.")
@click.option("--at", help="Look at the state of a commit, tag or branch.")
@click.option("--base", help="A commit, tag or branch that new: and changed_by: compare with.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many hits.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many hits to leave out first.")
@click.option("--sort", type=click.Choice(SORTS), default=SORTS[0], show_default=True, help="By what.")
@click.option("--facets", is_flag=True, help="Also count what all hits have in common.")
@json_option
@pass_workspace
def search(
    workspace: Workspace,
    query: tuple[str, ...],
    repo: str | None,
    at: str | None,
    base: str | None,
    limit: int,
    offset: int,
    sort: str,
    facets: bool,
    as_json: bool,
) -> None:
    """Find features by their names, tags, documentation, code, lineage and history.

    All words must match, and the last one may be the beginning of a word. QUERY may also hold "a phrase",
    -word to leave out, OR, parentheses, and terms such as owner:NAME, tag:KEY=VALUE, downstream:NAME or
    changed:<30d, which docs/query.md lists; put -- before a query that begins with a minus. Without a query
    all features are listed.

    JSON: query, total, hits (repository, key, module, name, type, summary, owner, tags, variants,
    dependencies, rank, matches (field, fragment, spans), last_sha), corrections (asked, used), suggestions,
    facets (field, values (value, count, term)) if asked for.
    """
    asked = SearchAsked(" ".join(query), repo, at, base, limit, offset, sort, facets)
    page = workspace.remote.search(asked) if workspace.remote else _found_here(workspace, asked)
    if as_json:
        print_json(page)
    elif page["total"] or not _say_unscanned(workspace):
        _show(page, offset)


def _found_here(workspace: Workspace, asked: SearchAsked) -> dict[str, Any]:
    from headwater_catalog.answers.features import search_json
    from headwater_catalog.search import Sort
    from headwater_catalog.search import search as find

    with workspace.reading() as session:
        moments = _moments(workspace, session, asked.repo, asked.at)
        page = find(
            moments,
            asked.query,
            base=asked.base,
            limit=asked.limit,
            offset=asked.offset,
            facets=asked.facets,
            sort=Sort(asked.sort),
        )
    return search_json(page, asked.facets)


def _moments(workspace: Workspace, session: Session, repo: str | None, at: str | None) -> Sequence[Moment]:
    from headwater_catalog.moments import moment_at
    from headwater_catalog.repositories import get_repository
    from headwater_catalog.search import heads

    if repo is not None:
        return [moment_at(session, workspace.settings, get_repository(session, repo), at)]
    found = heads(session, workspace.settings)
    if at is None:
        return found
    if len(found) > 1:
        names = ", ".join(moment.repository.name for moment in found)
        raise click.UsageError(f"--at needs one repository. Say which by --repo: {names}")
    return [moment_at(session, workspace.settings, moment.repository, at) for moment in found]


def _say_unscanned(workspace: Workspace) -> bool:
    """Tell whether there is nothing to search yet, and then say so."""
    known = workspace.remote.repositories() if workspace.remote else repositories_here(workspace)
    if not known:
        say("The catalog follows no repository yet. Add one: headwater repo add NAME URL")
    elif all(repository["head"] is None for repository in known):
        say("Nothing has been scanned yet, so there is nothing to find. Run: headwater scan")
    else:
        return False
    return True


def _show(page: Mapping[str, Any], offset: int) -> None:
    hits, total = page["hits"], page["total"]
    for correction in page["corrections"]:
        say(f"No feature has '{correction['asked']}'. Showing '{correction['used']}'.")
    several = len({hit["repository"] for hit in hits}) > 1
    if hits:
        rows = [(hit["name"], _module(hit, several), hit["owner"], _why(hit), hit["summary"]) for hit in hits]
        print_table(("NAME", "MODULE", "OWNER", "FOUND IN", "SUMMARY"), rows, wide=4)
    if page.get("facets"):
        click.echo()
        counts = [
            (facet["field"], str(value["count"]), value["term"])
            for facet in page["facets"]
            for value in facet["values"][:_MOST_COUNTED]
        ]
        print_table(("BY", "HITS", "NARROW DOWN BY"), counts)
    if total > len(hits):
        before = "The only hit comes" if total == 1 else f"All {total} hits come"
        say(f"{offset + 1} to {offset + len(hits)} of {total}" if hits else f"{before} before.")
    if not total:
        near = f" Near to it: {', '.join(page['suggestions'])}." if page["suggestions"] else ""
        say(f"No feature matches '{page['query']}'.{near}")


def _module(hit: Mapping[str, Any], several: bool) -> str:
    return f"{hit['repository']}:{hit['module']}" if several else str(hit["module"])


def _why(hit: Mapping[str, Any]) -> str:
    gone = [f"gone, last in {hit['last_sha'][:10]}"] if hit["last_sha"] else []
    return ", ".join(dict.fromkeys([*gone, *(match["field"] for match in hit["matches"])]))
