"""Duplicates among the features of several repositories, each at its scanned head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater_catalog.definitions_at import kept_definitions, known_definitions
from headwater_catalog.governance.duplicates import Duplicates, Function, functions_of, group_functions
from headwater_catalog.moments import Moment
from headwater_catalog.recent import RecentOf

__all__ = ["duplicates_at", "not_worked_out"]

_MOST_REPOSITORIES: Final = 200
_MOST_ANSWERS: Final = 20  # one for each set of repositories that somebody may see


def duplicates_at(moments: Sequence[Moment]) -> Duplicates:
    """Return the duplicates among the features of some commits, one of each repository.

    What features mean is known where a worker has worked it out, as it does after each scan.
    """
    if not moments:
        return Duplicates(())
    known = known_definitions(moments)
    key = tuple(_key(moment, known) for moment in moments)

    def make() -> Duplicates:
        return group_functions(each for moment in moments for each in _functions(moment, known))

    return _ANSWERS[moments[0].session].get(key, make)


def not_worked_out(moments: Sequence[Moment]) -> tuple[str, ...]:
    """Return the names of the repositories of which nobody has worked out what their features mean."""
    known = known_definitions(moments)
    return tuple(moment.repository.name for moment in moments if moment.commit.id not in known)


def _key(moment: Moment, known: frozenset[int]) -> tuple[object, ...]:
    # A repository may be named anew, and what is kept of it knows its name.
    stored = moment.repository
    return stored.id, stored.name, stored.reader_version, moment.commit.sha, moment.commit.id in known


def _functions(moment: Moment, known: frozenset[int]) -> tuple[Function, ...]:
    def make() -> tuple[Function, ...]:
        definitions = kept_definitions(moment) if moment.commit.id in known else None
        return functions_of(moment.repository.name, moment.snapshot, definitions)

    kept = _FUNCTIONS[moment.session]
    return kept.get(_key(moment, known), make)


_FUNCTIONS: Final = RecentOf[tuple[Function, ...]](lambda _: 1, _MOST_REPOSITORIES)
_ANSWERS: Final = RecentOf[Duplicates](lambda _: 1, _MOST_ANSWERS)
