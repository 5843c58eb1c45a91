"""Snapshots of source trees that are read as a whole: of a folder, or of a commit without a catalog."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headwater_catalog.codeowners import CODEOWNERS_FILES
from headwater_catalog.declared import declaring_files, read_declared
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.git import GitSource
from headwater_catalog.read import (
    Diagnostic,
    LinkedModule,
    Reading,
    ambiguity,
    read_directory,
)
from headwater_catalog.read.rules import POLICY_FOLDER
from headwater_catalog.records import (
    DataflowRecord,
    ModuleRecords,
    certain_names,
    dataflow_record,
    records_of,
)
from headwater_catalog.ref_names import nearest_names
from headwater_catalog.snapshot import Place, Snapshot, in_order
from headwater_catalog.storable import LONGEST_NAME, clean
from headwater_catalog.tree_reader import TreeReader
from headwater_catalog.views import DataflowView

__all__ = [
    "KnownRecords",
    "borrow_objects",
    "borrowed",
    "declaring_in",
    "read_commit",
    "read_folder",
    "read_repository",
    "resolve_in",
    "snapshot_of",
]

KnownRecords = dict[str, tuple[LinkedModule, ModuleRecords]]
"""What modules are stored as, by name."""


def snapshot_of(
    reading: Reading,
    declaring: Mapping[str, bytes] | None = None,
    known: KnownRecords | None = None,
) -> Snapshot:
    """Return what a catalog would store of a source tree that was read as a whole.

    Args:
        reading: What was read.
        declaring: The content of the files that `declaring_files` names, by path.
        known: Kept by the caller between trees that are alike; modules that stay are not worked out again.
    """
    declared, declared_faults = read_declared(declaring or {}, reading.project)
    flows = {clean(d.name): dataflow_record(d) for d in reading.dataflows if len(d.name) <= LONGEST_NAME}
    dataflows = tuple(_dataflow(name, flows[name]) for name in sorted(flows))
    records = _records(reading, {} if known is None else known)
    maker = FeatureMaker(declared.ownership, dataflows)
    code = {name: _code(reading.modules[name]) for name in records}
    features = [
        maker.feature(key, *code[name][record.digest], record, record.dependencies)
        for name, made in records.items()
        for key, record in made.features.items()
    ]
    inputs = [
        maker.input(key, code[name][record.digest][0], record)
        for name, made in records.items()
        for key, record in made.inputs.items()
    ]
    faults = (fault for made in records.values() for fault in made.faults)
    told = (*reading.diagnostics, *faults, *declared_faults, *_ambiguities(reading, records))
    return Snapshot(
        features=tuple(sorted(features, key=in_order)),
        dataflows=dataflows,
        diagnostics=tuple(sorted({Diagnostic(clean(d.path), d.line, clean(d.message)) for d in told})),
        inputs=tuple(sorted(inputs, key=in_order)),
        declared=declared,
    )


def _records(reading: Reading, known: KnownRecords) -> dict[str, ModuleRecords]:
    for name, linked in reading.modules.items():
        before = known.get(name)
        if before is None or before[0] is not linked:
            known[name] = linked, records_of(linked, before[1] if before else None)
    return {name: known[name][1] for name in reading.modules}


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
        upstream=json.loads(record.upstream),
        outputs=tuple(json.loads(record.outputs)),
        sinks=json.loads(record.sinks),
    )


def _code(linked: LinkedModule) -> dict[str, tuple[Place, str]]:
    """Return where the code of each function of a module stands, and what it is, by its digest."""
    path = clean(linked.module.path)
    return {raw.digest: ((path, raw.line, raw.end_line), clean(raw.source)) for raw in linked.raw}


def read_folder(folder: Path) -> Snapshot:
    """Return the snapshot of a source tree as it lies on disk, with what is not committed.

    Raises:
        RepositoryError: The folder or a file in it cannot be read.
    """
    try:
        return snapshot_of(read_directory(folder), declaring_in(folder))
    except OSError as error:
        raise RepositoryError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error


def declaring_in(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder that declare something; links are not followed, as in a commit."""
    places = [*(folder / path for path in CODEOWNERS_FILES), *(folder / POLICY_FOLDER).glob("*.toml")]
    files = {p.relative_to(folder).as_posix(): p for p in places if p.is_file() and not _is_linked(p, folder)}
    return {path: files[path].read_bytes() for path in declaring_files(files)}


def _is_linked(place: Path, folder: Path) -> bool:
    return place.is_symlink() or (place.parent != folder and place.parent.is_symlink())


def read_commit(source: GitSource, sha: str) -> Snapshot:
    """Return the snapshot of a commit, given by its full name.

    Raises:
        RepositoryError: The mirror lacks it.
    """
    reader = TreeReader(source)
    tree = reader.tree(sha)
    return snapshot_of(reader.read(tree), tree.declaring)


def read_repository(folder: Path, ref: str | None = None) -> Snapshot:
    """Return the snapshot of a commit of a repository on this machine, bare or with a working tree.

    Args:
        folder: The repository.
        ref: A branch, a tag or a commit's name; None for its HEAD.

    Raises:
        RepositoryError: There is no repository, or it cannot be read.
        NotFound: Nothing in it has this name.
    """
    with borrowed(folder) as source:
        return read_commit(source, source.head() if ref is None else resolve_in(source, folder, ref))


def resolve_in(source: GitSource, folder: Path, ref: str) -> str:
    """Return the full name of the commit that something means in a repository that is borrowed from a folder.

    Raises:
        NotFound: Nothing in it has this name; tells the nearest.
    """
    try:
        return source.resolve(ref)
    except NotFound:
        hint = nearest_names(ref, source.refs())
        raise NotFound(f"No commit, branch or tag {ref!r:.100} in {folder}.{hint}") from None


@contextmanager
def borrowed(folder: Path) -> Iterator[GitSource]:
    """Open a repository through a mirror for the moment.

    Git then reads no configuration but ours. The mirror has branches and tags of its own, and borrows the
    objects rather than copy them; those of a linked working tree lie elsewhere, and are copied.
    """
    with tempfile.TemporaryDirectory() as place:
        borrow_objects(folder, Path(place))
        with GitSource.mirror(str(folder), Path(place)) as source:
            yield source


def borrow_objects(folder: Path, mirror: Path) -> None:
    """Let a mirror that is yet to be made have the objects of a repository on this machine as its own."""
    for objects in (folder / ".git" / "objects", folder / "objects"):
        if objects.is_dir():
            info = mirror / "objects" / "info"
            info.mkdir(parents=True, exist_ok=True)
            (info / "alternates").write_bytes(os.fsencode(objects.resolve()) + b"\n")
            break
