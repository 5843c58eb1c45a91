"""A repository at a position of its main line, read from the store as a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Integer, Text, and_, bindparam, cast, select
from sqlalchemy.orm import Session

from headwater_catalog.collection import without_collection
from headwater_catalog.declared import Declared
from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.logical.constant_texts import ConstantTexts
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
    SourceBlob,
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
            constants=_constants(session, repository, position),
        )
    if near is not None:
        found.share_graph(near)
    return found


# Statements are made once: a history of hundreds of commits asks each of them hundreds of times, and to make
# one takes longer than to answer it.
_REPOSITORY: Final = bindparam("repository", type_=Integer)
_POSITION: Final = bindparam("position", type_=Integer)


def _asked(repository: Repository, position: int) -> dict[str, int]:
    """Return what the statements ask for."""
    return {"repository": repository.id, "position": position}


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
    execute: Callable[..., Any] = session.connection().execute
    asked: dict[str, Any] = dict(_asked(repository, position))
    told, needed = _TOLD_THEN, _NEEDED_THEN
    if known:
        rows = execute(_PLACED_THEN, asked).all()
        new = [row.id for row in rows if row[2:6] not in known]
        if len(new) <= _FEW:
            for row in rows:
                if (feature := known.get(row[2:6])) is not None:
                    yield maker.moved(feature, places.get((row.module, row.definition_id), NOWHERE))
            if not new:
                return
            told, needed, asked = _TOLD_OF, _NEEDED_OF, {"versions": new}
    needs = _needs(execute(needed, asked).all())
    for row in execute(told, asked).all():
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

_NEEDED: Final = (
    select(Dependency.feature_version_id, Dependency.name, Dependency.type, Dependency.optional)
    .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
    .join(Feature, Feature.id == FeatureVersion.feature_id)
    .order_by(Dependency.feature_version_id, Dependency.ordinal)
)

_THEN: Final = and_(Feature.repository_id == _REPOSITORY, holds_at(FeatureVersion, _POSITION))
_PLACED_THEN: Final = _PLACED.where(_THEN)
_TOLD_THEN: Final = _TOLD.where(_THEN)
_NEEDED_THEN: Final = _NEEDED.where(_THEN)

_SOME: Final = FeatureVersion.id.in_(bindparam("versions", expanding=True))
_TOLD_OF: Final = _TOLD.where(_SOME)
_NEEDED_OF: Final = _NEEDED.where(_SOME)


def _needs(rows: Iterable[Any]) -> Mapping[int, tuple[DependencyRecord, ...]]:
    """Return the names that each version of a feature asks for, in order, by the version's id."""
    shared = cache(DependencyRecord)  # what one feature needs, others do, too
    return {
        version: tuple(shared(name, type_, optional) for _, name, type_, optional in needs)
        for version, needs in groupby(rows, key=itemgetter(0))
    }


_INPUTS: Final = select(
    *(DeclaredInput.module, DeclaredInput.name, DeclaredInput.variant, DeclaredInput.definition_id),
    *(DeclaredInput.type, DeclaredInput.doc, DeclaredInput.condition, json_text(DeclaredInput.tags)),
).where(DeclaredInput.repository_id == _REPOSITORY, holds_at(DeclaredInput, _POSITION))


def _inputs(
    session: Session, repository: Repository, position: int, maker: FeatureMaker, places: _Places
) -> Iterator[SnapshotInput]:
    rows = session.connection().execute(_INPUTS, _asked(repository, position))
    for row in rows.all():
        place = places.get((row.module, row.definition_id), NOWHERE)
        yield maker.input((row.module, row.name, row.variant), place, row)


_PLACES: Final = (
    select(
        *(ModuleVersion.module, BlobDefinition.definition_id, ModuleVersion.path),
        *(BlobDefinition.line, BlobDefinition.end_line),
    )
    .join(BlobDefinition, BlobDefinition.blob_id == ModuleVersion.blob_id)
    .where(ModuleVersion.repository_id == _REPOSITORY, holds_at(ModuleVersion, _POSITION))
    .order_by(BlobDefinition.ordinal)
)


def _places(session: Session, repository: Repository, position: int) -> _Places:
    """Return where each definition of the modules stands.

    Of two equal definitions in one file the later one counts, as it does in Python.
    """
    rows = session.connection().execute(_PLACES, _asked(repository, position))
    return {(module, definition): (path, line, end) for module, definition, path, line, end in rows.all()}


_CONSTANTS: Final = (
    select(ModuleVersion.module, SourceBlob.constants)
    .join(SourceBlob, SourceBlob.id == ModuleVersion.blob_id)
    .where(ModuleVersion.repository_id == _REPOSITORY, holds_at(ModuleVersion, _POSITION))
    .where(SourceBlob.constants.is_not(None))
    .order_by(ModuleVersion.module)
)


def _constants(session: Session, repository: Repository, position: int) -> Mapping[str, ConstantTexts]:
    rows = session.execute(_CONSTANTS, _asked(repository, position))
    return {module: constants for module, constants in rows if constants is not None}


_DECLARED: Final = select(Declaration.kind, Declaration.content).where(
    Declaration.repository_id == _REPOSITORY, holds_at(Declaration, _POSITION)
)


def _declared(session: Session, repository: Repository, position: int) -> Declared:
    rows = session.execute(_DECLARED, _asked(repository, position))
    return Declared.from_data(dict(rows.all()))


_DATAFLOWS: Final = (
    select(Dataflow.name, DataflowVersion)
    .join(DataflowVersion.dataflow)
    .where(Dataflow.repository_id == _REPOSITORY, holds_at(DataflowVersion, _POSITION))
)


def _dataflows(session: Session, repository: Repository, position: int) -> list[DataflowView]:
    """Return the dataflows at a position, by name."""
    rows = session.execute(_DATAFLOWS, _asked(repository, position))
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


_DIAGNOSTICS: Final = select(models.Diagnostic.path, models.Diagnostic.line, models.Diagnostic.message).where(
    models.Diagnostic.repository_id == _REPOSITORY, holds_at(models.Diagnostic, _POSITION)
)


def _diagnostics(session: Session, repository: Repository, position: int) -> Iterable[Diagnostic]:
    rows = session.execute(_DIAGNOSTICS, _asked(repository, position))
    return (Diagnostic(row.path, row.line, row.message) for row in rows)
