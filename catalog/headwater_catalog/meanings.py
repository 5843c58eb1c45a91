"""What features mean at commits of a repository, as lineage hashes, and which commits changed that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.lineage_scheme import MADE_BY
from headwater_catalog.moments import stored_at
from headwater_catalog.recent import RecentOf
from headwater_catalog.repositories import open_mirror
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.settings import Settings
from headwater_catalog.standings import Step, Way
from headwater_catalog.store.models import Commit, Repository

__all__ = ["Meanings", "meanings"]

_MOST_HASHES: Final = 200_000
_MOST_LOOKS: Final = 300  # at stretches of the main line, to find the commits that changed something


@dataclass(frozen=True)
class Meanings:
    """What features of a repository mean at commits.

    Attributes:
        session: An open session.
        settings: Where the mirror is.
        repository: The repository.
        source: Its mirror.
    """

    session: Session
    settings: Settings
    repository: Repository
    source: GitSource
    _reader: RevisionReader
    _revisions: dict[str, Revision]

    def revision(self, sha: str) -> Revision:
        """Return what a commit holds.

        Raises:
            RepositoryError: The mirror lacks it.
        """
        if sha not in self._revisions:
            # Of all that were looked at, one is enough: what they share is kept by the reader.
            self._revisions.clear()
            known = stored_at(self.session, self.repository, sha)
            self._revisions[sha] = self._reader.read(sha, known)
        return self._revisions[sha]

    def hashes(self, sha: str, keys: Collection[str]) -> Mapping[str, str | None]:
        """Return the lineage hashes of features at a commit, by key; None for one that is not there.

        Raises:
            RepositoryError: The mirror lacks the commit.
        """
        repository = self.repository
        place = (repository.id, repository.name, repository.reader_version, MADE_BY, sha)
        known = _RECENT[self.session].get(place, dict)
        if any(key not in known for key in keys):
            found = self.revision(sha).lineages.hashes_of(keys)
            known = {**known, **{key: found.get(key) for key in keys}}
            _RECENT[self.session].put(place, known)
        return {key: known[key] for key in keys}

    def doubts(self, sha: str, key: str) -> tuple[str, ...]:
        """Return why the hash of a feature at a commit may not be all that counts."""
        return self.revision(sha).lineages.doubts_of(key)

    def changes(
        self,
        keys: Collection[str],
        after: int,
        until: int,
        moved: Mapping[str, tuple[str, ...]] | None = None,
        most_looks: int | None = None,
    ) -> Mapping[str, Way]:
        """Return by which commits of the main line features came to mean something else.

        What was changed and later changed back is left out, where nothing else happened to it in between. Of
        a way with very many changes, some steps stand for all of a stretch that was not looked into further.

        Args:
            keys: The features.
            after: The place on the main line after which to look.
            until: The last place.
            moved: Where features are later, of those that move: one key after the other.
            most_looks: At how many stretches of the main line to look; None: as many as usual.

        Returns:
            For each feature what it meant, and the commits that together made it mean something else.
        """
        shas = self._shas(after, until)
        found: dict[str, list[tuple[int, int, str | None]]] = {key: [] for key in keys}
        begin = self._hashes_along(shas[0], keys, moved or {})
        pending = [(0, len(shas) - 1)]
        looks, most = 0, _MOST_LOOKS if most_looks is None else most_looks
        while pending:
            first, last = pending.pop()
            was, is_ = (self._hashes_along(shas[each], keys, moved or {}) for each in (first, last))
            looks += 1
            differing = [key for key in keys if was[key] != is_[key]]
            if not differing or first == last:
                continue
            if last - first == 1 or looks > most:
                for key in differing:
                    found[key].append((first, last, is_[key]))
                continue
            middle = (first + last) // 2
            pending += [(middle, last), (first, middle)]  # the earlier one is taken first
        told = self._commits({shas[place] for each in found.values() for ends in each for place in ends[:2]})

        def step(first: int, last: int, meaning: str | None) -> Step:
            return Step(told[shas[last]], meaning, told[shas[first]] if last - first > 1 else None)

        return {key: Way(begin[key]).and_then(step(*each) for each in found[key]) for key in keys}

    def _hashes_along(
        self, sha: str, keys: Collection[str], moved: Mapping[str, tuple[str, ...]]
    ) -> Mapping[str, str | None]:
        """Return the hashes of features where they are at a commit: where they were, or where they go."""
        along = {key: (key, *moved.get(key, ())) for key in keys}
        found = self.hashes(sha, list(dict.fromkeys(each for trail in along.values() for each in trail)))
        return {key: next(filter(None, map(found.get, trail)), None) for key, trail in along.items()}

    def _shas(self, after: int, until: int) -> list[str]:
        wanted = select(Commit.sha).where(
            Commit.repository_id == self.repository.id, Commit.position >= after, Commit.position <= until
        )
        return list(self.session.scalars(wanted.order_by(Commit.position)))

    def _commits(self, shas: Collection[str]) -> dict[str, CommitRef]:
        wanted = select(Commit).where(Commit.repository_id == self.repository.id, Commit.sha.in_(shas))
        return {commit.sha: CommitRef.of(commit) for commit in self.session.scalars(wanted)}


@contextmanager
def meanings(session: Session, settings: Settings, repository: Repository) -> Iterator[Meanings]:
    """Open what features of a repository mean; it is closed afterwards.

    Raises:
        NotFound: Its mirror is not there.
    """
    with open_mirror(settings, repository) as source:
        yield Meanings(session, settings, repository, source, RevisionReader(source), {})


_RECENT: Final = RecentOf[dict[str, str | None]](len, _MOST_HASHES)
