"""How features of the repositories that a reader may see are kept up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from headwater.errors import did_you_mean
from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import NotFound
from headwater_catalog.moments import Moment
from headwater_catalog.query.traits import UNREVIEWED, UNSIGNED
from headwater_catalog.store.bulk import chunks
from headwater_catalog.store.models import Commit
from headwater_catalog.upkeep.coverage import ALL, SECTIONS, Coverage, Covered, Section, coverage_of
from headwater_catalog.upkeep.origins import Drift, Origin, drifts_at, origins_at
from headwater_web.governed import places

__all__ = [
    "ANY",
    "LACKS",
    "Standing",
    "commits_at",
    "drifts",
    "origins",
    "origins_of",
    "section_asked",
    "standing",
]

ANY: Final = "any"
LACKS: Final = (ANY, UNSIGNED, UNREVIEWED, "all")
"""Which origins of logic may be asked for: those that lack anything, a signature or a review; or all."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the features of a repository are kept up at its scanned head.

    Attributes:
        repository: Its name.
        covered: How many have what.
        drifted: How many functions have documentation that is older than their logic.
        unsigned: How many have logic that was written in a commit without a signature.
        unreviewed: How many have logic that was written in a commit that nobody has reviewed.
    """

    repository: str
    covered: Covered
    drifted: int
    unsigned: int
    unreviewed: int


def standing(moment: Moment) -> Standing:
    """Return how the features of a repository are kept up at a commit of its main line."""
    session, repository, position = moment.session, moment.repository, moment.require_position()
    found = [each.lacks for each in origins_of(moment)]
    return Standing(
        repository.name,
        coverage_of(session, repository).at(ALL, position),
        len(drifts_at(session, repository, position)),
        sum(UNSIGNED in lacks for lacks in found),
        sum(UNREVIEWED in lacks for lacks in found),
    )


def drifts(repo: str | None) -> list[tuple[str, Drift]]:
    """Return the functions whose documentation is older than their logic, by repository."""
    return [
        (moment.repository.name, each)
        for moment in places(repo)
        for each in drifts_at(moment.session, moment.repository, moment.require_position())
    ]


def origins(repo: str | None, lacks: str) -> list[tuple[str, Origin]]:
    """Return where the logic of functions came from, by repository.

    Args:
        repo: Only this repository.
        lacks: One of `LACKS`.
    """
    found = ((moment.repository.name, each) for moment in places(repo) for each in origins_of(moment))
    if lacks == "all":
        return list(found)
    return [(name, each) for name, each in found if (each.lacks if lacks == ANY else lacks in each.lacks)]


def origins_of(moment: Moment) -> Iterable[Origin]:
    """Return where the logic of the functions of a repository came from."""
    review = moment.snapshot.declared.rules.review
    return origins_at(moment.session, moment.repository, moment.require_position(), review)


def section_asked(by: str | None, name: str | None, coverage: Coverage) -> Section:
    """Return the section of a repository that is asked for; all of it where none is.

    Raises:
        NotFound: It never had a feature.
    """
    if by not in SECTIONS:
        return ALL
    section = by, (name or "").casefold() if by == "owner" else name or ""
    if section not in coverage.series:
        names = [other for kind, other in coverage.series if kind == by]
        hint = did_you_mean(section[1], names) or " Leave it out to see all."
        raise NotFound(f"No feature was ever of {by} '{section[1]}'.{hint}")
    return section


def commits_at(moment: Moment, positions: Iterable[int]) -> dict[int, CommitRef]:
    """Return the commits at some positions of the main line."""
    found: dict[int, CommitRef] = {}
    for chunk in chunks(list(positions)):
        wanted = select(Commit).where(
            Commit.repository_id == moment.repository.id, Commit.position.in_(chunk)
        )
        refs = map(CommitRef.of, moment.session.scalars(wanted))
        found |= {ref.position: ref for ref in refs if ref.position is not None}
    return found
