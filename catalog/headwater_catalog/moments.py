"""Repositories at single commits: on the main line read from the store, beside it from the mirror."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from headwater_catalog.commit_snapshots import read_commit
from headwater_catalog.errors import RepositoryError
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.read import READER_VERSION
from headwater_catalog.recent import RecentOf
from headwater_catalog.repositories import open_mirror, resolve_at
from headwater_catalog.settings import Settings
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.store.models import Commit, Repository
from headwater_catalog.stored_snapshots import load_snapshot

__all__ = ["Moment", "moment_at", "snapshot_at", "stored_at"]

_MOST_FEATURES = 100_000
"""Of all snapshots that are kept for one database besides the heads; 4,000 take some ten megabytes."""


@dataclass(frozen=True, eq=False)
class Moment:
    """A repository at one commit of its mirror, whether or not the main line holds it.

    What it holds is read when it is first asked for.

    Attributes:
        session: An open session, which must outlive it.
        settings: Where the mirror is.
        repository: The repository.
        commit: The commit; beside the main line it has no position, and need not be in the store.
    """

    session: Session
    settings: Settings
    repository: Repository
    commit: Commit

    @property
    def position(self) -> int | None:
        """The place on the main line; None beside it."""
        return self.commit.position

    @cached_property
    def base(self) -> int:
        """The place of the last commit of the main line that this one is or builds on; -1 if none."""
        if self.position is not None:
            return self.position
        head = self.repository.scanned_sha
        assert head is not None  # else there were no moment
        with open_mirror(self.settings, self.repository) as source:
            later = source.main_line_shas(head, after=self.commit.sha)
        return self.repository.scanned_position - len(later)

    def require_position(self) -> int:
        """Return the place on the main line.

        Raises:
            RepositoryError: The commit lies beside it.
        """
        if self.position is None:
            raise RepositoryError(
                f"{self.commit.sha[:10]} is not on the scanned main line of '{self.repository.name}', which "
                "this needs. Choose a commit of the main line, or scan again if it is new: "
                f"headwater scan {self.repository.name}"
            )
        return self.position

    @cached_property
    def snapshot(self) -> Snapshot:
        """What the repository holds at this commit."""
        if self.position is not None:
            return _snapshot_of(self.session, self.repository, self.position, self.commit.sha)
        # What it has in common with the main line changes with that.
        key = _Key.of(self.repository, self.commit.sha, head=self.repository.scanned_sha)
        return _RECENT[self.session].get(key, lambda: _read_beside(self))

    def graph(self, dataflow: str | None = None) -> LineageGraph:
        """Return who needs whom in a dataflow, or in all of them together.

        A name that a feature asks for is answered inside each dataflow, by whatever its modules make of this
        name: where several do (variants in modules of their own), the graph has an edge from each.

        Raises:
            NotFound: There is no dataflow of this name at this commit.
        """
        return self.snapshot.graph if dataflow is None else self.snapshot.graph_of(dataflow)

    def lineage(self, dataflow: str | None = None) -> LineageGraph:
        """Return the graph with the tables and columns that it reads and fills.

        Raises:
            NotFound: There is no dataflow of this name at this commit.
        """
        return self.snapshot.lineage if dataflow is None else self.snapshot.lineage_of(dataflow)


def moment_at(session: Session, settings: Settings, repository: Repository, at: str | None = None) -> Moment:
    """Return a repository at what a branch, a tag or a commit's name means; None: the last scanned.

    Raises:
        NotFound: The repository has not been scanned, or nothing has this name.
        RepositoryError: The mirror cannot be read.
    """
    return Moment(session, settings, repository, resolve_at(session, settings, repository, at))


def _read_beside(moment: Moment) -> Snapshot:
    """Read a commit beside the main line; what it shares with where it left began where that says."""
    with open_mirror(moment.settings, moment.repository) as source:
        found = read_commit(source, moment.commit.sha)
    if moment.base < 0:
        return found
    before = snapshot_at(moment.session, moment.repository, moment.base).variants
    dated = (_dated(feature, before.get(feature.key, ())) for feature in found.features)
    return replace(found, features=tuple(dated))


def _dated(feature: SnapshotFeature, before: Iterable[SnapshotFeature]) -> SnapshotFeature:
    for other in before:
        # Where it stands, who uses it and whom to ask about it are no part of a version.
        moved = replace(
            feature,
            path=other.path,
            line=other.line,
            end_line=other.end_line,
            dataflows=other.dataflows,
            owners=other.owners,
        )
        if moved == other:
            return replace(feature, since=other.since)
    return feature


def snapshot_at(session: Session, repository: Repository, position: int) -> Snapshot:
    """Return a repository at a position of its main line, as `snapshot.read_commit` would read that commit.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
    """
    wanted = select(Commit.sha).where(Commit.repository_id == repository.id, Commit.position == position)
    return _snapshot_of(session, repository, position, session.scalar(wanted))


def _snapshot_of(session: Session, repository: Repository, position: int, sha: str | None) -> Snapshot:
    # A commit has all its history with it, so a later scan changes nothing of this.
    key = _Key.of(repository, sha, position=position)
    recent = _RECENT[session]

    def load() -> Snapshot:
        near = recent.latest(lambda other: _is_behind_or_ahead(session, key, other))
        if near is None:
            return load_snapshot(session, repository, position)
        assert isinstance(near[0], _Key)
        return load_snapshot(session, repository, position, near[1], min(position, near[0].position or 0))

    is_head = position == repository.scanned_position
    return recent.get(key, load, holder=repository.id if is_head else None)


def stored_at(session: Session, repository: Repository, sha: str) -> Snapshot | None:
    """Return the features of a commit as the store has them, just as this code would read them.

    Returns:
        The snapshot; None beside the main line, and where another reader has read it.
    """
    if repository.reader_version != READER_VERSION:
        return None
    wanted = select(Commit.position).where(Commit.repository_id == repository.id, Commit.sha == sha)
    position = session.scalar(wanted)
    is_held = position is not None and position <= repository.scanned_position
    return snapshot_at(session, repository, position) if is_held and position is not None else None


class _Key(NamedTuple):
    """What a snapshot says is known by this, whatever else is scanned."""

    repository: int
    reader: str | None
    sha: str | None
    position: int | None = None
    head: str | None = None

    @classmethod
    def of(
        cls, repository: Repository, sha: str | None, *, position: int | None = None, head: str | None = None
    ) -> _Key:
        return cls(repository.id, repository.reader_version, sha, position, head)


def _is_behind_or_ahead(session: Session, key: _Key, other: Hashable) -> bool:
    """Tell whether one of two commits has the other on its main line, as the store has it now."""
    if not isinstance(other, _Key) or other[:2] != key[:2] or other.position is None:
        return False
    wanted = select(Commit.position).where(Commit.repository_id == key.repository, Commit.sha == other.sha)
    return session.scalar(wanted) == other.position


_RECENT: Final = RecentOf[Snapshot](lambda snapshot: len(snapshot.features), _MOST_FEATURES)
