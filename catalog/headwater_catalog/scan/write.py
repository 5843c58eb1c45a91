"""Writing a batch of history into the store, in bulk."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from headwater_catalog.git_log import CommitInfo
from headwater_catalog.logical.constant_texts import constant_texts
from headwater_catalog.read import NAMED_FORM, READER_VERSION, Content, Named, RawFunction
from headwater_catalog.records import DataflowRecord, FeatureKey, FeatureRecord, InputRecord
from headwater_catalog.scan.history import History, ModulePlace
from headwater_catalog.scan.introduced import FeatureSpan
from headwater_catalog.scan.timeline import Timeline
from headwater_catalog.storable import clean, commit_row
from headwater_catalog.store.bulk import (
    chunks,
    insert_new,
    insert_or_replace,
    insert_or_update,
    insert_returning,
    insert_rows,
    select_in,
    update_by_id,
)
from headwater_catalog.store.models import (
    Base,
    BlobDefinition,
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
    ModuleLink,
    ModuleVersion,
    NamedInTests,
    SourceBlob,
)

__all__ = ["BatchWriter"]


_Rows = Iterable[dict[str, Any]]
_Signed = Mapping[str, bool | None]

_MOST_IDS = 50_000  # of definitions and of contents, 250 bytes each; a long history has a million


class BatchWriter:
    """Writes what one scan finds, batch by batch; remembers the ids that it has met last.

    A batch is remembered only by its caller: after a transaction that was undone, begin anew.

    Args:
        repository_id: The repository that is scanned.
    """

    def __init__(self, repository_id: int) -> None:
        self._repository_id = repository_id
        self._definitions: dict[str, int] = {}
        self._blobs: dict[str, int] = {}
        self._features: dict[tuple[str, str], int] = {}
        self._modules: set[str] = set()

    def write(
        self,
        session: Session,
        commits: Mapping[int, CommitInfo],
        history: History,
        signed: _Signed,
    ) -> None:
        """Write the commits of a batch, and every interval that began or ended in it.

        Args:
            session: A session in the transaction that also moves the pointer.
            commits: The commits by position.
            history: What has changed; spans that are written learn their ids.
            signed: Which of the commits, and of those that they merged, have a signature; None: unknown.
        """
        timelines, contents = history.timelines, history.contents
        # Rows that repositories share come first and in one order, so that two scans cannot lock each other.
        new = dict.fromkeys(span.value.oid for span in timelines.modules.opened)
        contents = {oid: contents[oid] for oid in sorted(new) if oid not in self._blobs}
        raws = {raw.digest: raw for content in contents.values() for raw in content.parsed.functions}
        self._write_definitions(session, raws | history.definitions)
        self._write_blobs(session, contents)
        self._write_named(session, history.named)
        commit_ids = self._write_commits(session, commits, signed)
        introduced = self._write_introduced(session, history.introduced, signed)
        self._write_features(session, timelines.features, commit_ids, introduced)
        self._write_inputs(session, timelines.inputs)
        self._write_modules(session, timelines.modules)
        self._write_dataflows(session, timelines.dataflows)
        self._write_diagnostics(session, timelines.diagnostics)
        self._write_declared(session, timelines.declared)
        self._write_tests(session, timelines.tests)
        self._write_links(session, history.links)
        _forget(self._definitions)
        _forget(self._blobs)

    def _write_definitions(self, session: Session, raws: Mapping[str, RawFunction]) -> None:
        unknown = {digest: raws[digest] for digest in sorted(raws) if digest not in self._definitions}
        known = self._known_definitions(session, unknown)
        new = {digest: raw for digest, raw in unknown.items() if digest not in known}
        rows = (
            {"digest": d, "name": raw.name, "source": clean(raw.source), **_hashed(raw)}
            for d, raw in new.items()
        )
        self._definitions |= insert_new(session, Definition, rows, ["digest"], "digest")
        # Another scan may have been faster.
        known |= self._known_definitions(session, [d for d in new if d not in self._definitions])
        self._definitions |= {digest: identity for digest, (identity, _) in known.items()}
        # Another version of the reader may see another normal form in the same text.
        stale = [
            (digest, identity) for digest, (identity, reader) in known.items() if reader != READER_VERSION
        ]
        update_by_id(session, Definition, [{"id": identity, **_hashed(unknown[d])} for d, identity in stale])

    def _known_definitions(
        self, session: Session, digests: Collection[str]
    ) -> dict[str, tuple[int, str | None]]:
        """Return the ids of definitions, and the readers that have hashed them."""
        columns = (Definition.digest, Definition.id, Definition.reader_version)
        found = select_in(session, columns, Definition.digest, digests)
        return {digest: (identity, reader) for digest, identity, reader in found}

    def _write_blobs(self, session: Session, contents: Mapping[str, Content]) -> None:
        constants = {oid: constant_texts(content.parsed) or None for oid, content in contents.items()}
        rows = (
            {"oid": oid, "size": content.size, "constants": constants[oid]}
            for oid, content in contents.items()
        )
        ids = insert_new(session, SourceBlob, rows, ["oid"], "oid")
        known = [oid for oid in contents if oid not in ids]
        columns = (SourceBlob.oid, SourceBlob.id, SourceBlob.constants)
        before = {
            oid: (blob, found) for oid, blob, found in select_in(session, columns, SourceBlob.oid, known)
        }
        met = {oid: blob for oid, (blob, _) in before.items()}
        ids |= met
        # Contents are read once for all repositories; they are written again only for another reader.
        changed = [
            {"id": blob, "constants": constants[oid]}
            for oid, (blob, found) in before.items()
            if found != constants[oid]
        ]
        update_by_id(session, SourceBlob, changed)
        wanted = {
            ids[oid]: [
                (self._definitions[raw.digest], raw.line, raw.end_line) for raw in content.parsed.functions
            ]
            for oid, content in contents.items()
        }
        stored: dict[int, list[tuple[int, int, int]]] = {}
        places = (
            BlobDefinition.blob_id,
            BlobDefinition.ordinal,
            BlobDefinition.definition_id,
            BlobDefinition.line,
            BlobDefinition.end_line,
        )
        for blob, _, *place in sorted(select_in(session, places, BlobDefinition.blob_id, met.values())):
            stored.setdefault(blob, []).append((place[0], place[1], place[2]))
        stale = [blob for blob, places in wanted.items() if stored.get(blob, []) != places]
        for chunk in chunks([blob for blob in stale if blob in stored]):
            session.execute(delete(BlobDefinition).where(BlobDefinition.blob_id.in_(chunk)))
        rows = (
            {"blob_id": blob, "ordinal": n, "definition_id": definition, "line": line, "end_line": end}
            for blob in stale
            for n, (definition, line, end) in enumerate(wanted[blob])
        )
        insert_rows(session, BlobDefinition, rows)
        self._blobs |= ids

    def _write_named(self, session: Session, named: Mapping[str, Named]) -> None:
        rows = (
            {
                "oid": oid,
                "form": NAMED_FORM,
                "has_tests": named[oid].has_tests,
                "imports": sorted(named[oid].imports),
                "names": sorted(named[oid].names),
            }
            for oid in sorted(named)
        )
        insert_or_replace(session, NamedInTests, rows, ["oid", "form"])

    def _write_commits(
        self, session: Session, commits: Mapping[int, CommitInfo], signed: _Signed
    ) -> dict[int, int]:
        rows = [
            commit_row(self._repository_id, position, commit, is_signed=signed.get(commit.sha))
            for position, commit in commits.items()
        ]
        # A commit that a force-push had put beside the main line may come back to it.
        updated = ["position", "is_signed"]
        return insert_or_update(session, Commit, rows, ["repository_id", "sha"], updated, "position")

    def _write_introduced(
        self, session: Session, introduced: Mapping[FeatureSpan, CommitInfo], signed: _Signed
    ) -> dict[FeatureSpan, int]:
        """Write commits that the main line has merged, where they brought definitions."""
        commits = {commit.sha: commit for commit in introduced.values()}
        rows = [
            commit_row(self._repository_id, None, commit, is_signed=signed.get(sha))
            for sha, commit in commits.items()
        ]
        ids = insert_or_update(session, Commit, rows, ["repository_id", "sha"], ["is_signed"], "sha")
        return {span: ids[commit.sha] for span, commit in introduced.items()}

    def _write_features(
        self,
        session: Session,
        timeline: Timeline[FeatureKey, FeatureRecord],
        commits: Mapping[int, int],
        introduced: Mapping[FeatureSpan, int],
    ) -> None:
        features = self._feature_ids(session, timeline.opened)
        definitions = self._definitions
        rows = (
            {
                "feature_id": features[span.key[0], span.key[1]],
                "variant": span.key[2],
                "definition_id": definitions[span.value.digest],
                "commit_id": commits[span.valid_from],
                "introduced_id": introduced.get(span),
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
                "type": span.value.type,
                "doc": span.value.doc,
                "condition": span.value.condition,
                "tags": json.loads(span.value.tags),
                "parts": json.loads(span.value.parts),
                "partial": json.loads(span.value.partial),
                "columns": json.loads(span.value.columns),
            }
            for span in timeline.opened
        )
        _write_spans(session, FeatureVersion, timeline, rows)
        insert_rows(session, Dependency, (row for span in timeline.opened for row in _dependency_rows(span)))

    def _feature_ids(self, session: Session, opened: Iterable[FeatureSpan]) -> dict[tuple[str, str], int]:
        new = dict.fromkeys((module, name) for module, name, _ in (span.key for span in opened))
        modules = {module for module, _ in new} - self._modules
        of_repository = select(Feature.module, Feature.name, Feature.id).where(
            Feature.repository_id == self._repository_id
        )
        for chunk in chunks(modules):
            known = session.execute(of_repository.where(Feature.module.in_(chunk)))
            self._features |= {(module, name): identity for module, name, identity in known}
        self._modules |= modules
        missing = [key for key in new if key not in self._features]
        rows = [{"repository_id": self._repository_id, "module": m, "name": n} for m, n in missing]
        self._features |= zip(missing, insert_returning(session, Feature, rows), strict=True)
        return self._features

    def _write_inputs(self, session: Session, timeline: Timeline[FeatureKey, InputRecord]) -> None:
        rows = (
            {
                "repository_id": self._repository_id,
                "module": span.key[0],
                "name": span.key[1],
                "variant": span.key[2],
                "definition_id": self._definitions[span.value.digest],
                "type": span.value.type,
                "doc": span.value.doc,
                "condition": span.value.condition,
                "tags": json.loads(span.value.tags),
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
            }
            for span in timeline.opened
        )
        _write_spans(session, DeclaredInput, timeline, rows)

    def _write_modules(self, session: Session, timeline: Timeline[str, ModulePlace]) -> None:
        rows = (
            {
                "repository_id": self._repository_id,
                "module": span.key,
                "path": span.value.path,
                "blob_id": self._blobs[span.value.oid],
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
            }
            for span in timeline.opened
        )
        _write_spans(session, ModuleVersion, timeline, rows)

    def _write_dataflows(self, session: Session, timeline: Timeline[str, DataflowRecord]) -> None:
        if not timeline.opened and not timeline.ended:
            return
        names = [{"repository_id": self._repository_id, "name": span.key} for span in timeline.opened]
        insert_new(session, Dataflow, names, ["repository_id", "name"], "name")
        of_repository = select(Dataflow.name, Dataflow.id).where(
            Dataflow.repository_id == self._repository_id
        )
        ids = {name: identity for name, identity in session.execute(of_repository)}  # noqa: C416 rows are no pairs to mypy
        rows = (
            {
                "dataflow_id": ids[span.key],
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
                "origin": span.value.origin,
                "modules": json.loads(span.value.modules),
                "config": json.loads(span.value.config),
                "sources": json.loads(span.value.sources),
                "upstream": json.loads(span.value.upstream),
                "sinks": json.loads(span.value.sinks),
                "outputs": json.loads(span.value.outputs),
            }
            for span in timeline.opened
        )
        _write_spans(session, DataflowVersion, timeline, rows)

    def _write_diagnostics(self, session: Session, timeline: Timeline[tuple[str, int, str], None]) -> None:
        rows = (
            {
                "repository_id": self._repository_id,
                "path": span.key[0],
                "line": span.key[1],
                "message": span.key[2],
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
            }
            for span in timeline.opened
        )
        _write_spans(session, Diagnostic, timeline, rows)

    def _write_declared(self, session: Session, timeline: Timeline[str, str]) -> None:
        rows = (
            {
                "repository_id": self._repository_id,
                "kind": span.key,
                "content": json.loads(span.value),
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
            }
            for span in timeline.opened
        )
        _write_spans(session, Declaration, timeline, rows)

    def _write_tests(self, session: Session, timeline: Timeline[str, str]) -> None:
        rows = (
            {
                "repository_id": self._repository_id,
                "path": span.key,
                "oid": span.value,
                "valid_from": span.valid_from,
                "valid_until": span.valid_until,
            }
            for span in timeline.opened
        )
        _write_spans(session, FileOfTests, timeline, rows)

    def _write_links(self, session: Session, links: Mapping[str, Mapping[str, str | None] | None]) -> None:
        for chunk in chunks(list(links)):
            session.execute(
                delete(ModuleLink).where(
                    ModuleLink.repository_id == self._repository_id, ModuleLink.module.in_(chunk)
                )
            )
        rows = (
            {"repository_id": self._repository_id, "module": module, "uses": dict(uses)}
            for module, uses in links.items()
            if uses is not None
        )
        insert_rows(session, ModuleLink, rows)


def _forget(ids: dict[str, int]) -> None:
    """Let go of the ids that were met first, where there are too many; the store tells them again."""
    for key in list(islice(ids, max(len(ids) - _MOST_IDS, 0))):
        del ids[key]


def _hashed(raw: RawFunction) -> dict[str, str]:
    return {"code_hash": raw.code_hash(), "reader_version": READER_VERSION}


def _write_spans(session: Session, model: type[Base], timeline: Timeline[Any, Any], rows: _Rows) -> None:
    """Insert a row for each span that has begun, and end those of earlier batches."""
    for span, identity in zip(timeline.opened, insert_returning(session, model, rows), strict=True):
        span.id = identity
    update_by_id(session, model, [{"id": s.id, "valid_until": s.valid_until} for s in timeline.ended])


def _dependency_rows(span: FeatureSpan) -> Iterator[dict[str, Any]]:
    for ordinal, needed in enumerate(span.value.dependencies):
        yield {
            "feature_version_id": span.id,
            "ordinal": ordinal,
            "name": needed.name,
            "type": needed.type,
            "optional": needed.optional,
        }
