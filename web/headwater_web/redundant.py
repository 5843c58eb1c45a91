"""Duplicates, features that nothing needs and deprecated ones, of the repositories that a reader may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from headwater_catalog.days import today
from headwater_catalog.dead import DAYS, DeadFeatures, dead_features
from headwater_catalog.deprecations import Deprecation, deprecations
from headwater_catalog.duplicates_at import duplicates_at, not_worked_out
from headwater_catalog.governance.duplicates import Duplicates, Group
from headwater_catalog.moments import Moment
from headwater_catalog.search import heads
from headwater_web.governed import places
from headwater_web.reading import catalog, reading

__all__ = [
    "LONGEST",
    "RedundantCounts",
    "deprecated",
    "duplicates",
    "duplicates_of",
    "groups_asked",
    "redundant_counts",
    "unneeded",
    "without_meanings",
]

LONGEST = 36_500
"""Days over which may be asked for what nothing has needed."""


def duplicates() -> Duplicates:
    """Return the duplicates among the features of all repositories."""
    return duplicates_at(heads(reading(), catalog().settings))


def groups_asked(repo: str | None, kind: str | None) -> Sequence[Group]:
    """Return the duplicates that have a member in a repository, and are of a kind.

    Raises:
        NotFound: There is no repository of this name.
    """
    if repo is not None:
        places(repo)
    return [
        group
        for group in duplicates().groups
        if (repo is None or group.is_in(repo)) and kind in (None, group.kind)
    ]


def without_meanings() -> tuple[str, ...]:
    """Return the repositories of which nobody has worked out yet what their features mean."""
    return not_worked_out(heads(reading(), catalog().settings))


def unneeded(repo: str | None, days: int) -> list[DeadFeatures]:
    """Return what nothing has needed for some days, by repository.

    Raises:
        NotFound: There is no repository of this name.
    """
    return [dead_features(moment, days, today()) for moment in places(repo)]


def deprecated(repo: str | None) -> list[Deprecation]:
    """Return the deprecated features, by repository.

    Raises:
        NotFound: There is no repository of this name.
    """
    return [each for moment in places(repo) for each in deprecations(moment)]


@dataclass(frozen=True, slots=True)
class RedundantCounts:
    """How much could go: numbers of the overview, each of which opens its list.

    Attributes:
        duplicates: Groups of functions that do the same, or almost, by kind.
        dead: Features that nothing has needed for the usual number of days, by state.
        days: That number.
        deprecated: Deprecated features.
        deprecated_used: Those of them that something still needs.
    """

    duplicates: Counter[str]
    dead: Counter[str]
    days: int
    deprecated: int
    deprecated_used: int


def redundant_counts(moments: Sequence[Moment], repo: str | None) -> RedundantCounts:
    """Return how much could go.

    Args:
        moments: The repositories, each at its head.
        repo: The only one of them; None where they are all that the reader may see.
    """
    found = duplicates() if repo is not None else duplicates_at(moments)
    old = [each for moment in moments for each in deprecations(moment)]
    dead: Counter[str] = Counter()
    for moment in moments:
        dead.update(dead_features(moment, DAYS, today()).counts)
    return RedundantCounts(
        duplicates=Counter(group.kind for group in found.groups if repo is None or group.is_in(repo)),
        dead=dead,
        days=DAYS,
        deprecated=len(old),
        deprecated_used=sum(bool(each.users) for each in old),
    )


def duplicates_of(repository: str, key: str) -> Sequence[Group]:
    """Return the duplicates that a feature is one of, at main."""
    return duplicates().of(repository, key)
