"""A repository at a position of its main line, read from the store as a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, cast, select
from sqlalchemy.orm import Session

from headwater_catalog.collection import without_collection
from headwater_catalog.declared import Declared
from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.read import Diagnostic
from headwater_catalog.records import DependencyRecord
from headwater_catalog.snapshot import Place, Snapshot, SnapshotFeature, SnapshotInput, in_order
from headwater_catalog.store import models
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    BlobDefinition,
    Dataflow,
    DataflowVersion,
    Declaration,
    DeclaredInput,
    Definition,
    Dependency,
    Feature,
    FeatureVersion,
    ModuleVersion,
    Repository,
)
from headwater_catalog.stored_suites import load_suite
from headwater_catalog.suite import NO_SUITE
from headwater_catalog.views import DataflowView

__all__ = ["NOWHERE", "json_text", "load_snapshot"]


def load_snapshot(
    session: Session,
    repository: Repository,
    position: int,
    near: Snapshot | None = None,
    shared: int = -1,
) -> Snapshot:
    """Return a repository at a position of its main line, as `read_commit` would read that commit.

    Args:
        session: An open session.
        repository: The repository.
        position: Place on the main line.
        near: It at another position; versions of features that are in both are taken from there, so that
            what others have made of them may be, too.
        shared: Up to where the main line was then what it is now.
    """
    with without_collection():
        dataflows = _dataflows(session, repository, position)
        declared = _declared(session, repository, position)
        maker = FeatureMaker(declared.ownership, dataflows)
        places = _places(session, repository, position)
        known = {
            (feature.module, feature.name, feature.variant, feature.since): feature
            for feature in (near.features if near is not None else ())
            if feature.since is not None and feature.since <= shared
        }
        features = _features(session, repository, position, maker, places, known)
        inputs = _inputs(session, repository, position, maker, places)
        found = Snapshot(
            features=tuple(sorted(features, key=in_order)),
            dataflows=tuple(dataflows),
            diagnostics=tuple(sorted(_diagnostics(session, repository, position))),
            inputs=tuple(sorted(inputs, key=in_order)),
            declared=declared,
            tests=load_suite(session, repository, position, near.tests if near is not None else NO_SUITE),
        )
    if near is not None:
        found.share_graph(near)
    return found


_Places = Mapping[tuple[str, int], Place]
"""Where a definition stands, by module and the definition's id."""

NOWHERE: Final[Place] = ("", 0, 0)
"""The place of a feature that is in no file there."""


def json_text(column: Any) -> Any:
    """Return a JSON column as its text: most texts are alike, and each is decoded once."""
    return cast(column, Text).label(column.key)


_Known = Mapping[tuple[str, str, str, int], SnapshotFeature]
"""Features by module, name, variant and the position where this version of them began."""

_FEW = 1_000  # values of one IN; every SQLite takes 32,766


def _features(
    session: Session,
    repository: Repository,
    position: int,
    maker: FeatureMaker,
    places: _Places,
    known: _Known,
) -> Iterator[SnapshotFeature]:
    """Yield the features; those that are known are not read again, as long as only few others are."""
    wanted = and_(Feature.repository_id == repository.id, holds_at(FeatureVersion, position))
    if known:
        rows = _rows(session, _PLACED, wanted)
        new = [row.id for row in rows if row[2:6] not in known]
        if len(new) <= _FEW:
            for row in rows:
                if (feature := known.get(row[2:6])) is not None:
                    yield maker.moved(feature, places.get((row.module, row.definition_id), NOWHERE))
            wanted = FeatureVersion.id.in_(new)
    needs = _needs(session, wanted)
    for row in _rows(session, _TOLD, wanted):
        version, definition, module, name, variant, since = row[:6]
        place = places.get((module, definition), NOWHERE)
        yield maker.feature((module, name, variant), place, row.source, row, needs.get(version, ()), since)


_PLACED: Final = select(
    *(FeatureVersion.id, FeatureVersion.definition_id),
    *(Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.valid_from),
).join(Feature, Feature.id == FeatureVersion.feature_id)

_TOLD: Final = _PLACED.join(Definition, Definition.id == FeatureVersion.definition_id).add_columns(
    *(FeatureVersion.type, FeatureVersion.doc, FeatureVersion.condition),
    *map(
        json_text, (FeatureVersion.tags, FeatureVersion.parts, FeatureVersion.partial, FeatureVersion.columns)
    ),
    *(Definition.source, Definition.digest),
)


def _rows(
    session: Session, statement: Select[*tuple[Any, ...]], wanted: ColumnElement[bool]
) -> Sequence[Any]:
    return session.connection().execute(statement.where(wanted)).all()


def _inputs(
    session: Session, repository: Repository, position: int, maker: FeatureMaker, places: _Places
) -> Iterator[SnapshotInput]:
    rows = session.connection().execute(
        select(
            *(DeclaredInput.module, DeclaredInput.name, DeclaredInput.variant, DeclaredInput.definition_id),
            *(DeclaredInput.type, DeclaredInput.doc, DeclaredInput.condition, json_text(DeclaredInput.tags)),
        ).where(DeclaredInput.repository_id == repository.id, holds_at(DeclaredInput, position))
    )
    for row in rows.all():
        place = places.get((row.module, row.definition_id), NOWHERE)
        yield maker.input((row.module, row.name, row.variant), place, row)


def _needs(session: Session, wanted: ColumnElement[bool]) -> Mapping[int, tuple[DependencyRecord, ...]]:
    """Return the names that each version of a feature asks for, in order, by the version's id."""
    rows = session.connection().execute(
        select(Dependency.feature_version_id, Dependency.name, Dependency.type, Dependency.optional)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(wanted)
        .order_by(Dependency.feature_version_id, Dependency.ordinal)
    )
    shared = cache(DependencyRecord)  # what one feature needs, others do, too
    return {
        version: tuple(shared(name, type_, optional) for _, name, type_, optional in needs)
        for version, needs in groupby(rows.all(), key=itemgetter(0))
    }


def _places(session: Session, repository: Repository, position: int) -> _Places:
    """Return where each definition of the modules stands.

    Of two equal definitions in one file the later one counts, as it does in Python.
    """
    rows = session.connection().execute(
        select(
            *(ModuleVersion.module, BlobDefinition.definition_id, ModuleVersion.path),
            *(BlobDefinition.line, BlobDefinition.end_line),
        )
        .join(BlobDefinition, BlobDefinition.blob_id == ModuleVersion.blob_id)
        .where(ModuleVersion.repository_id == repository.id, holds_at(ModuleVersion, position))
        .order_by(BlobDefinition.ordinal)
    )
    return {(module, definition): (path, line, end) for module, definition, path, line, end in rows.all()}


def _declared(session: Session, repository: Repository, position: int) -> Declared:
    rows = session.execute(
        select(Declaration.kind, Declaration.content).where(
            Declaration.repository_id == repository.id, holds_at(Declaration, position)
        )
    )
    return Declared.from_data(dict(rows.all()))


def _dataflows(session: Session, repository: Repository, position: int) -> list[DataflowView]:
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
            sinks=version.sinks,
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
