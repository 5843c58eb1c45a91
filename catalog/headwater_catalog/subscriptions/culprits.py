"""Which commits of a main line changed what a watched query finds."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.line_changes import changed_positions
from headwater_catalog.moments import Moment
from headwater_catalog.query import parse_query
from headwater_catalog.settings import Settings
from headwater_catalog.store.models import Commit, Finding, Judgement, Repository
from headwater_catalog.subscriptions.results import features_at
from headwater_catalog.subscriptions.watched import FEATURES, Watched

__all__ = ["Culprits"]

_MOST_POSITIONS: Final = 60  # that are looked at on the way back; what is older is told without a commit
_MOST_SECONDS: Final = 10.0  # that one scan spends on it


class Culprits:
    """The commits of a repository since some earlier scan.

    Args:
        session: An open session.
        settings: Where the mirror is.
        repository: The repository.
    """

    def __init__(self, session: Session, settings: Settings, repository: Repository) -> None:
        self._session, self._settings, self._repository = session, settings, repository
        self._until = time.monotonic() + _MOST_SECONDS
        self._positions: dict[int, list[int]] = {}

    def find(
        self, watched: Watched, start: int, before: Collection[str], after: Collection[str]
    ) -> Mapping[str, CommitRef]:
        """Return the commits that brought what came and took what went, as far as they can be found.

        Args:
            watched: What is watched.
            start: The position where it was looked at before.
            before: What it found there.
            after: What it finds at the scanned head.
        """
        if watched.about == FEATURES:
            found = self._by_looking_back(watched, start, frozenset(before), frozenset(after))
        else:
            found = self._by_history(start, set(before) - set(after), set(after) - set(before))
        commits = self._commits(set(found.values()))
        return {key: commits[at] for key, at in found.items() if at in commits}

    def _by_looking_back(
        self, watched: Watched, start: int, before: frozenset[str], after: frozenset[str]
    ) -> dict[str, int]:
        """Ask the query at each commit that may have changed its result, the last one first."""
        wanted, later = before ^ after, after
        found: dict[str, int] = {}
        positions = self._since(start, parse_query(watched.query, growing=True).needs_history)
        for at in reversed(positions):
            if at == positions[0]:
                earlier: Collection[str] | None = before
            else:
                earlier = features_at(watched, self._moment(at - 1)).found
            if earlier is None:
                break
            flipped = later ^ frozenset(earlier)
            found.update((key, at) for key in wanted & flipped if key not in found)
            later = frozenset(earlier)
            if len(found) == len(wanted) or time.monotonic() > self._until:
                break
        return found

    def _since(self, start: int, with_history: bool) -> list[int]:
        """Return where something may have changed since a position; empty where that is too much."""
        head = self._repository.scanned_position
        if with_history:  # ages change by every commit
            found = list(range(start + 1, head + 1))
        else:
            if start not in self._positions:
                self._positions[start] = changed_positions(self._session, self._repository, start)
            found = self._positions[start]
        # The first one is compared with what is known, so that all between have to be looked at.
        return found if len(found) <= _MOST_POSITIONS else []

    def _moment(self, position: int) -> Moment:
        wanted = select(Commit).where(
            Commit.repository_id == self._repository.id, Commit.position == position
        )
        commit = self._session.scalars(wanted).one()
        return Moment(self._session, self._settings, self._repository, commit)

    def _by_history(self, start: int, went: set[str], came: set[str]) -> dict[str, int]:
        """Take what is kept of the history of findings, as far as it is about what happened since."""
        found: dict[str, int] = {}
        for keys, edge in ((came, Finding.valid_from), (went, func.max(Finding.valid_until))):
            wanted = select(Finding.fingerprint, edge).where(Finding.repository_id == self._repository.id)
            if edge is Finding.valid_from:
                wanted = wanted.where(Finding.valid_until.is_(None))
            else:
                wanted = wanted.group_by(Finding.fingerprint)
            rows = self._session.execute(wanted).all()
            found.update((key, at) for key, at in rows if key in keys and at is not None and at > start)
        return {key: at for key, at in found.items() if at > self._judged_since or at == 0}

    @cached_property
    def _judged_since(self) -> int:
        """The first position that is judged: what is there was there before, nobody knows since when."""
        judgement = self._session.get(Judgement, self._repository.id)
        return -1 if judgement is None else judgement.since

    def _commits(self, positions: Iterable[int]) -> dict[int, CommitRef]:
        wanted = select(Commit).where(
            Commit.repository_id == self._repository.id, Commit.position.in_(sorted(positions))
        )
        found = map(CommitRef.of, self._session.scalars(wanted))
        return {each.position: each for each in found if each.position is not None}
