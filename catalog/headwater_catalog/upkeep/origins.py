"""Features whose logic is younger than their documentation, or came by commits nobody signed or reviewed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.query.traits import DRIFTED, UNREVIEWED, UNSIGNED
from headwater_catalog.recent import RecentOf
from headwater_catalog.rules import Review
from headwater_catalog.store.bulk import chunks
from headwater_catalog.store.models import Commit, Repository
from headwater_catalog.upkeep.ages import Brought, ages_at, state_of
from headwater_catalog.upkeep.reviews import reviewers_of

__all__ = [
    "Drift",
    "Origin",
    "drifts_at",
    "origins_at",
    "upkeep_at",
]


@dataclass(frozen=True, slots=True)
class Drift:
    """A feature whose logic changed after its documentation last did.

    Attributes:
        key: The feature.
        variant: The name of its function.
        documented: The commit that its documentation was written in.
        changes: The commits that changed its logic since, in order.
    """

    key: str
    variant: str
    documented: CommitRef
    changes: tuple[CommitRef, ...]

    @property
    def since(self) -> CommitRef:
        """The first of these commits."""
        return self.changes[0]

    @property
    def latest(self) -> CommitRef:
        """The last of these commits."""
        return self.changes[-1]


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit that the present logic of a feature was written in.

    Attributes:
        key: The feature.
        variant: The name of its function.
        commit: The commit.
        merge: The commit that brought it to the main line, where that is another one.
        is_signed: Whether the commit has a signature, whoever made that; None: nobody can tell.
        reviewers: Who has reviewed it; None where that cannot be told.
    """

    key: str
    variant: str
    commit: CommitRef
    merge: CommitRef | None
    is_signed: bool | None
    reviewers: tuple[str, ...] | None

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it surely lacks: `UNSIGNED`, `UNREVIEWED`."""
        unsigned = (UNSIGNED,) if self.is_signed is False else ()
        return (*unsigned, *((UNREVIEWED,) if self.reviewers == () else ()))


def drifts_at(session: Session, repository: Repository, position: int) -> tuple[Drift, ...]:
    """Return the features at a position whose logic is younger than their docs, the longest first."""
    key = state_of(repository), position
    return _DRIFTS[session].get(key, lambda: _drifts(session, repository, position))


def _drifts(session: Session, repository: Repository, position: int) -> tuple[Drift, ...]:
    ages = [age for age in ages_at(session, repository, position) if age.since]
    commits = _commits(session, {each.written for age in ages for each in (age.documented, *age.since)})
    ages.sort(key=lambda age: (age.since[0].position, age.key, age.variant))

    def ref(brought: Brought) -> CommitRef:
        return CommitRef.of(commits[brought.written])

    return tuple(Drift(age.key, age.variant, ref(age.documented), tuple(map(ref, age.since))) for age in ages)


def origins_at(session: Session, repository: Repository, position: int, review: Review) -> tuple[Origin, ...]:
    """Return where the present logic of the features at a position came from, the latest first."""
    key = state_of(repository), position, review
    return _ORIGINS[session].get(key, lambda: _origins(session, repository, position, review))


def upkeep_at(
    session: Session, repository: Repository, position: int, review: Review
) -> dict[str, tuple[str, ...]]:
    """Return what `UPKEEP` has to say of each feature at a position; of several variants one is enough."""
    found: dict[str, dict[str, None]] = {}
    for drift in drifts_at(session, repository, position):
        found.setdefault(drift.key, {})[DRIFTED] = None
    for origin in origins_at(session, repository, position, review):
        found.setdefault(origin.key, {}).update(dict.fromkeys(origin.lacks))
    return {key: tuple(said) for key, said in found.items()}


def _origins(session: Session, repository: Repository, position: int, review: Review) -> tuple[Origin, ...]:
    ages = ages_at(session, repository, position)
    ages.sort(key=lambda age: (-age.logic.position, age.key, age.variant))
    wanted = {each for age in ages for each in (age.logic.commit, age.logic.written)}
    commits = _commits(session, wanted)

    @cache
    def told(commit: int, written: int) -> tuple[Any, ...]:
        own, merge = commits[written], commits[commit]
        merged = CommitRef.of(merge) if commit != written else None
        return CommitRef.of(own), merged, own.is_signed, reviewers_of(own, merge, review)

    return tuple(Origin(age.key, age.variant, *told(age.logic.commit, age.logic.written)) for age in ages)


def _commits(session: Session, ids: Collection[int]) -> dict[int, Commit]:
    return {commit.id: commit for commit in _read(session, ids)}


def _read(session: Session, ids: Collection[int]) -> Iterator[Commit]:
    for chunk in chunks(sorted(ids)):
        yield from session.scalars(select(Commit).where(Commit.id.in_(chunk)))


_MOST_KEPT: Final = 200_000  # functions of all moments, for one database
_DRIFTS: Final = RecentOf[tuple[Drift, ...]](lambda found: 1 + len(found), _MOST_KEPT)
_ORIGINS: Final = RecentOf[tuple[Origin, ...]](lambda found: 1 + len(found), _MOST_KEPT)
