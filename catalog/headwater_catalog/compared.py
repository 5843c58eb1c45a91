"""Comparisons of commits of repositories in the catalog, of which those asked for lately are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from headwater_catalog.collection import without_collection
from headwater_catalog.compare import Comparison, FeatureChange, compare
from headwater_catalog.impact import Impact, impact_of
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.moments import Moment, stored_at
from headwater_catalog.read import READER_VERSION
from headwater_catalog.recent import Recent, RecentOf
from headwater_catalog.repositories import open_mirror
from headwater_catalog.revisions import NOTHING, RevisionReader
from headwater_catalog.snapshot import Snapshot

__all__ = ["Compared", "compare_moments"]

_MOST_FEATURES: Final = 100_000
"""On both sides of all comparisons that are kept for one database; most are shared with snapshots."""


@dataclass(frozen=True)
class Compared:
    """What changed between two commits, and what that reaches.

    Attributes:
        before: The features of the first commit.
        after: The features of the second.
        found: What changed, also in layout only.
        impact: What the changes of meaning reach.
        opaque: Why not all is known that features reach which were there before and changed, by key.
        parted: The last commit that both build on; None where they are unrelated.
    """

    before: Snapshot
    after: Snapshot
    found: Comparison
    impact: Impact
    opaque: Mapping[str, tuple[str, ...]]
    parted: str | None

    def downstream_of(self, change: FeatureChange) -> int:
        """Return how many features are downstream of one; of one that is gone, how many were."""
        graph = (self.after if change.after else self.before).graph
        return len(graph.downstream(change.key))


def compare_moments(before: Moment | None, after: Moment, *, both_ways: bool = False) -> Compared:
    """Return what changed from one commit of a repository to another.

    Args:
        before: The first commit; None where there was nothing.
        after: The second commit.
        both_ways: Make ready what changed the other way, too, which costs little now and much later.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    recent, key = _RECENT[after.session], _Key.of(before, after)

    def make() -> Compared:
        first, second, parted = _read(before, after)
        made = _compared(first, second, parted)
        if both_ways:
            back = key.swapped()
            _LATER.submit(_kept, recent, back, lambda: _compared(second, first, parted))
        return made

    return _kept(recent, key, make)


class _Key(NamedTuple):
    """All that a comparison follows from; a number may be given again to a repository of another name."""

    repository: int
    name: str
    stored_by: str | None
    read_by: str
    before: str | None
    after: str | None

    @classmethod
    def of(cls, before: Moment | None, after: Moment) -> _Key:
        repository, first = after.repository, before.commit.sha if before is not None else None
        read_by = repository.reader_version, READER_VERSION
        return cls(repository.id, repository.name, *read_by, first, after.commit.sha)

    def swapped(self) -> _Key:
        return self._replace(before=self.after, after=self.before)


def _kept(recent: Recent[Compared], key: _Key, make: Callable[[], Compared]) -> Compared:
    """Return a comparison, made where it is not kept; who asks while another one makes it waits for that."""

    def make_once() -> Compared:
        with _MAKING:
            known = recent.latest(lambda other: other == key)
            return known[1] if known is not None else make()

    return recent.get(key, make_once)


def _read(before: Moment | None, after: Moment) -> tuple[Revision, Revision, str | None]:
    """Read both commits, and where they parted."""
    with open_mirror(after.settings, after.repository) as source, without_collection():
        reader = RevisionReader(source)
        if before is None:
            return NOTHING, _revision(reader, after), None
        # The earlier one first: what the later one shares with it costs nothing more.
        first, second = _revision(reader, before), _revision(reader, after)
        if before.position is not None and after.position is not None:
            parted: str | None = min((before, after), key=lambda moment: moment.base).commit.sha
        else:
            parted = source.merge_base(before.commit.sha, after.commit.sha)
        return first, second, parted


def _revision(reader: RevisionReader, moment: Moment) -> Revision:
    if moment.position is None:
        return reader.read(moment.commit.sha, moment.snapshot)
    return reader.read(moment.commit.sha, stored_at(moment.session, moment.repository, moment.commit.sha))


def _compared(first: Revision, second: Revision, parted: str | None) -> Compared:
    found = compare(first, second, formatting=True)
    # What both commits have was looked at already; to look at all that is new takes as long again.
    stayed = [change.key for change in found.features if change.is_of_meaning and change.before]
    opaque = {key: reasons for key in stayed if (reasons := second.lineages.opaque_of(key))}
    impact = impact_of(found, first.snapshot, second.snapshot)
    return Compared(first.snapshot, second.snapshot, found, impact, opaque, parted)


_MAKING: Final = Lock()
_LATER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparison")


def _size(compared: Compared) -> int:
    return len(compared.before.features) + len(compared.after.features)


_RECENT: Final = RecentOf[Compared](_size, _MOST_FEATURES)
