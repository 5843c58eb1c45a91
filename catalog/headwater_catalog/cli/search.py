"""The command that finds features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.output import json_option, print_json, print_table, say

if TYPE_CHECKING:
    from headwater_catalog.search import SearchHit, SearchPage

__all__ = ["search"]


@click.command()
@click.argument("query", nargs=-1)
@click.option("--repo", help="Look in this repository only.")
@click.option("--at", help="Look at the state of a commit, tag or branch; needs one repository.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many hits.")
@click.option("--offset", type=click.IntRange(0), default=0, help="How many hits to leave out first.")
@json_option
@pass_workspace
def search(
    workspace: Workspace,
    query: tuple[str, ...],
    repo: str | None,
    at: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """Find features by their names, tags, documentation and code.

    All words must match, and the last one may be the beginning of a word. QUERY may also hold "a phrase",
    -word to leave out, owner:NAME, tag:KEY=VALUE, module:NAME and type:NAME; put -- before a query that
    begins with a minus. Without a query all features are listed.

    JSON: query, total, hits (repository, key, module, name, type, summary, owner, tags, variants,
    dependencies, rank, matches (field, fragment, spans)), suggestions.
    """
    from headwater_catalog.search import search as find

    text = " ".join(query)
    if repo is None and at is None:
        with workspace.reading() as session:
            page = find(session, text, limit=limit, offset=offset)
    else:
        with workspace.place(repo, at) as place:
            page = find(
                place.session,
                text,
                repository=place.repository,
                position=place.position,
                limit=limit,
                offset=offset,
            )
    if as_json:
        print_json(_json(page))
    elif page.total or not _say_unscanned(workspace):
        _show(page)


def _say_unscanned(workspace: Workspace) -> bool:
    """Tell whether there is nothing to search yet, and then say so."""
    from headwater_catalog.repositories import list_repositories

    with workspace.reading() as session:
        known = list_repositories(session)
    if not known:
        say("The catalog follows no repository yet. Add one: headwater repo add NAME URL")
    elif all(repository.scanned_sha is None for repository in known):
        say("Nothing has been scanned yet, so there is nothing to find. Run: headwater scan")
    else:
        return False
    return True


def _json(page: SearchPage) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "query": page.query.text,
        "total": page.total,
        "hits": [asdict(hit) for hit in page.hits],
        "suggestions": list(page.suggestions),
    }


def _show(page: SearchPage) -> None:
    several = len({hit.repository for hit in page.hits}) > 1
    if page.hits:
        rows = [(hit.name, _module(hit, several), hit.owner, _why(hit), hit.summary) for hit in page.hits]
        print_table(("NAME", "MODULE", "OWNER", "FOUND IN", "SUMMARY"), rows, wide=4)
    first, last = page.offset + 1, page.offset + len(page.hits)
    if page.total > len(page.hits):
        before = "The only hit comes" if page.total == 1 else f"All {page.total} hits come"
        say(f"{first} to {last} of {page.total}" if page.hits else f"{before} before.")
    if not page.total:
        near = f" Near to it: {', '.join(page.suggestions)}." if page.suggestions else ""
        say(f"No feature matches '{page.query.text}'.{near}")


def _module(hit: SearchHit, several: bool) -> str:
    return f"{hit.repository}:{hit.module}" if several else hit.module


def _why(hit: SearchHit) -> str:
    return ", ".join(dict.fromkeys(match.field for match in hit.matches))
