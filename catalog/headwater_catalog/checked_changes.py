"""What a change of a repository in the catalog does to classifications and policies."""

from __future__ import annotations

from typing import Final

from headwater_catalog.change_histories import histories_of
from headwater_catalog.comparing import read_two
from headwater_catalog.governance.changed import Change, authors_between
from headwater_catalog.governance.check import Checked, check, policies_of
from headwater_catalog.moments import Moment, moment_at, stored_at
from headwater_catalog.recent import RecentOf
from headwater_catalog.repositories import open_mirror
from headwater_catalog.snapshot import Snapshot

__all__ = ["check_change"]

_MOST_KEPT: Final = 200_000
"""Findings and moved classifications of all changes that are kept for one database."""


def check_change(before: Moment | None, after: Moment, day: str) -> Checked:
    """Check what a change brings, by the policies that hold at the scanned head; it is found once for a day.

    Args:
        before: What it began from; None where there was nothing.
        after: What it led to.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    repository = after.repository
    first = before.commit.sha if before is not None else None
    head = repository.scanned_sha, repository.reader_version, after.settings.policies
    key = repository.id, repository.name, first, after.commit.sha, day, head
    return _RECENT[after.session].get(key, lambda: _check(before, after, day))


def _check(before: Moment | None, after: Moment, day: str) -> Checked:
    repository, session = after.repository, after.session
    moments = {moment.commit.sha: moment for moment in (before, after) if moment is not None}

    def stored(sha: str) -> Snapshot | None:
        moment = moments[sha]
        return moment.snapshot if moment.position is None else stored_at(session, repository, sha)

    policies = policies_of(moment_at(session, after.settings, repository).snapshot, after.settings.policies)
    begun, reached = before.commit.sha if before is not None else None, after.commit.sha
    with open_mirror(after.settings, repository) as source:
        first, second = read_two(source, begun, reached, stored)
        authors = authors_between(source, begun, reached, first, second)
        judged = policies_of(second.snapshot, policies)
        change = Change(first, second, authors, histories_of(source, before, after, judged))
        return check(repository.name, second.snapshot, day, change=change, more=policies)


_RECENT: Final = RecentOf[Checked](
    lambda found: 1 + len(found.findings) + len(found.before) + len(found.cleared) + len(found.taint),
    _MOST_KEPT,
)
