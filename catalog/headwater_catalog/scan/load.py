"""What the store says of a repository at the end of its scanned history, and undoing the end of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from headwater_catalog.errors import Conflict
from headwater_catalog.records import (
    DataflowRecord,
    DependencyRecord,
    FeatureKey,
    FeatureRecord,
    InputRecord,
    as_json,
)
from headwater_catalog.scan.bulk import select_in
from headwater_catalog.scan.history import ModulePlace, Timelines, Uses
from headwater_catalog.scan.timeline import Span, Timeline
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    DeclaredInput,
    Definition,
    Dependency,
    Diagnostic,
    Feature,
    FeatureVersion,
    ModuleLink,
    ModuleVersion,
    Ownership,
    Repository,
    SourceBlob,
)

__all__ = [
    "Pointer",
    "common_position",
    "load_timelines",
    "load_uses",
    "move_pointer",
    "roll_back",
    "stored_line",
]


_FeatureSpan = Span[FeatureKey, FeatureRecord]

_MOST_QUESTIONS = 20
"""After which all records are read at once: a scan that looks into so many modules looks into most."""


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


def load_timelines(database: Database, repository_id: int) -> Timelines:
    """Return what holds at the end of the scanned main line.

    Most scans bring few commits: records of features are read from the store when they are compared.
    """
    completion = _Completion(database)
    with database.read() as session:
        completion.spans = _features(session, repository_id)
        return _timelines(session, repository_id, Timeline(completion.spans, completion.complete))


def _timelines(
    session: Session, repository_id: int, features: Timeline[FeatureKey, FeatureRecord]
) -> Timelines:
    return Timelines(
        features=features,
        inputs=Timeline(_inputs(session, repository_id)),
        modules=Timeline(_modules(session, repository_id)),
        dataflows=Timeline(_dataflows(session, repository_id)),
        diagnostics=Timeline(_diagnostics(session, repository_id)),
        ownership=Timeline(_ownership(session, repository_id)),
    )


def load_uses(session: Session, repository_id: int) -> Uses:
    """Return what each module used when it was linked at the end of the scanned main line."""
    rows = session.execute(
        select(ModuleLink.module, ModuleLink.uses).where(ModuleLink.repository_id == repository_id)
    )
    return {row.module: row.uses for row in rows}


def _features(session: Session, repository_id: int) -> list[_FeatureSpan]:
    """Return the versions that hold, of whose records little is known yet."""
    rows = session.execute(
        select(
            *(Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.id),
            *(FeatureVersion.valid_from, FeatureVersion.condition),
        )
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository_id, FeatureVersion.valid_until.is_(None))
    )
    return [
        Span((module, name, variant), _Unread(condition), valid_from, id=identity)
        for module, name, variant, identity, valid_from, condition in rows
    ]


class _Unread(FeatureRecord):
    """A record of which only the condition is read."""

    def __init__(self, condition: str) -> None:
        super().__init__(
            *("", ""),
            condition=condition,
            tags="",
            parts="",
            partial="",
            columns="",
            dependencies=(),
            digest="",
        )


class _Completion:
    """Reads the records of versions from the store when they are needed."""

    def __init__(self, database: Database) -> None:
        self.spans: Sequence[_FeatureSpan] = ()
        self._database = database
        self._asked = 0

    def complete(self, spans: Sequence[_FeatureSpan]) -> None:
        """Put whole records in the place of those of which only a little was read."""
        unread = _unread(spans)
        if not unread:
            return
        self._asked += 1
        if self._asked > _MOST_QUESTIONS:
            unread = _unread(self.spans)
        with self._database.read() as session:
            for identity, record in _records(session, unread).items():
                unread[identity].value = record


def _unread(spans: Iterable[_FeatureSpan]) -> dict[int, _FeatureSpan]:
    return {span.id: span for span in spans if span.id is not None and isinstance(span.value, _Unread)}


def _records(session: Session, spans: Mapping[int, _FeatureSpan]) -> dict[int, FeatureRecord]:
    """Return the whole records of versions by the versions' ids."""
    needed: dict[int, list[DependencyRecord]] = {}
    of = Dependency
    columns = of.feature_version_id, of.ordinal, of.name, of.type, of.optional
    found = sorted(select_in(session, columns, of.feature_version_id, spans), key=lambda row: row[:2])
    for version, _, name, type_, optional in found:
        needed.setdefault(version, []).append(DependencyRecord(name, type_, optional))
    kept = (
        *(FeatureVersion.id, FeatureVersion.type, FeatureVersion.doc, FeatureVersion.condition),
        *(FeatureVersion.tags, FeatureVersion.parts, FeatureVersion.partial, FeatureVersion.columns),
        FeatureVersion.definition_id,
    )
    versions = list(select_in(session, kept, FeatureVersion.id, spans))
    defined = {row[-1] for row in versions}
    digests = dict(select_in(session, (Definition.id, Definition.digest), Definition.id, defined))
    return {
        identity: FeatureRecord(
            type=type_,
            doc=doc,
            condition=condition,
            tags=as_json(tags),
            parts=as_json(parts),
            partial=as_json(partial),
            columns=as_json(columns),
            dependencies=tuple(needed.get(identity, ())),
            digest=digests[definition],
        )
        for identity, type_, doc, condition, tags, parts, partial, columns, definition in versions
    }


def _inputs(session: Session, repository_id: int) -> list[Span[FeatureKey, InputRecord]]:
    rows = session.execute(
        select(DeclaredInput, Definition.digest)
        .join(Definition, Definition.id == DeclaredInput.definition_id)
        .where(DeclaredInput.repository_id == repository_id, DeclaredInput.valid_until.is_(None))
    )
    return [
        Span(
            key=(declared.module, declared.name, declared.variant),
            value=InputRecord(
                declared.type, declared.doc, declared.condition, as_json(declared.tags), digest
            ),
            valid_from=declared.valid_from,
            id=declared.id,
        )
        for declared, digest in rows
    ]


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
                upstream=as_json(version.upstream),
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


def _ownership(session: Session, repository_id: int) -> list[Span[str, str]]:
    rows = session.scalars(
        select(Ownership).where(Ownership.repository_id == repository_id, Ownership.valid_until.is_(None))
    )
    return [Span("", as_json(each.rules), each.valid_from, id=each.id) for each in rows]


def roll_back(session: Session, repository_id: int, position: int) -> None:
    """Undo what is written for the positions after `position`; those commits lie beside the line now."""
    features = select(Feature.id).where(Feature.repository_id == repository_id)
    dataflows = select(Dataflow.id).where(Dataflow.repository_id == repository_id)
    owners = (
        (FeatureVersion, FeatureVersion.feature_id.in_(features)),
        (ModuleVersion, ModuleVersion.repository_id == repository_id),
        (DataflowVersion, DataflowVersion.dataflow_id.in_(dataflows)),
        (Diagnostic, Diagnostic.repository_id == repository_id),
        (DeclaredInput, DeclaredInput.repository_id == repository_id),
        (Ownership, Ownership.repository_id == repository_id),
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
