"""Repositories at single commits: on the main line read from the store, beside it from the mirror."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from headwater_catalog.errors import RepositoryError
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.owners import Ownership
from headwater_catalog.read import Diagnostic
from headwater_catalog.recent import Recent
from headwater_catalog.records import DependencyRecord
from headwater_catalog.repositories import open_mirror, resolve_at
from headwater_catalog.settings import Settings
from headwater_catalog.snapshot import Snapshot, SnapshotFeature, SnapshotInput, in_order, read_commit
from headwater_catalog.store import models
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    BlobDefinition,
    Commit,
    Dataflow,
    DataflowVersion,
    DeclaredInput,
    Definition,
    Dependency,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
)
from headwater_catalog.views import DataflowView, PartView, column_uses

__all__ = ["Moment", "list_dataflows", "moment_at", "snapshot_at"]

_MOST_FEATURES = 100_000
"""Of all snapshots that are kept for one database; 4,000 take some ten megabytes."""


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
            return snapshot_at(self.session, self.repository, self.position)
        return _kept(self.session, self.repository, self.commit.sha, lambda: _read_beside(self))

    def graph(self, dataflow: str | None = None) -> LineageGraph:
        """Return who needs whom in a dataflow, or in all of them together.

        A name that a feature asks for is answered inside each dataflow, by whatever its modules make of this
        name: where several do (variants in modules of their own), the graph has an edge from each.

        Raises:
            NotFound: There is no dataflow of this name at this commit.
        """
        return self.snapshot.graph if dataflow is None else self.snapshot.graph_of(dataflow)


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
    return _kept(session, repository, position, lambda: _load(session, repository, position))


def _kept(
    session: Session, repository: Repository, moment: Hashable, load: Callable[[], Snapshot]
) -> Snapshot:
    # Positions mean the same commit only as long as the scan was not rolled back.
    scanned = (repository.scanned_sha, repository.scanned_position, repository.scanned_at)
    state = (repository.id, *scanned, repository.reader_version)
    return _recent_of(session.get_bind().engine).get((*state, moment), load)


_RECENT: WeakKeyDictionary[Engine, Recent[Snapshot]] = WeakKeyDictionary()
_RECENT_LOCK = Lock()


def _recent_of(engine: Engine) -> Recent[Snapshot]:
    with _RECENT_LOCK:
        return _RECENT.setdefault(engine, Recent(lambda snapshot: len(snapshot.features), _MOST_FEATURES))


def _load(session: Session, repository: Repository, position: int) -> Snapshot:
    dataflows = list_dataflows(session, repository, position)
    users: dict[str, list[str]] = {}
    for dataflow in dataflows:
        for module in dataflow.modules:
            users.setdefault(module, []).append(dataflow.name)
    needs = _needs(session, repository, position)
    places = _places(session, repository, position)
    ownership = _ownership(session, repository, position)
    rows = _rows(session, repository, position)
    features = (_feature(row, users, needs, places, ownership) for row in rows)
    declared = _declared(session, repository, position)
    inputs = (_input(row, places, ownership) for row in declared)
    return Snapshot(
        features=tuple(sorted(features, key=in_order)),
        dataflows=tuple(dataflows),
        diagnostics=tuple(sorted(_diagnostics(session, repository, position))),
        inputs=tuple(sorted(inputs, key=in_order)),
        ownership=ownership,
    )


def _ownership(session: Session, repository: Repository, position: int) -> Ownership:
    rules = session.scalar(
        select(models.Ownership.rules).where(
            models.Ownership.repository_id == repository.id, holds_at(models.Ownership, position)
        )
    )
    return Ownership.from_data(rules or {})


def _declared(session: Session, repository: Repository, position: int) -> Iterable[DeclaredInput]:
    return session.scalars(
        select(DeclaredInput).where(
            DeclaredInput.repository_id == repository.id, holds_at(DeclaredInput, position)
        )
    )


def _rows(session: Session, repository: Repository, position: int) -> Iterable[Any]:
    return session.execute(
        select(
            *(FeatureVersion.id, Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.type),
            *(FeatureVersion.doc, FeatureVersion.condition, FeatureVersion.tags, FeatureVersion.parts),
            *(FeatureVersion.partial, FeatureVersion.valid_from, FeatureVersion.definition_id),
            FeatureVersion.columns,
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
    ownership: Ownership,
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
        columns=column_uses(row.columns),
        owners=ownership.of(path, row.module, row.tags).owners,
        since=row.valid_from,
    )


def _input(row: DeclaredInput, places: _Places, ownership: Ownership) -> SnapshotInput:
    path, line, end_line = places.get((row.module, row.definition_id), ("", 0, 0))
    return SnapshotInput(
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
        owners=ownership.of(path, row.module, row.tags).owners,
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
            upstream=version.upstream,
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
