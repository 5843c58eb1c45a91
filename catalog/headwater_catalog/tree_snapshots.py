"""Snapshots of source trees that are read as a whole, and of a folder as it lies there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from headwater_catalog.codeowners import CODEOWNERS_FILES
from headwater_catalog.declared import declaring_files, read_declared
from headwater_catalog.errors import RepositoryError
from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.read import (
    Diagnostic,
    LinkedModule,
    Reading,
    ambiguity,
    directory_files,
    is_test_file,
    read_texts,
)
from headwater_catalog.read.rules import POLICY_FOLDER
from headwater_catalog.records import (
    DataflowRecord,
    ModuleRecords,
    certain_names,
    dataflow_record,
    records_of,
)
from headwater_catalog.snapshot import Place, Snapshot, in_order
from headwater_catalog.storable import LONGEST_NAME, clean
from headwater_catalog.submodules import SUBMODULES
from headwater_catalog.suite import suite_of
from headwater_catalog.views import DataflowView

__all__ = [
    "KnownRecords",
    "declaring_in",
    "read_folder",
    "snapshot_of",
]

KnownRecords = dict[str, tuple[LinkedModule, ModuleRecords]]
"""What modules are stored as, by name."""


def snapshot_of(
    reading: Reading,
    declaring: Mapping[str, bytes] | None = None,
    known: KnownRecords | None = None,
    tests: Mapping[str, bytes] | None = None,
) -> Snapshot:
    """Return what a catalog would store of a source tree that was read as a whole.

    Args:
        reading: What was read.
        declaring: The content of the files that `declaring_files` names, by path.
        known: Kept by the caller between trees that are alike; modules that stay are not worked out again.
        tests: The content of its files of tests, by path.
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
        tests=suite_of({clean(path): source for path, source in (tests or {}).items()}),
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
        texts = directory_files(folder)
        tests = {path: text for path, text in texts.items() if is_test_file(path)}
        return snapshot_of(read_texts(texts), declaring_in(folder), tests=tests)
    except OSError as error:
        raise RepositoryError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error


def declaring_in(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder that declare something; links are not followed, as in a commit."""
    names = *CODEOWNERS_FILES, SUBMODULES
    places = [*(folder / path for path in names), *(folder / POLICY_FOLDER).glob("*.toml")]
    files = {p.relative_to(folder).as_posix(): p for p in places if p.is_file() and not _is_linked(p, folder)}
    return {path: files[path].read_bytes() for path in declaring_files(files)}


def _is_linked(place: Path, folder: Path) -> bool:
    return place.is_symlink() or (place.parent != folder and place.parent.is_symlink())
