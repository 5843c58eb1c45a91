"""Lineage of a repository at a commit: loads the graph from the store and keeps those asked for lately."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from headwater.errors import did_you_mean
from headwater_catalog.errors import NotFound
from headwater_catalog.lineage_graph import (
    DRAWABLE,
    INPUT_PREFIX,
    Closure,
    Hidden,
    LineageEdge,
    LineageGraph,
    LineageNode,
    Neighbourhood,
    input_key,
)
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Dataflow,
    DataflowVersion,
    Dependency,
    Feature,
    FeatureVersion,
    Repository,
)
from headwater_catalog.wiring import GraphBuilder, Need

__all__ = [
    "DRAWABLE",
    "INPUT_PREFIX",
    "Closure",
    "Hidden",
    "LineageEdge",
    "LineageGraph",
    "LineageNode",
    "Neighbourhood",
    "input_key",
    "load_graph",
]

_KEPT = 8  # graphs per database; one of 4,000 features takes a few megabytes


def load_graph(
    session: Session, repository: Repository, position: int, dataflow: str | None = None
) -> LineageGraph:
    """Return the graph of a repository at a position of its main line.

    A name that a feature asks for is answered inside each dataflow, by whatever its modules make of this
    name: where several do (variants in modules of their own), the graph has an edge from each.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
        dataflow: Only this dataflow; None for all of them together.

    Raises:
        NotFound: The repository has no dataflow of this name at this position.
    """
    # Positions mean the same commit only as long as the scan was not rolled back.
    state = (repository.id, repository.scanned_sha, repository.scanned_at, repository.reader_version)
    graphs = _graphs_of(session.get_bind().engine)
    return graphs.get((*state, position, dataflow), lambda: _load(session, repository, position, dataflow))


class _Recent:
    """The graphs asked for last, safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._graphs: OrderedDict[Hashable, LineageGraph] = OrderedDict()

    def get(self, key: Hashable, load: Callable[[], LineageGraph]) -> LineageGraph:
        with self._lock:
            if key in self._graphs:
                self._graphs.move_to_end(key)
                return self._graphs[key]
        # Loading happens outside the lock: two threads may load the same graph, which harms nobody.
        graph = load()
        with self._lock:
            self._graphs[key] = graph
            while len(self._graphs) > _KEPT:
                self._graphs.popitem(last=False)
        return graph


_RECENT: WeakKeyDictionary[Engine, _Recent] = WeakKeyDictionary()
_RECENT_LOCK = Lock()


def _graphs_of(engine: Engine) -> _Recent:
    with _RECENT_LOCK:
        return _RECENT.setdefault(engine, _Recent())


def _load(session: Session, repository: Repository, position: int, dataflow: str | None) -> LineageGraph:
    modules = _modules(session, repository, position, dataflow)
    every = dataflow is None
    wanted = None if every else {module for names in modules.values() for module in names}
    needs = _needs(session, repository, position)
    builder = GraphBuilder()
    for row in _version_rows(session, repository, position):
        if wanted is None or row.module in wanted:
            builder.add(
                row.module,
                row.name,
                type=row.type,
                doc=row.doc,
                tags=row.tags,
                parts=(part["name"] for part in row.parts),
                needs=needs.get(row.id, ()),
            )
    for name, names in modules.items():
        builder.wire(name, frozenset(names))
    return builder.finish()


def _modules(
    session: Session, repository: Repository, position: int, dataflow: str | None
) -> dict[str, list[str]]:
    rows = session.execute(
        select(Dataflow.name, DataflowVersion.modules)
        .join(DataflowVersion.dataflow)
        .where(Dataflow.repository_id == repository.id, holds_at(DataflowVersion, position))
        .order_by(Dataflow.name)
    )
    found: dict[str, list[str]] = {row.name: row.modules for row in rows}
    if dataflow is None:
        return found
    if dataflow not in found:
        hint = did_you_mean(dataflow, found) or f" It has: {', '.join(found) or 'none'}."
        raise NotFound(f"No dataflow '{dataflow}' in repository '{repository.name}' at this commit.{hint}")
    return {dataflow: found[dataflow]}


def _version_rows(session: Session, repository: Repository, position: int) -> Iterable[Any]:
    columns = (
        FeatureVersion.id,
        Feature.module,
        Feature.name,
        FeatureVersion.type,
        FeatureVersion.doc,
        FeatureVersion.tags,
        FeatureVersion.parts,
    )
    return session.execute(
        select(*columns)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
        .order_by(Feature.module, Feature.name, FeatureVersion.variant)
    )


def _needs(session: Session, repository: Repository, position: int) -> dict[int, list[Need]]:
    """Return the names that each version of a feature asks for, in order, by the version's id."""
    rows = session.execute(
        select(Dependency.feature_version_id.label("id"), Dependency.name, Dependency.type)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(FeatureVersion.feature)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
        .order_by(Dependency.feature_version_id, Dependency.ordinal)
    )
    found: dict[int, list[Need]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(Need(row.name, row.type))
    return found
