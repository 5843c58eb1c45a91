"""What features are for: declared outputs, runs, other repositories; over some days, and on all branches."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headwater_catalog.commit_refs import CommitRef
from headwater_catalog.errors import CatalogError
from headwater_catalog.moments import Moment
from headwater_catalog.recent import RecentOf
from headwater_catalog.refs import list_refs
from headwater_catalog.repositories import open_mirror
from headwater_catalog.revisions import RevisionReader
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    DatasetVersion,
    Job,
    Repository,
    Run,
)
from headwater_catalog.stretch_graph import WiredFlows, stretch_graph, wired_flows

__all__ = ["Branch", "Proof", "Uses", "drawn_features", "uses_of"]

_MOST_TREES: Final = 100  # commits beside the main line that are looked at
_MOST_KEPT: Final = 5_000_000  # keys of features that commits beside main lines need, in all

_Asked = frozenset[tuple[str, str]]
"""Outputs that runs were asked for, each with its dataflow."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that was looked at.

    Attributes:
        name: Its name.
        sha: Its last commit.
        is_main_line: Whether that is one of the main line.
    """

    name: str
    sha: str
    is_main_line: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at to know what needs features.

    Attributes:
        days: Over how many days.
        since: The first of them.
        instant: When it began.
        commits: How many commits of the main line were looked at, the first of which held at that day.
        first: The first of these.
        outputs: How many outputs each dataflow declares there.
        runs: How many runs there were.
        datasets: How many dataset versions were saved.
        branches: The branches whose last commits were looked at.
        repositories: Other repositories that declare features of this one as their sources.
        doubts: Why something may be needed that is not known to be.
    """

    days: int
    since: str
    instant: int
    commits: int
    first: CommitRef
    outputs: Mapping[str, int]
    runs: int
    datasets: int
    branches: tuple[Branch, ...]
    repositories: tuple[str, ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Uses:
    """What needs features of a repository.

    Attributes:
        needed: The keys of what is needed on the main line, by runs, or by other repositories.
        elsewhere: The branches that need features, by the features' keys.
        elsewhere_named: The same by their names, since what moved has another key there.
        main_line: Who needed whom on the main line.
        proof: What was looked at.
    """

    needed: frozenset[str]
    elsewhere: Mapping[str, tuple[str, ...]]
    elsewhere_named: Mapping[str, tuple[str, ...]]
    main_line: WiredFlows
    proof: Proof


def uses_of(head: Moment, days: int, day: str) -> Uses:
    """Return what needs the features of a repository at its scanned head.

    Args:
        head: The repository there.
        days: Over how many days before the beginning of `day`.
        day: The day, as YYYY-MM-DD.
    """
    return _Uses(head, days, day).find()


def drawn_features(session: Session, repository: str) -> Mapping[str, list[str]]:
    """Return the features of a repository that others declare as their sources, each with these.

    Args:
        session: An open session; only repositories that it sees are told.
        repository: Name of the repository.
    """
    rows = session.execute(
        select(Repository.name, DataflowVersion.upstream)
        .join(Dataflow, Dataflow.repository_id == Repository.id)
        .join(DataflowVersion, DataflowVersion.dataflow_id == Dataflow.id)
        .where(holds_at(DataflowVersion, Repository.scanned_position))
        .order_by(Repository.name)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for name, upstream in rows:
        for declared in upstream.values():
            there, _, feature = declared["feature"].partition(":")
            if there == repository:
                found[feature].append(name)
    return found


class _Uses:
    def __init__(self, head: Moment, days: int, day: str) -> None:
        self._head, self._days = head, days
        self._session: Session = head.session
        self._repository = head.repository
        self._since = datetime.date.fromisoformat(day) - datetime.timedelta(days=days)
        begin = datetime.datetime.combine(self._since, datetime.time(), datetime.UTC)
        self._instant = int(begin.timestamp())

    def find(self) -> Uses:
        last = self._head.require_position()
        first = self._first(last)
        tips = {
            ref.name: ref.sha for ref in list_refs(self._session, self._repository) if ref.kind == "branch"
        }
        asked, runs = self._asked()
        positions = self._positions({*tips.values(), *asked}, last)
        places = {place for place in positions.values() if place < first}
        main_line = stretch_graph(self._session, self._repository, first, last, places)
        others = drawn_features(self._session, self._repository.name)
        roots = [key for _, key in main_line.outputs()]
        roots += [key for feature in others for key in main_line.made(feature)]
        on_main = (each for sha, some in asked.items() if sha in positions for each in some)
        roots += [key for flow, output in on_main for key in main_line.made(output, flow)]
        beside = self._beside({*tips.values(), *asked} - positions.keys(), asked)
        by_runs = {key for sha in asked if sha in beside.needed for key in beside.needed[sha]}
        elsewhere, named = _by_branch(tips, beside.needed)
        proof = Proof(
            days=self._days,
            since=self._since.isoformat(),
            instant=self._instant,
            commits=last - first + 1,
            first=CommitRef.of(self._commit(first)),
            outputs={name: len(flow.outputs) for name, flow in main_line.flows.items()},
            runs=runs,
            datasets=self._datasets(),
            branches=tuple(Branch(name, sha, sha in positions) for name, sha in tips.items()),
            repositories=tuple(dict.fromkeys(name for names in others.values() for name in names)),
            doubts=beside.doubts,
        )
        needed = frozenset(main_line.needed_for(roots) | by_runs)
        return Uses(needed, elsewhere, named, main_line, proof)

    def _first(self, last: int) -> int:
        """Return the position that held at the beginning of the first day."""
        wanted = select(func.min(Commit.position)).where(
            Commit.repository_id == self._repository.id,
            Commit.position <= last,
            Commit.committed_at >= self._instant,
        )
        later = self._session.scalar(wanted)
        return last if later is None else max(later - 1, 0)

    def _commit(self, position: int) -> Commit:
        wanted = select(Commit).where(
            Commit.repository_id == self._repository.id, Commit.position == position
        )
        return self._session.scalars(wanted).one()

    def _positions(self, shas: Iterable[str], last: int) -> dict[str, int]:
        """Return the places of those of some commits that are on the main line."""
        wanted = select(Commit.sha, Commit.position).where(
            Commit.repository_id == self._repository.id, Commit.position <= last
        )
        known = {sha: place for sha, place in self._session.execute(wanted) if place is not None}
        return {sha: known[sha] for sha in shas if sha in known}

    def _asked(self) -> tuple[Mapping[str, _Asked], int]:
        """Return what runs of these days were asked for, by their commits, and how many runs there were."""
        rows = self._session.execute(
            select(Commit.sha, Run.dataflow, Run.outputs)
            .join(Run, Run.commit_id == Commit.id)
            .join(Job, Job.id == Run.job_id)
            .where(Run.repository_id == self._repository.id, Job.created_at >= self._instant)
        ).all()
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for sha, flow, outputs in rows:
            found[sha].update((flow, output) for output in outputs)
        return {sha: frozenset(asked) for sha, asked in found.items()}, len(rows)

    def _datasets(self) -> int:
        wanted = (
            select(func.count(DatasetVersion.id))
            .join(Run, Run.id == DatasetVersion.run_id)
            .where(Run.repository_id == self._repository.id, DatasetVersion.created_at >= self._instant)
        )
        return self._session.scalar(wanted) or 0

    def _beside(self, shas: Iterable[str], asked: Mapping[str, _Asked]) -> _Beside:
        """Return what commits beside the main line need; those looked at lately are not read again."""
        kept, stored = _KEPT[self._session], self._repository
        wanted = sorted(shas)
        doubts = []
        if len(wanted) > _MOST_TREES:
            doubts.append(
                f"{len(wanted):,} branches and commits of runs lie beside the main line, of which only "
                f"{_MOST_TREES} are looked at"
            )
        found: dict[str, frozenset[str]] = {}
        with ExitStack() as ends:
            reader = _BesideReader(self._head, ends)
            try:
                for sha in wanted[:_MOST_TREES]:
                    some = asked.get(sha, frozenset())
                    key = stored.id, stored.name, stored.reader_version, sha, some
                    found[sha] = kept.get(key, partial(reader.needed, sha, some))
            except CatalogError as error:
                doubts.append(f"what lies beside the main line cannot be read: {error}")
        return _Beside(found, tuple(doubts))


@dataclass(frozen=True, slots=True)
class _Beside:
    """The keys of what commits beside the main line need, and why that may not be all."""

    needed: Mapping[str, frozenset[str]]
    doubts: tuple[str, ...]


class _BesideReader:
    """Reads commits beside the main line; what several share is read once."""

    def __init__(self, head: Moment, ends: ExitStack) -> None:
        self._head, self._ends = head, ends
        self._reader: RevisionReader | None = None

    def needed(self, sha: str, asked: _Asked) -> frozenset[str]:
        """Return the keys of what a commit's declared outputs, and those that were asked for, need."""
        if self._reader is None:
            mirror = open_mirror(self._head.settings, self._head.repository)
            self._reader = RevisionReader(self._ends.enter_context(mirror))
        wired = wired_flows(self._reader.read(sha).snapshot)
        roots = [key for _, key in wired.outputs()]
        roots += [key for flow, output in asked for key in wired.made(output, flow)]
        return frozenset(wired.needed_for(roots))


def _by_branch(
    tips: Mapping[str, str], needed: Mapping[str, frozenset[str]]
) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
    keys: dict[str, list[str]] = defaultdict(list)
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for branch, sha in tips.items():
        for key in needed.get(sha, ()):
            keys[key].append(branch)
            names[key.rpartition(":")[2]][branch] = None
    return (
        {key: tuple(branches) for key, branches in keys.items()},
        {name: tuple(branches) for name, branches in names.items()},
    )


_KEPT: Final = RecentOf[frozenset[str]](len, _MOST_KEPT)
