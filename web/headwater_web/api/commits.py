"""Commits of the main line, and what each did to features."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from flask import Response

from headwater_catalog import main_line
from headwater_catalog.answers.commits import change_counts, commit_json, entry_json, stored_commit_json
from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.compare import CLASSES
from headwater_catalog.features import base_of
from headwater_catalog.history import HistoryEntry, commit_changes
from headwater_catalog.moments import Moment
from headwater_catalog.recent import RecentOf
from headwater_web.api.answering import page_answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import offset, pinned, slice_answer
from headwater_web.api.resources import REPOSITORY, SHA, Resource
from headwater_web.api.schemas.commits import (
    CommitChangesSchema,
    CommitPageSchema,
    CommitsQuery,
    DiffQuery,
)
from headwater_web.reading import reading

__all__ = ["resource"]

_MOST_CHANGES: Final = 20_000
"""Of all commits that are kept for one database, for those who go on to the next page."""

_RECENT: Final = RecentOf[Sequence[HistoryEntry]](lambda changes: 1 + len(changes), _MOST_CHANGES)

resource = Resource("commits", "Commits, and what they did to features.")


@resource.get("/commits/<repo>", CommitPageSchema, CommitsQuery, (REPOSITORY,))
def list_commits(args: dict[str, Any], repo: str) -> Response:
    """List the commits of the main line up to a commit, the newest first."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    first, limit = offset(cursor), args["limit"]
    page = main_line.list_commits(
        reading(),
        moment.repository,
        until=moment.base,
        author=args.get("author"),
        touching=args["touching"],
        limit=limit,
        offset=first,
    )
    found = _listed(moment, page.commits, with_counts=args["counts"])
    following = cursor.moved(first + limit) if first + limit < page.total else None
    return page_answer(found, following)


@resource.get("/commits/<repo>/<path:sha>", CommitChangesSchema, DiffQuery, (REPOSITORY, SHA))
def show_commit(args: dict[str, Any], repo: str, sha: str) -> Response:
    """Show a commit, and what it did to features."""
    cursor, moment = pinned(cursor_of(args), repo, sha)
    changes = _changes(moment)
    return slice_answer(
        args,
        cursor,
        changes,
        lambda entry: entry_json(entry, args["diff"]),
        counts=change_counts(changes),
        **stored_commit_json(moment.commit, base_of(moment)),
    )


def _changes(moment: Moment) -> Sequence[HistoryEntry]:
    """Return what a commit did to features; all of it at once, however short a page is."""
    repository, position = moment.repository, moment.position
    if position is None:
        return ()
    key = repository.id, repository.scan_state, moment.commit.sha
    return _RECENT[moment.session].get(key, lambda: commit_changes(moment.session, repository, position))


def _listed(moment: Moment, commits: Collection[CommitRef], *, with_counts: bool) -> list[dict[str, Any]]:
    """Return commits, where asked for with how many features each changed, in the order of the classes."""
    rows = [commit_json(commit) or {} for commit in commits]
    if not with_counts:
        return rows
    positions = [commit.position for commit in commits if commit.position is not None]
    counts = main_line.count_changes(moment.session, moment.repository, positions)
    for row in rows:
        found = counts.get(row["position"], {})
        row["counts"] = {name: found[name] for name in CLASSES if name in found}
    return rows
