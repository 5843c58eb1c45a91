"""Reviews of changes of repositories in the catalog, which knows their history and their datasets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from headwater_catalog.answers.reviews import review_json
from headwater_catalog.change_histories import histories_of
from headwater_catalog.comparing import read_two
from headwater_catalog.governance.changed import authors_between
from headwater_catalog.governance.check import policies_of
from headwater_catalog.governance.review import Review, review
from headwater_catalog.impacted_datasets import impacted_datasets
from headwater_catalog.moments import Moment, stored_at
from headwater_catalog.recent import RecentOf
from headwater_catalog.repositories import open_mirror
from headwater_catalog.rules import Policy
from headwater_catalog.snapshot import Snapshot

__all__ = ["reviewed"]

_MOST_KEPT: Final = 200_000
"""Changes, findings and features that are reached, of all reviews that are kept for one database."""


def reviewed(before: Moment | None, after: Moment, day: str, more: Iterable[Policy] = ()) -> dict[str, Any]:
    """Return the review of a change as JSON has it; what can be kept of it is found once for a day.

    Args:
        before: What it began from; None where there was nothing.
        after: What it led to.
        day: The day on which barriers and exceptions must hold, as YYYY-MM-DD.
        more: Policies that hold beside those of the repository and of the platform; of one name these count.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    repository, session = after.repository, after.session
    policies = (*after.settings.policies, *more)
    first = before.commit.sha if before is not None else None
    head = repository.scanned_sha, repository.reader_version, policies
    key = repository.id, repository.name, first, after.commit.sha, day, head
    found, sides = _RECENT[session].get(key, lambda: _review(before, after, day, policies))
    datasets = impacted_datasets(session, repository, found.impact, *sides)
    return review_json(repository.name, first, after.commit.sha, day, found, datasets)


_Found = tuple[Review, tuple[Snapshot, Snapshot]]


def _review(before: Moment | None, after: Moment, day: str, policies: tuple[Policy, ...]) -> _Found:
    repository, session = after.repository, after.session
    moments = {moment.commit.sha: moment for moment in (before, after) if moment is not None}

    def stored(sha: str) -> Snapshot | None:
        moment = moments[sha]
        return moment.snapshot if moment.position is None else stored_at(session, repository, sha)

    first = before.commit.sha if before is not None else None
    with open_mirror(after.settings, repository) as source:
        then, now = read_two(source, first, after.commit.sha, stored)
        authors = tuple(authors_between(source, first, after.commit.sha, then, now))
        histories = histories_of(source, before, after, policies_of(now.snapshot, policies))
        about = (repository.name, then, now, day)
        found = review(*about, authors=authors, histories=histories, more=policies)
    return found, (then.snapshot, now.snapshot)


_RECENT: Final = RecentOf[_Found](
    lambda kept: 1 + len(kept[0].changed) + len(kept[0].impact.reached) + len(kept[0].checked.findings),
    _MOST_KEPT,
)
