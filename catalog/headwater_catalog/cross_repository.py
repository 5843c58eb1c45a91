"""Lineage across repositories: an input is declared to be a feature of another, or both have a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from headwater.errors import did_you_mean
from headwater_catalog.errors import CatalogError, NotFound
from headwater_catalog.features import find_key
from headwater_catalog.lineage_graph import LineageGraph, LineageNode, input_key
from headwater_catalog.logical.shared import repositories_naming
from headwater_catalog.moments import Moment, moment_at
from headwater_catalog.repositories import get_repository
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import Dataflow, DataflowVersion, Repository
from headwater_catalog.table_specs import is_shared
from headwater_catalog.views import DataflowView

__all__ = ["Across", "Drawn", "across", "drawn_from"]

End = tuple[str, str]
"""A feature or an input of one of several repositories: what calls the repository, and the key in it."""


@dataclass(frozen=True, slots=True)
class Across:
    """The lineage of a repository, with that of the repositories it draws from and those that draw from it.

    Attributes:
        graph: The graph; its keys begin with a repository, as in `shop:features.spend:spend`, but for those
            of tables outside, which are the same for all.
        label: What the keys of the repository asked about begin with.
        unresolved: Declared sources that lead nowhere, each with the reason.
    """

    graph: LineageGraph
    label: str
    unresolved: tuple[str, ...]


def across(moment: Moment) -> Across:
    """Return the lineage of a repository at a commit, going on in others where sources or tables lead there.

    Upstream it goes to the commits that sources name, or to the scanned heads, and to the scanned heads of
    those that fill or declare tables that it reads; downstream to the scanned heads of the repositories whose
    sources are features of this commit, or that read tables that it fills. A repository at another commit
    than its scanned head is named with it, as in `shop@0123456789:features.spend:spend`.
    """
    union = _Union(moment)
    union.follow_up(moment)
    union.follow_down(moment)
    return Across(union.graph(), _label(moment), tuple(union.unresolved))


def _label(moment: Moment) -> str:
    is_head = moment.commit.sha == moment.repository.scanned_sha
    return moment.repository.name if is_head else f"{moment.repository.name}@{moment.commit.sha[:10]}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A moment with all that its sources and tables lead to, and theirs.

    Attributes:
        label: What calls the moment itself.
        moments: The moments by what calls them.
        links: The inputs that are declared to be a feature of another moment, by that.
    """

    label: str
    moments: Mapping[str, Moment]
    links: Mapping[End, Sequence[End]]

    def targets(self, label: str, key: str) -> Iterator[End]:
        """Yield what is the same elsewhere: inputs that are to be a feature, or the same table or column."""
        yield from self.links.get((label, key), ())
        if is_shared(key):
            for other, moment in self.moments.items():
                if other != label and key in moment.snapshot.lineage.nodes:
                    yield other, key


def drawn_from(moment: Moment) -> Drawn:
    """Return a moment with all that its sources and tables lead to, and theirs."""
    union = _Union(moment)
    union.follow_up(moment)
    links: dict[End, list[End]] = defaultdict(list)
    for source, target in union.links:
        links[source].append(target)
    return Drawn(_label(moment), union.moments, links)


class _Union:
    """Moments of several repositories, and the edges between them."""

    def __init__(self, start: Moment) -> None:
        self._start = start
        self.moments: dict[str, Moment] = {}
        self._asked: dict[tuple[str, str | None], Moment] = {}
        self.links: dict[tuple[End, End], dict[str, None]] = {}
        self.unresolved: dict[str, None] = {}

    def graph(self) -> LineageGraph:
        nodes: dict[str, LineageNode] = {}
        edges: dict[tuple[str, str], tuple[str, ...]] = {}
        for label, moment in self.moments.items():
            graph = moment.lineage()
            called = {key: key if is_shared(key) else f"{label}:{key}" for key in graph.nodes}
            for key, node in graph.nodes.items():
                if called[key] not in nodes or _says_more(node, nodes[called[key]]):
                    nodes[called[key]] = replace(node, key=called[key])
            for (source, target), dataflows in graph.edges.items():
                ends = called[source], called[target]
                edges[ends] = tuple(dict.fromkeys((*edges.get(ends, ()), *dataflows)))
        for ((source, key), (target, name)), flows in self.links.items():
            edges[f"{source}:{key}", f"{target}:{name}"] = tuple(flows)
        return LineageGraph(nodes, edges)

    def follow_up(self, start: Moment) -> None:
        """Add a moment, and all that its sources lead to."""
        waiting = [start]
        while waiting:
            moment = waiting.pop()
            if self._add(moment):
                waiting += [self._link(moment, *source) for source in self._sources(moment)]
                waiting += self._behind_tables(moment)

    def follow_down(self, start: Moment) -> None:
        """Add the repositories whose sources lead to a moment, and those whose sources lead to them."""
        drawing = self._drawing()
        waiting, seen = [start], {_label(start)}
        while waiting:
            below = waiting.pop()
            for repository in drawing.get(below.repository.name, ()):
                moment = self._at(repository.name, None)
                for source in list(self._sources(moment)):
                    if _label(source[2]) == _label(below):
                        self._add(moment)
                        self._link(moment, *source)
                        if _label(moment) not in seen:
                            seen.add(_label(moment))
                            waiting.append(moment)
            for moment in self._before_tables(below, of_any=below is start):
                self._add(moment)
                if _label(moment) not in seen:
                    seen.add(_label(moment))
                    waiting.append(moment)

    def _behind_tables(self, moment: Moment) -> Iterator[Moment]:
        """Yield where the tables that a moment reads are filled, or declared with what they mean."""
        read = moment.snapshot.tables.shared(is_filled=False)
        for other in self._naming(moment, read):
            tables = other.snapshot.tables
            declared = {key for key, table in tables.tables.items() if table.name}
            if not read.isdisjoint(declared | tables.shared(is_filled=True)):
                yield other

    def _before_tables(self, moment: Moment, *, of_any: bool) -> Iterator[Moment]:
        """Yield where the tables are read that a moment fills, or any that it names."""
        tables = moment.snapshot.tables
        keys = frozenset(filter(is_shared, tables.tables)) if of_any else tables.shared(is_filled=True)
        for other in self._naming(moment, keys):
            if not keys.isdisjoint(other.snapshot.tables.shared(is_filled=False)):
                yield other

    def _naming(self, moment: Moment, keys: Collection[str]) -> Iterator[Moment]:
        """Yield the other repositories that name one of some tables, at their scanned heads."""
        for repository in repositories_naming(self._start.session, keys) if keys else ():
            if repository.id != moment.repository.id and repository.scanned_sha is not None:
                yield self._at(repository.name, None)

    def _add(self, moment: Moment) -> bool:
        """Add a moment, and tell whether it is new."""
        known = len(self.moments)
        self.moments.setdefault(_label(moment), moment)
        return len(self.moments) > known

    def _link(self, moment: Moment, flow: str, name: str, other: Moment, key: str) -> Moment:
        ends = (_label(other), key), (_label(moment), input_key(name))
        self.links.setdefault(ends, {})[flow] = None
        return other

    def _sources(self, moment: Moment) -> Iterator[tuple[str, str, Moment, str]]:
        """Yield dataflow and name of the inputs that are features elsewhere, with the moment and the key."""
        for flow in moment.snapshot.dataflows:
            for name, declared in flow.upstream.items():
                try:
                    _require_input(moment, flow, name)
                    yield (flow.name, name, *self._feature(declared))
                except CatalogError as error:
                    where = f"{_label(moment)}: source '{name}' of dataflow '{flow.name}'"
                    self.unresolved[f"{where} leads nowhere. {error}"] = None

    def _feature(self, declared: Mapping[str, Any]) -> tuple[Moment, str]:
        repository, _, feature = declared["feature"].partition(":")
        other = self._at(repository, declared["at"])
        return other, ":".join(find_key(other, feature))

    def _at(self, repository: str, at: str | None) -> Moment:
        if (repository, at) not in self._asked:
            session, settings = self._start.session, self._start.settings
            self._asked[repository, at] = moment_at(
                session, settings, get_repository(session, repository), at
            )
        return self._asked[repository, at]

    def _drawing(self) -> dict[str, list[Repository]]:
        """Return the repositories that draw from another at their scanned heads, by the other's name."""
        rows = self._start.session.execute(
            select(Repository, DataflowVersion.upstream)
            .join(Dataflow, Dataflow.repository_id == Repository.id)
            .join(DataflowVersion, DataflowVersion.dataflow_id == Dataflow.id)
            .where(holds_at(DataflowVersion, Repository.scanned_position))
            .order_by(Repository.name)
        )
        found: dict[str, dict[Repository, None]] = {}
        for repository, upstream in rows:
            for declared in upstream.values():
                found.setdefault(declared["feature"].partition(":")[0], {})[repository] = None
        return {name: list(repositories) for name, repositories in found.items()}


def _says_more(one: LineageNode, other: LineageNode) -> bool:
    """Tell whether of two nodes of one table or column the one tells more: where it is declared, it does."""
    return (bool(one.summary), bool(one.owner), bool(one.type)) > (
        *(bool(other.summary), bool(other.owner), bool(other.type)),
    )


def _require_input(moment: Moment, flow: DataflowView, name: str) -> None:
    graph = moment.graph(flow.name)
    if input_key(name) not in graph.nodes:
        inputs = [node.name for node in graph.nodes.values() if node.is_input]
        raise NotFound(f"No feature there reads an input '{name}'.{did_you_mean(name, inputs)}")
