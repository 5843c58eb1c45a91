"""A repository at one moment, in memory: features, dataflows, edges and diagnostics without a database."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from headwater.errors import did_you_mean
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.read import (
    PROJECT_FILES,
    Content,
    Diagnostic,
    LinkedModule,
    Reading,
    ambiguity,
    is_source,
    read_directory,
    read_project,
    read_tree,
)
from headwater_catalog.records import (
    LONGEST_NAME,
    DataflowRecord,
    DependencyRecord,
    FeatureKey,
    FeatureRecord,
    ModuleRecords,
    certain_names,
    clean,
    dataflow_record,
    records_of,
)
from headwater_catalog.views import ColumnUse, DataflowView, PartView
from headwater_catalog.wiring import GraphBuilder, Need

__all__ = [
    "Snapshot",
    "SnapshotEdge",
    "SnapshotFeature",
    "read_commit",
    "read_folder",
    "read_repository",
    "snapshot_of",
]


@dataclass(frozen=True, slots=True)
class SnapshotFeature:
    """What one function makes of a feature; several where the configuration decides.

    Attributes:
        module: Its module.
        name: Its name.
        variant: Name of the function, with its suffix.
        path: File of the repository.
        line: First line of the code in that file, decorators included, from 1.
        end_line: Last line of the code.
        type: Type of the value, as text.
        doc: Documentation.
        condition: Configurations it exists under, as text; empty for all.
        tags: Tags by key.
        parts: Nodes folded into it.
        dependencies: The names it needs from outside, in order.
        dataflows: Names of the dataflows that contain it.
        partial: Reasons why reading the source does not say all that running it would.
        source: The code, decorators included.
        digest: The hash of exactly that text.
        columns: The columns of tables that its body reads and writes.
        owners: Whom to ask about it, as its tags or else the files of the repository say.
        since: The position of the main line at which this version of it began; None where no catalog knows.
    """

    module: str
    name: str
    variant: str
    path: str
    line: int
    end_line: int
    type: str
    doc: str
    condition: str
    tags: Mapping[str, Any]
    parts: tuple[PartView, ...]
    dependencies: tuple[DependencyRecord, ...]
    dataflows: tuple[str, ...]
    partial: tuple[str, ...]
    source: str
    digest: str
    columns: tuple[ColumnUse, ...] = ()
    owners: tuple[str, ...] = ()
    since: int | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """Return `module:name`, which all variants of a feature share."""
        return f"{self.module}:{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class SnapshotEdge:
    """`target` needs `source` in a dataflow; both are keys, that of an input begins with `input:`."""

    source: str
    target: str
    dataflow: str


@dataclass(frozen=True)
class Snapshot:
    """A repository at one moment, as a catalog that has scanned it there says it.

    Attributes:
        features: What its functions make, in the order of module, name and variant.
        dataflows: Its dataflows, by name.
        diagnostics: What could not be read as meant, by path and line.
    """

    features: tuple[SnapshotFeature, ...]
    dataflows: tuple[DataflowView, ...]
    diagnostics: tuple[Diagnostic, ...]

    @cached_property
    def graph(self) -> LineageGraph:
        """Who needs whom, in all dataflows together."""
        return _graph(self.features, self.dataflows)

    def graph_of(self, dataflow: str) -> LineageGraph:
        """Return who needs whom in one dataflow.

        Raises:
            NotFound: There is no dataflow of this name.
        """
        found = next((each for each in self.dataflows if each.name == dataflow), None)
        if found is None:
            names = [each.name for each in self.dataflows]
            hint = did_you_mean(dataflow, names) or f" It has: {', '.join(names) or 'none'}."
            raise NotFound(f"No dataflow '{dataflow}' at this commit.{hint}")
        modules = frozenset(found.modules)
        return _graph([each for each in self.features if each.module in modules], [found])

    @cached_property
    def edges(self) -> tuple[SnapshotEdge, ...]:
        """The edges of each dataflow, in the order of source, target and dataflow."""
        found = (
            SnapshotEdge(source, target, dataflow)
            for (source, target), dataflows in self.graph.edges.items()
            for dataflow in dataflows
        )
        return tuple(sorted(found))


def _graph(features: Iterable[SnapshotFeature], dataflows: Iterable[DataflowView]) -> LineageGraph:
    builder = GraphBuilder()
    for feature in features:
        builder.add(
            feature.module,
            feature.name,
            type=feature.type,
            doc=feature.doc,
            tags=feature.tags,
            parts=(part.name for part in feature.parts),
            needs=(Need(needed.name, needed.type) for needed in feature.dependencies),
        )
    for dataflow in dataflows:
        builder.wire(dataflow.name, frozenset(dataflow.modules))
    return builder.finish()


def snapshot_of(reading: Reading) -> Snapshot:
    """Return what a catalog would store of a source tree that was read as a whole."""
    flows = {clean(d.name): dataflow_record(d) for d in reading.dataflows if len(d.name) <= LONGEST_NAME}
    dataflows = tuple(_dataflow(name, flows[name]) for name in sorted(flows))
    records = {name: records_of(linked) for name, linked in reading.modules.items()}
    users = {name: tuple(d.name for d in dataflows if name in d.modules) for name in records}
    features = [
        _feature(key, record, reading.modules[name], users[name])
        for name, made in records.items()
        for key, record in made.features.items()
    ]
    faults = (fault for made in records.values() for fault in made.faults)
    told = (*reading.diagnostics, *faults, *_ambiguities(reading, records))
    return Snapshot(
        features=tuple(sorted(features, key=lambda feature: (feature.module, feature.name, feature.variant))),
        dataflows=dataflows,
        diagnostics=tuple(sorted({Diagnostic(clean(d.path), d.line, clean(d.message)) for d in told})),
    )


def _ambiguities(reading: Reading, records: Mapping[str, ModuleRecords]) -> Iterator[Diagnostic]:
    """Yield what is told of names that several modules of a dataflow make in every configuration."""
    made = {name: certain_names(module.features) for name, module in records.items()}
    paths = {name: linked.module.path for name, linked in reading.modules.items()}
    for dataflow in reading.dataflows:
        found = ambiguity(dataflow, made, paths)
        if found is not None:
            yield found


def _dataflow(name: str, record: DataflowRecord) -> DataflowView:
    return DataflowView(
        name=name,
        origin=record.origin,
        modules=tuple(json.loads(record.modules)),
        config=json.loads(record.config),
        sources=json.loads(record.sources),
        outputs=tuple(json.loads(record.outputs)),
    )


def _feature(
    key: FeatureKey, record: FeatureRecord, linked: LinkedModule, dataflows: tuple[str, ...]
) -> SnapshotFeature:
    module, name, variant = key
    raw = record.raw
    assert raw is not None  # it was just read
    return SnapshotFeature(
        module=module,
        name=name,
        variant=variant,
        path=clean(linked.module.path),
        line=raw.line,
        end_line=raw.end_line,
        type=record.type,
        doc=record.doc,
        condition=record.condition,
        tags=json.loads(record.tags),
        parts=tuple(PartView(p["name"], p["type"], p["doc"]) for p in json.loads(record.parts)),
        dependencies=record.dependencies,
        dataflows=dataflows,
        partial=tuple(json.loads(record.partial)),
        source=clean(raw.source),
        digest=record.digest,
    )


def read_folder(folder: Path) -> Snapshot:
    """Return the snapshot of a source tree as it lies on disk, with what is not committed.

    Raises:
        RepositoryError: The folder or a file in it cannot be read.
    """
    try:
        return snapshot_of(read_directory(folder))
    except OSError as error:
        raise RepositoryError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error


def read_commit(source: GitSource, sha: str) -> Snapshot:
    """Return the snapshot of a commit, given by its full name.

    Raises:
        RepositoryError: The mirror lacks it.
    """
    oids = {path: file.oid for path, file in source.tree(sha).items()}
    paths = [path for path in oids if is_source(path)]
    projects = [path for path in PROJECT_FILES if path in oids]
    contents = dict(source.blobs(dict.fromkeys(oids[path] for path in (*paths, *projects))))
    project = read_project(*(contents[oids[path]] if path in oids else None for path in PROJECT_FILES))
    known = {oids[path]: Content(contents[oids[path]], name=oids[path]) for path in paths}
    return snapshot_of(read_tree({path: known[oids[path]] for path in paths}, project))


def read_repository(folder: Path, ref: str | None = None) -> Snapshot:
    """Return the snapshot of a commit of a repository on this machine, bare or with a working tree.

    Args:
        folder: The repository.
        ref: A branch, a tag or a commit's name; None for its HEAD.

    Raises:
        RepositoryError: There is no repository, or it cannot be read.
        NotFound: Nothing in it has this name.
    """
    with _borrowed(folder) as source:
        if ref is None:
            return read_commit(source, source.head())
        try:
            sha = source.resolve(ref)
        except NotFound:
            raise _unknown_ref(folder, ref, _names(source.path)) from None
        return read_commit(source, sha)


@contextmanager
def _borrowed(folder: Path) -> Iterator[GitSource]:
    """Open a repository through a mirror for the moment.

    Git then reads no configuration but ours. The mirror has branches and tags of its own, and borrows the
    objects rather than copy them; those of a linked working tree lie elsewhere, and are copied.
    """
    with tempfile.TemporaryDirectory() as place:
        for objects in (folder / ".git" / "objects", folder / "objects"):
            if objects.is_dir():
                info = Path(place, "objects", "info")
                info.mkdir(parents=True, exist_ok=True)
                (info / "alternates").write_bytes(os.fsencode(objects.resolve()) + b"\n")
                break
        with GitSource.mirror(str(folder), Path(place)) as source:
            yield source


def _names(mirror: Path) -> Sequence[str]:
    """Return the branches and tags of a mirror that was just made, each in a file of its own still."""
    folders = (mirror / "refs" / "heads", mirror / "refs" / "tags")
    return [p.relative_to(folder).as_posix() for folder in folders for p in folder.rglob("*") if p.is_file()]


def _unknown_ref(folder: Path, ref: str, known: Sequence[str]) -> NotFound:
    hint = did_you_mean(ref, known) or f" Its branches and tags are: {', '.join(sorted(known))}."
    return NotFound(f"No commit, branch or tag {ref!r:.100} in {folder}.{hint}")
