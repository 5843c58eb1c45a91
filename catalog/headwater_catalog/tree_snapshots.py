"""Snapshots of source trees that are read as a whole, and of a folder as it lies there."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from headwater_catalog.codeowners import CODEOWNERS_FILES
from headwater_catalog.declared import declaring_files, read_declared
from headwater_catalog.errors import RepositoryError
from headwater_catalog.feature_making import FeatureMaker
from headwater_catalog.in_halves import in_halves
from headwater_catalog.logical.constant_texts import ConstantTexts, constant_texts
from headwater_catalog.read import (
    PROJECT_FILES,
    Content,
    Diagnostic,
    LinkCache,
    LinkedModule,
    Reading,
    ambiguity,
    directory_files,
    is_source,
    is_test_file,
    read_project,
    read_tree,
)
from headwater_catalog.read.rules import POLICY_FOLDER
from headwater_catalog.records import (
    DataflowRecord,
    FeatureKey,
    FeatureRecord,
    InputRecord,
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
    "ModuleParts",
    "declaring_in",
    "module_parts",
    "read_folder",
    "snapshot_of",
]

KnownRecords = dict[str, tuple[LinkedModule, ModuleRecords]]
"""What modules are stored as, by name."""


class ModuleParts(NamedTuple):
    """What a catalog would store of a module, and nothing of how it was read; a process can hand it over.

    Attributes:
        path: Its file.
        features: Its features by key, with where their code stands, and the code.
        inputs: The inputs that it declares, by key, with where they stand.
        told: What is wrong in it.
        constants: The texts of constants that SQL in its features may be made of.
    """

    path: str
    features: Mapping[FeatureKey, tuple[Place, str, FeatureRecord]]
    inputs: Mapping[FeatureKey, tuple[Place, InputRecord]]
    told: tuple[Diagnostic, ...]
    constants: ConstantTexts


def module_parts(reading: Reading, known: KnownRecords) -> dict[str, ModuleParts]:
    """Return what a catalog would store of the modules of a source tree, by their names.

    Args:
        reading: What was read.
        known: Kept by the caller between trees that are alike; modules that stay are not worked out again.
    """
    return {name: _parts(linked, _records(linked, known)) for name, linked in reading.modules.items()}


def snapshot_of(
    reading: Reading,
    declaring: Mapping[str, bytes] | None = None,
    known: KnownRecords | None = None,
    tests: Mapping[str, bytes] | None = None,
    others: Mapping[str, ModuleParts] = MappingProxyType({}),
) -> Snapshot:
    """Return what a catalog would store of a source tree that was read as a whole.

    Args:
        reading: What was read.
        declaring: The content of the files that `declaring_files` names, by path.
        known: Kept by the caller between trees that are alike; modules that stay are not worked out again.
        tests: The content of its files of tests, by path.
        others: What is stored of modules that the reading leaves out, by name.
    """
    declared, declared_faults = read_declared(declaring or {}, reading.project)
    flows = {clean(d.name): dataflow_record(d) for d in reading.dataflows if len(d.name) <= LONGEST_NAME}
    dataflows = tuple(_dataflow(name, flows[name]) for name in sorted(flows))
    parts = {**module_parts(reading, {} if known is None else known), **others}
    maker = FeatureMaker(declared.ownership, dataflows)
    features = [
        maker.feature(key, place, code, record, record.dependencies)
        for module in parts.values()
        for key, (place, code, record) in module.features.items()
    ]
    inputs = [
        maker.input(key, place, record)
        for module in parts.values()
        for key, (place, record) in module.inputs.items()
    ]
    faults = (fault for module in parts.values() for fault in module.told)
    told = (*reading.diagnostics, *faults, *declared_faults, *_ambiguities(reading, parts))
    return Snapshot(
        features=tuple(sorted(features, key=in_order)),
        dataflows=dataflows,
        diagnostics=tuple(sorted({Diagnostic(clean(d.path), d.line, clean(d.message)) for d in told})),
        inputs=tuple(sorted(inputs, key=in_order)),
        declared=declared,
        tests=suite_of({clean(path): source for path, source in (tests or {}).items()}),
        constants={
            name: parts[name].constants
            for name in sorted(parts)
            if parts[name].constants and len(name) <= LONGEST_NAME
        },
    )


def _records(linked: LinkedModule, known: KnownRecords) -> ModuleRecords:
    name = linked.module.name
    before = known.get(name)
    if before is None or before[0] is not linked:
        known[name] = linked, records_of(linked, before[1] if before else None)
    return known[name][1]


def _parts(linked: LinkedModule, records: ModuleRecords) -> ModuleParts:
    path = clean(linked.module.path)
    code = {raw.digest: ((path, raw.line, raw.end_line), clean(raw.source)) for raw in linked.raw}
    return ModuleParts(
        path=linked.module.path,
        features={key: (*code[record.digest], record) for key, record in records.features.items()},
        inputs={key: (code[record.digest][0], record) for key, record in records.inputs.items()},
        told=(*linked.diagnostics, *records.faults),
        constants=constant_texts(linked.module.parsed),
    )


def _ambiguities(reading: Reading, parts: Mapping[str, ModuleParts]) -> Iterator[Diagnostic]:
    """Yield what is told of names that several modules of a dataflow make in every configuration."""
    made = {
        name: certain_names({key: record for key, (_, _, record) in module.features.items()})
        for name, module in parts.items()
    }
    paths = {name: module.path for name, module in parts.items()}
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


def read_folder(folder: Path) -> Snapshot:
    """Return the snapshot of a source tree as it lies on disk, with what is not committed.

    Raises:
        RepositoryError: The folder or a file in it cannot be read.
    """
    try:
        texts = directory_files(folder)
        tests = {path: text for path, text in texts.items() if is_test_file(path)}
        declaring = declaring_in(folder)
        sources = {path: Content(text) for path, text in texts.items() if is_source(path)}
        project, links = read_project(*map(texts.get, PROJECT_FILES)), LinkCache()

        def elsewhere(paths: Collection[str]) -> dict[str, ModuleParts]:
            return module_parts(read_tree(sources, project, links, paths), {})

        whole = read_tree(
            sources, project, links, ()
        )  # which modules there are, no half is to find out again
        nothing: dict[str, ModuleParts] = {}
        sizes = {path: len(texts[path]) for path in whole.paths}
        with in_halves(sizes, elsewhere, nothing) as (paths, others):
            reading = read_tree(sources, project, links, paths)
            return snapshot_of(reading, declaring, {}, tests, others())
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
