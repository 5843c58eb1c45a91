"""What the store says of a repository at the end of its scanned history, and undoing the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from headwater_catalog.errors import Conflict
from headwater_catalog.records import (
    DataflowRecord,
    DependencyRecord,
    FeatureKey,
    FeatureRecord,
    as_json,
)
from headwater_catalog.scan.history import ModulePlace, Timelines, Uses
from headwater_catalog.scan.timeline import Span, Timeline
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    Definition,
    Dependency,
    Diagnostic,
    Feature,
    FeatureVersion,
    ModuleLink,
    ModuleVersion,
    Repository,
    SourceBlob,
)
from headwater_catalog.store.search_index import delete_entries

__all__ = [
    "Pointer",
    "common_position",
    "load_timelines",
    "load_uses",
    "move_pointer",
    "roll_back",
    "stored_line",
]


@dataclass(frozen=True, slots=True)
class Pointer:
    """How far the main line of a repository has been scanned, and by which reader."""

    repository_id: int
    sha: str | None
    position: int
    reader: str | None

    @classmethod
    def of(cls, repository: Repository) -> Pointer:
        """Return the pointer of a repository."""
        return cls(
            repository.id, repository.scanned_sha, repository.scanned_position, repository.reader_version
        )


def move_pointer(session: Session, old: Pointer, new: Pointer, now: int) -> None:
    """Move the pointer in the transaction that writes what lies between.

    Raises:
        Conflict: It no longer stands where it was: another scan was at work.
    """
    moved = session.execute(
        update(Repository)
        .where(
            Repository.id == old.repository_id,
            Repository.scanned_sha.is_not_distinct_from(old.sha),
            Repository.scanned_position == old.position,
            Repository.reader_version.is_not_distinct_from(old.reader),
        )
        .values(
            scanned_sha=new.sha,
            scanned_position=new.position,
            reader_version=new.reader,
            scanned_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("Another scan of this repository is at work. Wait for it to end, then scan again.")


def stored_line(session: Session, repository_id: int) -> dict[int, str]:
    """Return the commits of the scanned main line by position."""
    rows = session.execute(
        select(Commit.position, Commit.sha).where(
            Commit.repository_id == repository_id, Commit.position.is_not(None)
        )
    )
    return {position: sha for position, sha in rows if position is not None}


def load_timelines(session: Session, repository_id: int) -> Timelines:
    """Return what holds at the end of the scanned main line."""
    return Timelines(
        features=Timeline(_features(session, repository_id)),
        modules=Timeline(_modules(session, repository_id)),
        dataflows=Timeline(_dataflows(session, repository_id)),
        diagnostics=Timeline(_diagnostics(session, repository_id)),
    )


def load_uses(session: Session, repository_id: int) -> Uses:
    """Return what each module used when it was linked at the end of the scanned main line."""
    rows = session.execute(
        select(ModuleLink.module, ModuleLink.uses).where(ModuleLink.repository_id == repository_id)
    )
    return {row.module: row.uses for row in rows}


def _features(session: Session, repository_id: int) -> list[Span[FeatureKey, FeatureRecord]]:
    needed = _dependencies(session, repository_id)
    rows = session.execute(
        select(FeatureVersion, Feature.module, Feature.name, Definition.digest)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .join(Definition, Definition.id == FeatureVersion.definition_id)
        .where(Feature.repository_id == repository_id, FeatureVersion.valid_until.is_(None))
    )
    return [
        Span(
            key=(module, name, version.variant),
            value=FeatureRecord(
                type=version.type,
                doc=version.doc,
                condition=version.condition,
                tags=as_json(version.tags),
                parts=as_json(version.parts),
                partial=as_json(version.partial),
                dependencies=tuple(needed.get(version.id, ())),
                digest=digest,
            ),
            valid_from=version.valid_from,
            id=version.id,
        )
        for version, module, name, digest in rows
    ]


def _dependencies(session: Session, repository_id: int) -> dict[int, list[DependencyRecord]]:
    rows = session.execute(
        select(Dependency.feature_version_id, Dependency.name, Dependency.type, Dependency.optional)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository_id, FeatureVersion.valid_until.is_(None))
        .order_by(Dependency.feature_version_id, Dependency.ordinal)
    )
    found: dict[int, list[DependencyRecord]] = {}
    for version, name, type_, optional in rows:
        found.setdefault(version, []).append(DependencyRecord(name, type_, optional))
    return found


def _modules(session: Session, repository_id: int) -> list[Span[str, ModulePlace]]:
    rows = session.execute(
        select(ModuleVersion, SourceBlob.oid)
        .join(SourceBlob, SourceBlob.id == ModuleVersion.blob_id)
        .where(ModuleVersion.repository_id == repository_id, ModuleVersion.valid_until.is_(None))
    )
    return [Span(m.module, ModulePlace(m.path, oid), m.valid_from, id=m.id) for m, oid in rows]


def _dataflows(session: Session, repository_id: int) -> list[Span[str, DataflowRecord]]:
    rows = session.execute(
        select(DataflowVersion, Dataflow.name)
        .join(Dataflow, Dataflow.id == DataflowVersion.dataflow_id)
        .where(Dataflow.repository_id == repository_id, DataflowVersion.valid_until.is_(None))
    )
    return [
        Span(
            key=name,
            value=DataflowRecord(
                origin=version.origin,
                modules=as_json(version.modules),
                config=as_json(version.config),
                sources=as_json(version.sources),
                outputs=as_json(version.outputs),
            ),
            valid_from=version.valid_from,
            id=version.id,
        )
        for version, name in rows
    ]


def _diagnostics(session: Session, repository_id: int) -> list[Span[tuple[str, int, str], None]]:
    rows = session.scalars(
        select(Diagnostic).where(Diagnostic.repository_id == repository_id, Diagnostic.valid_until.is_(None))
    )
    return [Span((d.path, d.line, d.message), None, d.valid_from, id=d.id) for d in rows]


def roll_back(session: Session, repository_id: int, position: int) -> None:
    """Undo what is written for the positions after `position`; those commits lie beside the line now."""
    features = select(Feature.id).where(Feature.repository_id == repository_id)
    dataflows = select(Dataflow.id).where(Dataflow.repository_id == repository_id)
    late = FeatureVersion.feature_id.in_(features) & (FeatureVersion.valid_from > position)
    delete_entries(session, session.scalars(select(FeatureVersion.id).where(late)).all())
    owners = (
        (FeatureVersion, FeatureVersion.feature_id.in_(features)),
        (ModuleVersion, ModuleVersion.repository_id == repository_id),
        (DataflowVersion, DataflowVersion.dataflow_id.in_(dataflows)),
        (Diagnostic, Diagnostic.repository_id == repository_id),
    )
    plain = {"synchronize_session": False}
    for model, owned in owners:
        session.execute(delete(model).where(owned, model.valid_from > position), execution_options=plain)
        reopened = update(model).where(owned, model.valid_until > position).values(valid_until=None)
        session.execute(reopened, execution_options=plain)
    # What modules used is known of the undone end only; without it the next scan looks into all of them.
    session.execute(
        delete(ModuleLink).where(ModuleLink.repository_id == repository_id), execution_options=plain
    )
    session.execute(
        update(Commit)
        .where(Commit.repository_id == repository_id, Commit.position > position)
        .values(position=None),
        execution_options=plain,
    )


def common_position(stored: dict[int, str], line: Sequence[str]) -> int:
    """Return the last position where the stored main line and the one of git agree; -1 if none."""
    return next((p for p in range(min(len(stored), len(line)) - 1, -1, -1) if stored.get(p) == line[p]), -1)
