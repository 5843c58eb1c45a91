"""Repositories at moments of their main line: snapshots read from the store, those asked for lately kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from headwater_catalog.read import Diagnostic
from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import Snapshot, SnapshotFeature
from headwater_catalog.store import models
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    BlobDefinition,
    Dataflow,
    DataflowVersion,
    Definition,
    Dependency,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
)
from headwater_catalog.views import DataflowView, PartView

__all__ = ["list_dataflows", "snapshot_at"]

_MOST_FEATURES = 100_000
"""Of all snapshots that are kept for one database; 4,000 take some ten megabytes."""


def snapshot_at(session: Session, repository: Repository, position: int) -> Snapshot:
    """Return a repository at a position of its main line, as `snapshot.read_commit` would read that commit.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
    """
    # Positions mean the same commit only as long as the scan was not rolled back.
    state = (repository.id, repository.scanned_sha, repository.scanned_at, repository.reader_version)
    recent = _recent_of(session.get_bind().engine)
    return recent.get((*state, position), lambda: _load(session, repository, position))


class _Recent:
    """The snapshots asked for last, safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Snapshot] = OrderedDict()

    def get(self, key: Hashable, load: Callable[[], Snapshot]) -> Snapshot:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # Loading happens outside the lock: two threads may load the same one, which harms nobody.
        snapshot = load()
        with self._lock:
            self._kept[key] = snapshot
            while len(self._kept) > 1 and sum(len(s.features) for s in self._kept.values()) > _MOST_FEATURES:
                self._kept.popitem(last=False)
        return snapshot


_RECENT: WeakKeyDictionary[Engine, _Recent] = WeakKeyDictionary()
_RECENT_LOCK = Lock()


def _recent_of(engine: Engine) -> _Recent:
    with _RECENT_LOCK:
        return _RECENT.setdefault(engine, _Recent())


def _load(session: Session, repository: Repository, position: int) -> Snapshot:
    dataflows = list_dataflows(session, repository, position)
    users: dict[str, list[str]] = {}
    for dataflow in dataflows:
        for module in dataflow.modules:
            users.setdefault(module, []).append(dataflow.name)
    needs = _needs(session, repository, position)
    places = _places(session, repository, position)
    features = (_feature(row, users, needs, places) for row in _rows(session, repository, position))
    return Snapshot(
        features=tuple(sorted(features, key=lambda feature: (feature.module, feature.name, feature.variant))),
        dataflows=tuple(dataflows),
        diagnostics=tuple(sorted(_diagnostics(session, repository, position))),
    )


def _rows(session: Session, repository: Repository, position: int) -> Iterable[Any]:
    return session.execute(
        select(
            *(FeatureVersion.id, Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.type),
            *(FeatureVersion.doc, FeatureVersion.condition, FeatureVersion.tags, FeatureVersion.parts),
            *(FeatureVersion.partial, FeatureVersion.valid_from, FeatureVersion.definition_id),
            *(Definition.source, Definition.digest),
        )
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
    )


_Places = Mapping[tuple[str, int], tuple[str, int, int]]
"""Path, first and last line of a definition, by module and the definition's id."""


def _feature(
    row: Any,
    users: Mapping[str, list[str]],
    needs: Mapping[int, list[DependencyRecord]],
    places: _Places,
) -> SnapshotFeature:
    path, line, end_line = places.get((row.module, row.definition_id), ("", 0, 0))
    return SnapshotFeature(
        module=row.module,
        name=row.name,
        variant=row.variant,
        path=path,
        line=line,
        end_line=end_line,
        type=row.type,
        doc=row.doc,
        condition=row.condition,
        tags=row.tags,
        parts=tuple(PartView(p["name"], p.get("type", ""), p.get("doc", "")) for p in row.parts),
        dependencies=tuple(needs.get(row.id, ())),
        dataflows=tuple(users.get(row.module, ())),
        partial=tuple(row.partial),
        source=row.source,
        digest=row.digest,
        since=row.valid_from,
    )


def _needs(session: Session, repository: Repository, position: int) -> dict[int, list[DependencyRecord]]:
    """Return the names that each version of a feature asks for, in order, by the version's id."""
    rows = session.execute(
        select(Dependency.feature_version_id, Dependency.name, Dependency.type, Dependency.optional)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
        .order_by(Dependency.feature_version_id, Dependency.ordinal)
    )
    found: dict[int, list[DependencyRecord]] = {}
    for version, name, type_, optional in rows:
        found.setdefault(version, []).append(DependencyRecord(name, type_, optional))
    return found


def _places(session: Session, repository: Repository, position: int) -> _Places:
    """Return where each definition of the modules stands.

    Of two equal definitions in one file the later one counts, as it does in Python.
    """
    rows = session.execute(
        select(
            *(ModuleVersion.module, BlobDefinition.definition_id, ModuleVersion.path),
            *(BlobDefinition.line, BlobDefinition.end_line),
        )
        .join(BlobDefinition, BlobDefinition.blob_id == ModuleVersion.blob_id)
        .where(ModuleVersion.repository_id == repository.id, holds_at(ModuleVersion, position))
        .order_by(BlobDefinition.ordinal)
    )
    return {(module, definition): tuple(place) for module, definition, *place in rows}  # type: ignore[misc]


def list_dataflows(session: Session, repository: Repository, position: int) -> list[DataflowView]:
    """Return the dataflows at a position, by name."""
    rows = session.execute(
        select(Dataflow.name, DataflowVersion)
        .join(DataflowVersion.dataflow)
        .where(Dataflow.repository_id == repository.id, holds_at(DataflowVersion, position))
    )
    views = (
        DataflowView(
            name=name,
            origin=version.origin,
            modules=tuple(version.modules),
            config=version.config,
            sources=version.sources,
            outputs=tuple(version.outputs),
        )
        for name, version in rows
    )
    return sorted(views, key=lambda view: view.name)


def _diagnostics(session: Session, repository: Repository, position: int) -> Iterable[Diagnostic]:
    rows = session.execute(
        select(models.Diagnostic.path, models.Diagnostic.line, models.Diagnostic.message).where(
            models.Diagnostic.repository_id == repository.id, holds_at(models.Diagnostic, position)
        )
    )
    return (Diagnostic(row.path, row.line, row.message) for row in rows)
