"""How many features have an owner, documentation, a check and a test: of each section, at every commit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from headwater_catalog.recent import RecentOf
from headwater_catalog.store.models import Repository
from headwater_catalog.upkeep.ages import state_of
from headwater_catalog.upkeep.stretches import Stretch, load_stretches

__all__ = ["ALL", "KINDS", "SECTIONS", "Coverage", "Covered", "Section", "coverage_of"]

KINDS: Final[Mapping[str, str]] = {"owner": "owners", "doc": "docs", "check": "checks", "test": "tests"}
"""What a feature may have, as queries say it after `has:`, and in words."""

SECTIONS: Final = ("module", "owner")
"""By what a repository is cut into sections; a module stands for all modules in it, too."""

Section = tuple[str, str]
"""A section of a repository: by what it is cut, and the name; the owner without a name is nobody."""

ALL: Final[Section] = ("", "")
"""All of a repository."""

_MOST_KEPT: Final = 500_000
"""Counts of all repositories that are kept for one database."""


class Covered(NamedTuple):
    """How many features there are, and how many of them have what."""

    features: int = 0
    owner: int = 0
    doc: int = 0
    check: int = 0
    test: int = 0

    def lacking(self, kind: str) -> int:
        """How many have nothing of a kind."""
        having: int = getattr(self, kind)
        return self.features - having

    def share(self, kind: str) -> float:
        """Which share has something of a kind, from 0 to 1; 1 where there are no features."""
        having: int = getattr(self, kind)
        return having / self.features if self.features else 1.0


@dataclass(frozen=True)
class Coverage:
    """The coverage of a repository over time.

    Attributes:
        series: Of each section, from which positions of the main line on there are how many, in order.
        shown: The names of owners as they are written; here they are in small letters, as queries hold them.
    """

    series: Mapping[Section, tuple[tuple[int, Covered], ...]]
    shown: Mapping[str, str]

    def shown_as(self, by: str, name: str) -> str:
        """Return the name of a section as it is written."""
        return self.shown.get(name, name) if by == "owner" else name

    def at(self, section: Section, position: int) -> Covered:
        """Return how many there are of a section at a position."""
        points = self.series.get(section, ())
        place = bisect_right(points, position, key=itemgetter(0))
        return points[place - 1][1] if place else Covered()

    def until(self, section: Section, position: int) -> tuple[tuple[int, Covered], ...]:
        """Return where the counts of a section changed up to a position, with the counts from there on."""
        points = self.series.get(section, ())
        return points[: bisect_right(points, position, key=itemgetter(0))]

    def sections(self, by: str, position: int) -> list[tuple[str, Covered]]:
        """Return the sections that have features at a position, by name; nobody comes first."""
        found = ((name, self.at((kind, name), position)) for kind, name in self.series if kind == by)
        return sorted((name, covered) for name, covered in found if covered.features)


def coverage_of(session: Session, repository: Repository) -> Coverage:
    """Return the coverage of a repository at every position of its scanned main line."""

    def make() -> Coverage:
        stretches = list(load_stretches(session, repository))
        shown = {owner.casefold(): owner for each in stretches for owner in each.owners}
        return Coverage(_counted(stretches), shown)

    return _RECENT[session].get(state_of(repository), make)


class _Feature(NamedTuple):
    """A feature at one position, all of its variants together."""

    sections: tuple[Section, ...]
    has: tuple[bool, bool, bool, bool]


_Variants = dict[str, Stretch]


def _counted(stretches: Iterable[Stretch]) -> dict[Section, tuple[tuple[int, Covered], ...]]:
    """Count all features at the first position, and then at each what changes."""
    ends: dict[int, list[Stretch]] = {}
    begins: dict[int, list[Stretch]] = {}
    for each in stretches:
        begins.setdefault(each.begin, []).append(each)
        if each.end is not None:
            ends.setdefault(each.end, []).append(each)
    here: dict[str, _Variants] = {}
    known: dict[str, _Feature] = {}
    counts: dict[Section, list[int]] = {}
    series: dict[Section, list[tuple[int, Covered]]] = {}
    for position in sorted(begins.keys() | ends.keys()):
        for each in ends.get(position, ()):
            del here[each.key][each.variant]
        for each in begins.get(position, ()):
            here.setdefault(each.key, {})[each.variant] = each
        touched: dict[Section, None] = {}
        for key in {each.key for each in (*ends.get(position, ()), *begins.get(position, ()))}:
            before, after = known.pop(key, None), _feature(key, here[key])
            if before is not None:
                _count(counts, before, -1, touched)
            if after is not None:
                known[key] = after
                _count(counts, after, 1, touched)
        for section in touched:
            points, now = series.setdefault(section, []), Covered(*counts[section])
            if not points or points[-1][1] != now:
                points.append((position, now))
    return {section: tuple(points) for section, points in series.items()}


def _count(
    counts: dict[Section, list[int]], feature: _Feature, by: int, touched: dict[Section, None]
) -> None:
    for section in feature.sections:
        count = counts.setdefault(section, [0] * len(Covered._fields))
        count[0] += by
        for place, has in enumerate(feature.has, start=1):
            count[place] += by * has
        touched[section] = None


def _feature(key: str, variants: _Variants) -> _Feature | None:
    if not variants:
        return None
    owners = {owner.casefold() for each in variants.values() for owner in each.owners}
    module = key.rpartition(":")[0]
    sections = (
        ALL,
        *(("module", name) for name in _packages(module)),
        *(("owner", o) for o in owners or {""}),
    )
    doc, check, test = (any(having) for having in zip(*(each.has for each in variants.values()), strict=True))
    return _Feature(sections, (bool(owners), doc, check, test))


def _packages(module: str) -> Iterator[str]:
    """Yield a module, and the packages around it."""
    sections = module.split(".")
    return (".".join(sections[:end]) for end in range(1, len(sections) + 1))


_RECENT: Final = RecentOf[Coverage](
    lambda coverage: 1 + sum(map(len, coverage.series.values())),
    _MOST_KEPT,
)
