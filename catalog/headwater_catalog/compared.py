"""Comparisons of commits of repositories in the catalog, of which those asked for lately are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from headwater_catalog.compare import Comparison, FeatureChange, compare
from headwater_catalog.comparing import opaque_of, read_two
from headwater_catalog.errors import NotFound
from headwater_catalog.git import GitSource
from headwater_catalog.impact import Impact, impact_of
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.moments import Moment, moment_at, stored_at
from headwater_catalog.read import READER_VERSION
from headwater_catalog.recent import Recent, RecentOf
from headwater_catalog.repositories import open_mirror
from headwater_catalog.snapshot import Snapshot

__all__ = ["Compared", "compare_moments", "parent_of", "where_parted"]

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
        opaque: Why not all is known that features reach which were there before and changed, by key; of a
            whole comparison also those that are new.
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


def compare_moments(
    before: Moment | None, after: Moment, *, both_ways: bool = False, whole: bool = False
) -> Compared:
    """Return what changed from one commit of a repository to another.

    Args:
        before: The first commit; None where there was nothing.
        after: The second commit.
        both_ways: Make ready what changed the other way, too, which costs little now and much later.
        whole: Also look at what is new, which takes as long again.

    Raises:
        RepositoryError: The mirror cannot be read.
    """
    recent, key = _RECENT[after.session], _Key.of(before, after, whole)

    def make() -> Compared:
        first, second, parted = _read(before, after)
        made = _compared(first, second, parted, whole)
        if both_ways:
            back = key.swapped()
            _LATER.submit(_kept, recent, back, lambda: _compared(second, first, parted, whole))
        return made

    return _kept(recent, key, make)


def parent_of(moment: Moment) -> Moment | None:
    """Return the first parent of a commit; None where it has none, or history is cut off there."""
    parents = moment.commit.parents
    try:
        return _beside(moment, parents[0]) if parents else None
    except NotFound:
        return None


def where_parted(before: Moment, after: Moment) -> Moment:
    """Return the last commit that two commits both build on.

    Raises:
        NotFound: They have none in common.
    """
    one, other = before.commit.sha, after.commit.sha
    with open_mirror(after.settings, after.repository) as source:
        base = source.merge_base(one, other)
    if base is None:
        raise NotFound(
            f"'{one[:10]}' and '{other[:10]}' have no commit in common. Compare them as they are instead."
        )
    return _beside(after, base)


def _beside(moment: Moment, sha: str) -> Moment:
    return moment_at(moment.session, moment.settings, moment.repository, sha)


class _Key(NamedTuple):
    """All that a comparison follows from; a number may be given again to a repository of another name."""

    repository: int
    name: str
    stored_by: str | None
    read_by: str
    before: str | None
    after: str | None
    whole: bool

    @classmethod
    def of(cls, before: Moment | None, after: Moment, whole: bool) -> _Key:
        repository, first = after.repository, before.commit.sha if before is not None else None
        read_by = repository.reader_version, READER_VERSION
        return cls(repository.id, repository.name, *read_by, first, after.commit.sha, whole)

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
    moments = {moment.commit.sha: moment for moment in (before, after) if moment is not None}

    def stored(sha: str) -> Snapshot | None:
        moment = moments[sha]
        is_beside = moment.position is None
        return moment.snapshot if is_beside else stored_at(moment.session, moment.repository, sha)

    with open_mirror(after.settings, after.repository) as source:
        name = before.commit.sha if before is not None else None
        first, second = read_two(source, name, after.commit.sha, stored)
        return first, second, _parted(source, before, after)


def _parted(source: GitSource, before: Moment | None, after: Moment) -> str | None:
    if before is None:
        return None
    if before.position is None or after.position is None:
        return source.merge_base(before.commit.sha, after.commit.sha)
    return min((before, after), key=lambda moment: moment.base).commit.sha


def _compared(first: Revision, second: Revision, parted: str | None, whole: bool) -> Compared:
    found = compare(first, second, formatting=True)
    # What both commits have was looked at already.
    looked_at = [change for change in found.features if whole or (change.is_of_meaning and change.before)]
    impact = impact_of(found, first.snapshot, second.snapshot)
    opaque = opaque_of(looked_at, second)
    return Compared(first.snapshot, second.snapshot, found, impact, opaque, parted)


_MAKING: Final = Lock()
_LATER: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparison")


def _size(compared: Compared) -> int:
    return len(compared.before.features) + len(compared.after.features)


_RECENT: Final = RecentOf[Compared](_size, _MOST_FEATURES)
