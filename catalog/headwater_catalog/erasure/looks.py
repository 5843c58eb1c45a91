"""Every run of a repository, each with what the columns reach in what it computed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer, joinedload

from headwater_catalog.erasure.items import DERIVED, UNKNOWN, Standing, weightier
from headwater_catalog.erasure.reach import Reach, Seeds, merged, reach_in, reach_of_all
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.models import Commit, Repository, Run
from headwater_catalog.views import DataflowView

if TYPE_CHECKING:
    from headwater_catalog.settings import Settings

__all__ = ["Look", "Looks", "reach_for"]

_Upstream = Mapping[str, Mapping[str, tuple[str, ...]]]
"""What features of repositories are reached, by repository and key: what holds them back, or nothing."""


@dataclass(frozen=True)
class Look:
    """A run, and what the columns reach in it.

    Attributes:
        run: The run, without what is large of it.
        view: The dataflow as it was at its commit; None where that is not known.
        standings: How each name stands that the columns reach, or may reach without anybody knowing.
        names: All names of nodes and inputs of the dataflow.
        computed: Those that the run needed, those that it was asked for included.
        columns: Names of inputs and nodes that are the columns themselves.
        made: Those of them that features make.
        index: Names of the sources whose index one of the columns is.
        open: Names of inputs that are tables which may have one of the columns, with why that is not known.
        why: Why nothing can be told of it; empty where it can.
    """

    run: Run
    view: DataflowView | None
    standings: Mapping[str, Standing]
    names: frozenset[str]
    computed: frozenset[str]
    columns: frozenset[str]
    made: frozenset[str]
    index: frozenset[str]
    open: Mapping[str, str]
    why: str = ""

    def standing(self, names: Iterable[str]) -> Standing | None:
        """Return how some names stand; None where the columns do not reach them."""
        if self.why:
            return Standing(UNKNOWN, self.why)
        found = None
        for name in names:
            found = weightier(found, self.standings.get(name))
        return found

    @cached_property
    def whole(self) -> Standing | None:
        """How all that it computed stands together."""
        found = self.standing(self.computed)
        strange = self.computed - self.names
        if strange and self.run.origin is not None and (found is None or found.word != DERIVED):
            return Standing(UNKNOWN, f"it was reported, and its commit knows no '{min(strange)}'")
        return found


class Looks:
    """Looks at the runs of repositories, each commit with its dataflow and configuration once.

    Args:
        session: An open session.
        settings: Where mirrors are.
        day: The day on which barriers must hold.
    """

    def __init__(self, session: Session, settings: Settings, day: str) -> None:
        self._session = session
        self._settings = settings
        self.day = day
        self.unknown: dict[str, str] = {}  # what could not be looked at, with the name of the repository
        self._shared: dict[frozenset[str], frozenset[str]] = {}
        self._standings: Mapping[str, Standing] = {}
        self._last: dict[str, tuple[Snapshot, tuple[Any, ...]]] = {}
        self._alike: tuple[Snapshot | None, Snapshot | None, bool] = None, None, False

    def at(
        self, repository: Repository, seeds: Seeds, upstream: _Upstream, *, beside_only: bool = False
    ) -> Iterator[tuple[Look, Reach | None]]:
        """Yield the runs of a repository with what is reached there, in the order of their commits.

        Args:
            repository: The repository.
            seeds: The columns as they are called there.
            upstream: What is reached in other repositories, from which inputs may come.
            beside_only: Only those whose commit is beside the main line.
        """
        wanted = (
            select(Run)
            .join(Commit, Commit.id == Run.commit_id)
            .options(joinedload(Run.job), joinedload(Run.commit))
            .options(defer(Run.preview), defer(Run.log))
            .where(Run.repository_id == repository.id)
            .order_by(Commit.position, Commit.id, Run.dataflow, Run.id)
        )
        if beside_only:
            wanted = wanted.where(Commit.position.is_(None))
        known: dict[str, tuple[Any, ...]] = {}
        self._last.clear()
        commit = None
        for run in self._session.scalars(wanted):
            if run.commit_id != commit:
                commit, known = run.commit_id, {}
                moment = Moment(self._session, self._settings, repository, run.commit)
            given = sorted(name for name, each in run.inputs.items() if "value" in each)
            told = [run.dataflow, run.config, sorted(run.inputs), given, run.origin is not None, run.outputs]
            key = json.dumps(told, sort_keys=True)
            if run.origin is not None or key not in known:
                known[key] = self._again(moment, key) or self._looked(moment, run, given, seeds, upstream)
                if run.origin is None and not known[key][-1]:
                    self._last[key] = moment.snapshot, known[key]
            yield Look(run, *known[key][1:]), known[key][0]

    def _again(self, moment: Moment, key: str) -> tuple[Any, ...] | None:
        """Return what a look at the commit before found, if nothing of that can be otherwise at this one."""
        if key not in self._last:
            return None
        before, found = self._last[key]
        try:
            now, view = moment.snapshot, moment.snapshot.dataflow(found[1].name)
        except (NotFound, RepositoryError):
            return None
        if self._alike[0] is not before or self._alike[1] is not now:
            now.share_graph(before)
            self._alike = before, now, _are_alike(before, now)
        return found if self._alike[2] and view == found[1] else None

    def _looked(
        self, moment: Moment, run: Run, given: list[str], seeds: Seeds, upstream: _Upstream
    ) -> tuple[Any, ...]:
        """Return what is reached, and what a look at a run tells of it, shared with others where it is alike.

        There may be thousands of runs at hundreds of commits, and most differ in nothing of this.
        """
        try:
            view, reach = self._look(moment, run, given, seeds, upstream)
        except (NotFound, RepositoryError) as error:
            why = f"its code cannot be looked at: {error}"
            self.unknown[f"Run {run.id} of '{moment.repository.name}': {why}"] = moment.repository.name
            nothing: frozenset[str] = frozenset()
            return None, None, {}, nothing, frozenset(run.outputs), nothing, nothing, nothing, {}, why
        if run.origin is not None:
            computed = frozenset((*run.outputs, *(node.name for node in run.nodes)))
        else:
            computed = frozenset(reach.needed(run.outputs))
        shared = self._shared
        if reach.standings != self._standings:
            self._standings = reach.standings
        names = frozenset(reach.needs).union(*reach.needs.values())
        alike = (shared.setdefault(each, each) for each in (names, computed))
        made = reach.columns & reach.keys.keys()
        return reach, view, self._standings, *alike, reach.columns, made, reach.index, reach.open, ""

    def _look(
        self, moment: Moment, run: Run, given: list[str], seeds: Seeds, upstream: _Upstream
    ) -> tuple[DataflowView | None, Reach]:
        snapshot = moment.snapshot
        if run.origin is not None:
            for flow in snapshot.dataflows:
                seeds = _drawn(seeds, flow, upstream)
            return None, reach_of_all(snapshot, seeds, self.day)
        view = snapshot.dataflow(run.dataflow)
        config = {**view.config, **run.config}
        files = [name for name, each in run.inputs.items() if "value" not in each]
        return view, reach_for(moment, view, config, given, seeds, upstream, self.day, files)

    def heads(
        self, repository: Repository, seeds: Seeds, upstream: _Upstream
    ) -> Iterator[tuple[str, DataflowView, Reach]]:
        """Yield what is reached at the scanned head, in all dataflows and configurations, with the commit."""
        if repository.scanned_sha is None:
            return
        try:
            snapshot = moment_at(self._session, self._settings, repository).snapshot
        except RepositoryError as error:
            self.unknown[f"The head of '{repository.name}' cannot be looked at: {error}"] = repository.name
            return
        for view in snapshot.dataflows:
            drawn = _drawn(seeds, view, upstream)
            yield repository.scanned_sha, view, reach_in(snapshot, view, None, (), drawn, self.day)


def reach_for(
    moment: Moment,
    view: DataflowView,
    config: Mapping[str, Any],
    given: Iterable[str],
    seeds: Seeds,
    upstream: _Upstream,
    day: str,
    files: Iterable[str] = (),
) -> Reach:
    """Return what columns reach in a dataflow, also those that it has from other repositories."""
    drawn = _drawn(seeds, view, upstream)
    return reach_in(moment.snapshot, view, config, tuple(given), drawn, day, tuple(files))


def _drawn(seeds: Seeds, view: DataflowView, upstream: _Upstream) -> Seeds:
    """Return the columns with the inputs of a dataflow that are features of others that are reached."""
    inputs, held = set(seeds.inputs), dict(seeds.held)
    for name, declared in view.upstream.items():
        repository, _, feature = declared["feature"].partition(":")
        for key, by in upstream.get(repository, {}).items():
            if feature in (key, key.rpartition(":")[2]):
                if by:
                    held[name] = merged(held.get(name, ()), by)
                else:
                    inputs.add(name)
    return Seeds(seeds.names, seeds.keys, held, frozenset(inputs))


_counts = attrgetter("module", "name", "parts", "dependencies", "condition", "partial", "tags")
"""What of a feature says what it is made from, and what stops there."""


def _are_alike(before: Snapshot, now: Snapshot) -> bool:
    """Tell whether two commits differ in nothing that says what is made from what."""
    rules = now.declared.rules
    if before.declared.rules != rules or before.inputs != now.inputs:
        return False
    if before.declared.tables != now.declared.tables:
        return False
    # Whether a parameter is anonymised is told by the code of a function.
    reads_code = any(each.anonymisers for each in rules.classifications.values())
    return len(before.features) == len(now.features) and all(
        one is other or (_counts(one) == _counts(other) and not (reads_code and one.digest != other.digest))
        for one, other in zip(before.features, now.features, strict=True)
    )
