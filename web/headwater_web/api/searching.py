"""Searches that answer page by page, as of the commits at which the first page was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from flask import Response
from sqlalchemy import select

from headwater_catalog.answers.features import search_json
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.moments import Moment
from headwater_catalog.repositories import list_repositories
from headwater_catalog.search import SearchPage, Sort, heads, search
from headwater_catalog.store.models import Commit
from headwater_web.api.answering import page_answer
from headwater_web.api.cursors import Cursor, cursor_of
from headwater_web.api.listing import offset, pinned
from headwater_web.reading import catalog, reading

__all__ = ["find", "found_answer"]

_MOST_PINNED: Final = 60
"""How many commits a cursor has room for; of more repositories, later pages are as of the present."""


def found_answer(args: Mapping[str, Any]) -> Response:
    """Return a page of the features that meet a query."""
    cursor, moments = _places(args, cursor_of(args))
    first = offset(cursor)
    page = find(args, moments, first, facets=args["facets"])
    last = first + len(page.hits)
    told = search_json(page, args["facets"])
    return page_answer(told.pop("hits"), cursor.moved(last) if last < page.total else None, **told)


def find(
    args: Mapping[str, Any], moments: Sequence[Moment] | None, first: int, *, facets: bool
) -> SearchPage:
    """Return what meets the query of a request.

    Args:
        args: Its parameters.
        moments: Where to look; None: where these say.
        first: How many hits to leave out.
        facets: Whether to count what they have in common.
    """
    where = _places(args, Cursor("", 0))[1] if moments is None else moments
    return search(
        where,
        args["q"],
        base=args.get("base"),
        limit=args["limit"],
        offset=first,
        facets=facets,
        sort=Sort(args.get("sort", Sort.RELEVANCE)),
    )


def _places(args: Mapping[str, Any], cursor: Cursor) -> tuple[Cursor, Sequence[Moment]]:
    """Return where a request looks, and its cursor as of that."""
    repo = args.get("repo")
    if repo is not None:
        cursor, moment = pinned(cursor, repo, args.get("at"))
        return cursor, [moment]
    if "at" in args:
        raise Conflict("`at` needs `repo`, too, which says whose commit is meant.")
    if cursor.commits:
        return cursor, list(_pinned_places(cursor.commits))
    found = heads(reading(), catalog().settings)
    commits = {moment.repository.id: moment.commit.sha for moment in found}
    return cursor.moved(cursor.after, commits if len(commits) <= _MOST_PINNED else {}), found


def _pinned_places(pins: Mapping[int, str]) -> Iterator[Moment]:
    """Yield the repositories as of the commits of a cursor.

    Raises:
        NotFound: One of them is there no more, so that nobody knows which hits came before.
    """
    session = reading()
    wanted = select(Commit).where(Commit.repository_id.in_(pins), Commit.sha.in_(set(pins.values())))
    commits = {(commit.repository_id, commit.sha): commit for commit in session.scalars(wanted)}
    known = {repository.id: repository for repository in list_repositories(session)}
    for number, sha in pins.items():
        if number not in known or (number, sha) not in commits:
            raise NotFound(
                "A repository was removed, or its history rewritten, since this list began, so it cannot go "
                "on. Leave the cursor out to begin anew."
            )
        yield Moment(session, catalog().settings, known[number], commits[number, sha])
