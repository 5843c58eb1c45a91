"""What the store says of a repository at the end of its scanned history, and undoing the end of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from headwater_catalog.errors import Conflict
from headwater_catalog.read import READER_VERSION
from headwater_catalog.records import (
    DataflowRecord,
    DependencyRecord,
    FeatureKey,
    FeatureRecord,
    InputRecord,
    as_json,
)
from headwater_catalog.scan.history import KnownFeatures, ModulePlace, Timelines, Uses
from headwater_catalog.scan.introduced import FeatureSpan
from headwater_catalog.scan.timeline import Span, Timeline
from headwater_catalog.store.bulk import chunks, select_in
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import (
    Commit,
    Dataflow,
    DataflowVersion,
    Declaration,
    DeclaredInput,
    Definition,
    Dependency,
    Diagnostic,
    Feature,
    FeatureVersion,
    FileOfTests,
    Finding,
    Judgement,
    ModuleLink,
    ModuleVersion,
    Repository,
    SourceBlob,
)

__all__ = [
    "Pointer",
    "common_position",
    "first_commit",
    "load_timelines",
    "load_uses",
    "move_pointer",
    "roll_back",
    "stored_line",
]


_MOST_QUESTIONS = 20
"""After which all modules are read at once: a scan that looks into so many looks into most."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """How far the main line of a repository has been scanned, and by which reader.

    Equal pointers, but those of a repository that was never scanned, mean the same rows: each has a random
    name of its own.
    """

    repository_id: int
    sha: str | None
    position: int
    reader: str | None
    state: str | None

    @classmethod
    def of(cls, repository: Repository) -> Pointer:
        """Return the pointer of a repository."""
        return cls(
            repository.id,
            repository.scanned_sha,
            repository.scanned_position,
            repository.reader_version,
            repository.scan_state,
        )


def move_pointer(session: Session, old: Pointer, sha: str | None, position: int, now: int) -> Pointer:
    """Move the pointer in the transaction that writes what lies between, and return the new one.

    Args:
        session: A session in that transaction.
        old: Where it stands.
        sha: The commit that is scanned last.
        position: The place of that on the main line.
        now: When this happens, in seconds since 1970.

    Raises:
        Conflict: It no longer stands where it was: another scan was at work.
    """
    new = Pointer(old.repository_id, sha, position, READER_VERSION, token_hex(16))
    moved = session.execute(
        update(Repository)
        .where(
            Repository.id == old.repository_id,
            Repository.scan_state.is_not_distinct_from(old.state),
            Repository.scanned_sha.is_not_distinct_from(old.sha),
        )
        .values(
            scanned_sha=new.sha,
            scanned_position=new.position,
            reader_version=new.reader,
            scan_state=new.state,
            scanned_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("Another scan of this repository is at work. Wait for it to end, then scan again.")
    return new


def stored_line(session: Session, repository_id: int) -> dict[int, str]:
    """Return the commits of the scanned main line by position."""
    rows = session.execute(
        select(Commit.position, Commit.sha).where(
            Commit.repository_id == repository_id, Commit.position.is_not(None)
        )
    )
    return {position: sha for position, sha in rows if position is not None}


def first_commit(session: Session, repository_id: int) -> str | None:
    """Return the commit at which the scanned main line begins."""
    return session.scalar(
        select(Commit.sha).where(Commit.repository_id == repository_id, Commit.position == 0)
    )


def load_timelines(database: Database, pointer: Pointer) -> Timelines:
    """Return what holds at the end of the scanned main line.

    Most scans bring few commits: features are read from the store module by module, as these change.
    """
    repository_id = pointer.repository_id
    if pointer.position < 0:
        return Timelines()
    with database.read() as session:
        return Timelines(
            inputs=Timeline(_inputs(session, repository_id)),
            modules=Timeline(_modules(session, repository_id)),
            dataflows=Timeline(_dataflows(session, repository_id)),
            diagnostics=Timeline(_diagnostics(session, repository_id)),
            declared=Timeline(_declared(session, repository_id)),
            tests=Timeline(_tests(session, repository_id)),
            stored=StoredFeatures(database, repository_id),
        )


def load_uses(session: Session, repository_id: int) -> Uses:
    """Return what each module used when it was linked at the end of the scanned main line."""
    rows = session.execute(
        select(ModuleLink.module, ModuleLink.uses).where(ModuleLink.repository_id == repository_id)
    )
    return {row.module: row.uses for row in rows}


class StoredFeatures(KnownFeatures):
    """The features that the store has at the end of the scanned main line.

    Of a function it is asked once, before anything of that is written.
    """

    def __init__(self, database: Database, repository_id: int) -> None:
        self._database = database
        self._repository_id = repository_id
        self._asked = 0
        self._all: dict[str, list[FeatureSpan]] | None = None

    def of(self, module: str, accepts: Callable[[str], bool]) -> list[FeatureSpan]:
        """Return the versions of a module's features that hold, of functions whose names are accepted."""
        self._asked += 1
        if self._asked > _MOST_QUESTIONS and self._all is None:
            self._all = self._read()
        if self._all is not None:
            return [span for span in self._all.get(module, ()) if accepts(span.key[2])]
        return self._read(module, accepts).get(module, [])

    def certain(self, modules: Collection[str]) -> dict[str, frozenset[tuple[str, str]]]:
        """Return the names that each of some modules makes in every configuration, each with its function."""
        wanted = _holding(self._repository_id, Feature.module, Feature.name, FeatureVersion.variant).where(
            FeatureVersion.condition == ""
        )
        found: dict[str, set[tuple[str, str]]] = {module: set() for module in modules}
        with self._database.read() as session:
            for chunk in chunks(modules):
                for module, *pair in session.execute(wanted.where(Feature.module.in_(chunk))):
                    found[module].add((pair[0], pair[1]))
        return {module: frozenset(pairs) for module, pairs in found.items()}

    def _read(
        self, module: str | None = None, accepts: Callable[[str], bool] | None = None
    ) -> dict[str, list[FeatureSpan]]:
        columns = (Feature.module, Feature.name, FeatureVersion.variant, FeatureVersion.valid_from)
        wanted = _holding(self._repository_id, FeatureVersion.id, *columns)
        found: dict[str, list[FeatureSpan]] = {}
        with self._database.read() as session:
            rows = session.execute(wanted if module is None else wanted.where(Feature.module == module)).all()
            rows = [row for row in rows if accepts is None or accepts(row.variant)]
            records = _records(session, [row.id for row in rows])
        for identity, home, name, variant, valid_from in rows:
            span = Span((home, name, variant), records[identity], valid_from, id=identity)
            found.setdefault(home, []).append(span)
        return found


def _holding(repository_id: int, *columns: InstrumentedAttribute[Any]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(FeatureVersion)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository_id, FeatureVersion.valid_until.is_(None))
    )


def _records(session: Session, versions: Collection[int]) -> dict[int, FeatureRecord]:
    """Return the records of versions by the versions' ids."""
    needed: dict[int, list[DependencyRecord]] = {}
    of = Dependency
    columns = of.feature_version_id, of.ordinal, of.name, of.type, of.optional
    found = sorted(select_in(session, columns, of.feature_version_id, versions), key=lambda row: row[:2])
    for version, _, name, type_, optional in found:
        needed.setdefault(version, []).append(DependencyRecord(name, type_, optional))
    kept = (
        *(FeatureVersion.id, FeatureVersion.type, FeatureVersion.doc, FeatureVersion.condition),
        *(FeatureVersion.tags, FeatureVersion.parts, FeatureVersion.partial, FeatureVersion.columns),
        FeatureVersion.definition_id,
    )
    rows = list(select_in(session, kept, FeatureVersion.id, versions))
    defined = {row[-1] for row in rows}
    digests = dict(select_in(session, (Definition.id, Definition.digest), Definition.id, defined))
    return {
        identity: FeatureRecord(
            type=type_,
            doc=doc,
            condition=condition,
            tags=as_json(tags),
            parts=as_json(parts),
            partial=as_json(partial),
            columns=as_json(written),
            dependencies=tuple(needed.get(identity, ())),
            digest=digests[definition],
        )
        for identity, type_, doc, condition, tags, parts, partial, written, definition in rows
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
                sinks=as_json(version.sinks),
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


def _declared(session: Session, repository_id: int) -> list[Span[str, str]]:
    rows = session.scalars(
        select(Declaration).where(
            Declaration.repository_id == repository_id, Declaration.valid_until.is_(None)
        )
    )
    return [Span(each.kind, as_json(each.content), each.valid_from, id=each.id) for each in rows]


def _tests(session: Session, repository_id: int) -> list[Span[str, str]]:
    rows = session.scalars(
        select(FileOfTests).where(
            FileOfTests.repository_id == repository_id, FileOfTests.valid_until.is_(None)
        )
    )
    return [Span(each.path, each.oid, each.valid_from, id=each.id) for each in rows]


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
        (Declaration, Declaration.repository_id == repository_id),
        (FileOfTests, FileOfTests.repository_id == repository_id),
        (Finding, Finding.repository_id == repository_id),
    )
    plain = {"synchronize_session": False}
    for model, owned in owners:
        session.execute(delete(model).where(owned, model.valid_from > position), execution_options=plain)
        reopened = update(model).where(owned, model.valid_until > position).values(valid_until=None)
        session.execute(reopened, execution_options=plain)
    _shorten_judgement(session, repository_id, position)
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


def _shorten_judgement(session: Session, repository_id: int, position: int) -> None:
    """Let findings be known up to a position at most; where they are known only after it, of none."""
    judgement = session.get(Judgement, repository_id)
    if judgement is None or judgement.position <= position:
        return
    if judgement.since > position:
        session.delete(judgement)
        return
    at = Commit.repository_id == repository_id, Commit.position == position
    judgement.sha = session.scalars(select(Commit.sha).where(*at)).one()
    judgement.position = position
    judgement.made_by = ""  # findings that moved in what is undone bear the names from there: all anew


def common_position(stored: dict[int, str], line: Sequence[str]) -> int:
    """Return the last position where the stored main line and the one of git agree; -1 if none."""
    return next((p for p in range(min(len(stored), len(line)) - 1, -1, -1) if stored.get(p) == line[p]), -1)
