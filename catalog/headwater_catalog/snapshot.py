"""A repository at one moment, in memory: features, dataflows, edges and diagnostics without a database."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Protocol

from headwater.errors import did_you_mean
from headwater_catalog.certain_needs import CertainNeeds
from headwater_catalog.codeowners import CODEOWNERS_FILES
from headwater_catalog.collection import without_collection
from headwater_catalog.errors import NotFound, RepositoryError
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.owners import NOBODY, Ownership, codeowners_file, read_ownership
from headwater_catalog.read import (
    Diagnostic,
    LinkedModule,
    Reading,
    ambiguity,
    read_directory,
)
from headwater_catalog.records import (
    LONGEST_NAME,
    DataflowRecord,
    DependencyRecord,
    FeatureKey,
    ModuleRecords,
    certain_names,
    clean,
    dataflow_record,
    records_of,
)
from headwater_catalog.ref_names import nearest_names
from headwater_catalog.tree_reader import TreeReader
from headwater_catalog.views import ColumnUse, DataflowView, PartView, column_uses
from headwater_catalog.wiring import GraphBuilder, Need

__all__ = [
    "FeatureMaker",
    "KnownRecords",
    "Place",
    "Snapshot",
    "SnapshotEdge",
    "SnapshotFeature",
    "SnapshotInput",
    "borrowed",
    "in_order",
    "read_commit",
    "read_folder",
    "read_repository",
    "resolve_in",
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

    @property
    def nodes(self) -> tuple[str, ...]:
        """Return the names of the nodes that it makes: its own, and those of the nodes folded into it."""
        return (self.name, *(part.name for part in self.parts))


@dataclass(frozen=True, slots=True)
class SnapshotInput:
    """An input that a function declares: its name, its type and what it means.

    Attributes:
        module: Its module.
        name: Its name.
        variant: Name of the function, with its suffix.
        path: File of the repository.
        line: First line of the declaration in that file, from 1.
        end_line: Its last line.
        type: Type of the value, as text.
        doc: Documentation.
        condition: Configurations it is declared for, as text; empty for all.
        tags: Tags by key.
        owners: Whom to ask about it.
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
    owners: tuple[str, ...] = ()


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
        inputs: The inputs that its functions declare, in the order of module, name and variant.
        ownership: What its files say of owners.
    """

    features: tuple[SnapshotFeature, ...]
    dataflows: tuple[DataflowView, ...]
    diagnostics: tuple[Diagnostic, ...]
    inputs: tuple[SnapshotInput, ...] = ()
    ownership: Ownership = NOBODY

    @cached_property
    def variants(self) -> Mapping[str, tuple[SnapshotFeature, ...]]:
        """What the functions make of each feature, by its key, in order."""
        grouped = groupby(self.features, key=lambda feature: feature.key)
        return {key: tuple(variants) for key, variants in grouped}

    @cached_property
    def keys(self) -> Mapping[str, tuple[str, ...]]:
        """The keys of the features that have a bare name, by that name, in order."""
        found: dict[str, list[str]] = {}
        for key, variants in self.variants.items():
            found.setdefault(variants[0].name, []).append(key)
        return {name: tuple(keys) for name, keys in found.items()}

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What others have found out of it and would again, by a name; it goes with the snapshot."""
        return {}

    @cached_property
    def tag_keys(self) -> tuple[str, ...]:
        """The keys of tags that features have, the most frequent first."""
        counts = Counter(key for feature in self.features for key in feature.tags)
        return tuple(sorted(counts, key=lambda key: (-counts[key], key)))

    @cached_property
    def graph(self) -> LineageGraph:
        """Who needs whom, in all dataflows together."""
        with without_collection():
            return _graph(self.features, self.inputs, self.dataflows)

    def share_graph(self, other: Snapshot) -> None:
        """Take the graph of another moment, if it has been made and would be the same here."""
        if (
            "graph" in other.__dict__
            and self.dataflows == other.dataflows
            and self.inputs == other.inputs
            and len(self.features) == len(other.features)
            and all(
                ours is theirs or _wired(ours) == _wired(theirs)
                for ours, theirs in zip(self.features, other.features, strict=True)
            )
        ):
            self.__dict__["graph"] = other.graph

    @cached_property
    def _graphs(self) -> dict[str, LineageGraph]:
        return {}

    def dataflow(self, name: str) -> DataflowView:
        """Return a dataflow.

        Raises:
            NotFound: There is none of this name.
        """
        found = next((each for each in self.dataflows if each.name == name), None)
        if found is None:
            names = [each.name for each in self.dataflows]
            hint = did_you_mean(name, names) or f" It has: {', '.join(names) or 'none'}."
            raise NotFound(f"No dataflow '{name}' at this commit.{hint}")
        return found

    def graph_of(self, dataflow: str) -> LineageGraph:
        """Return who needs whom in one dataflow.

        Raises:
            NotFound: There is no dataflow of this name.
        """
        if dataflow not in self._graphs:
            self._graphs[dataflow] = self._graph_of(dataflow)
        return self._graphs[dataflow]

    @cached_property
    def _certain_needs(self) -> dict[str, CertainNeeds]:
        return {}

    def certain_needs(self, dataflow: str) -> CertainNeeds:
        """Return what features of one dataflow need in every configuration that its own one allows.

        Raises:
            NotFound: There is no dataflow of this name.
        """
        if dataflow not in self._certain_needs:
            graph = self.graph_of(dataflow)
            config = next(each.config for each in self.dataflows if each.name == dataflow)
            features = graph.nodes.keys() - graph.inputs
            needed = {key: _certainly_needed(self.variants[key]) for key in features}
            self._certain_needs[dataflow] = CertainNeeds(graph, needed, config)
        return self._certain_needs[dataflow]

    def _graph_of(self, dataflow: str) -> LineageGraph:
        found = self.dataflow(dataflow)
        modules = frozenset(found.modules)
        if len(self.dataflows) == 1 and all(each.module in modules for each in self.features):
            return self.graph
        inside = [each for each in self.features if each.module in modules]
        return _graph(inside, self.inputs, [found])

    @cached_property
    def edges(self) -> tuple[SnapshotEdge, ...]:
        """The edges of each dataflow, in the order of source, target and dataflow."""
        found = (
            SnapshotEdge(source, target, dataflow)
            for (source, target), dataflows in self.graph.edges.items()
            for dataflow in dataflows
        )
        return tuple(sorted(found))


def _certainly_needed(variants: Iterable[SnapshotFeature]) -> frozenset[str]:
    """Return the names that all variants of a feature need, those with defaults left out."""
    needs = (frozenset(need.name for need in each.dependencies if not need.optional) for each in variants)
    return frozenset.intersection(*needs)


def _graph(
    features: Iterable[SnapshotFeature], inputs: Iterable[SnapshotInput], dataflows: Iterable[DataflowView]
) -> LineageGraph:
    builder, need = GraphBuilder(), cache(Need)
    for declared in inputs:
        owner = ", ".join(declared.owners)
        builder.declare(declared.module, declared.name, type=declared.type, doc=declared.doc, owner=owner)
    for feature in features:
        builder.add(
            feature.module,
            feature.name,
            type=feature.type,
            doc=feature.doc,
            owner=", ".join(feature.owners),
            parts=[part.name for part in feature.parts],
            needs=[need(needed.name, needed.type) for needed in feature.dependencies],
        )
    for dataflow in dataflows:
        builder.wire(dataflow.name, frozenset(dataflow.modules))
    return builder.finish()


Place = tuple[str, int, int]
"""The path of a file, and the first and the last line of something in it."""

in_order: Final = attrgetter("module", "name", "variant")
"""What the features and inputs of a snapshot are sorted by."""


class StoredInput(Protocol):
    """What is stored of an input: a record, or a row with columns of these names."""

    @property
    def type(self) -> str: ...
    @property
    def doc(self) -> str: ...
    @property
    def condition(self) -> str: ...
    @property
    def tags(self) -> str: ...


class StoredFeature(StoredInput, Protocol):
    """What is stored of a variant of a feature; structured values are JSON texts."""

    @property
    def parts(self) -> str: ...
    @property
    def partial(self) -> str: ...
    @property
    def columns(self) -> str: ...
    @property
    def digest(self) -> str: ...


class FeatureMaker:
    """Makes the features and inputs of one snapshot from what is stored of them.

    Few of their tags, owners and so on are unlike all others, so equal ones are made once and shared.

    Args:
        ownership: What the files of the repository say of owners.
        dataflows: Its dataflows.
    """

    def __init__(self, ownership: Ownership, dataflows: Iterable[DataflowView]) -> None:
        self._ownership = ownership
        self._dataflows = _users(dataflows)
        self._tags: Callable[[str], Mapping[str, Any]] = cache(json.loads)
        self._parts = cache(_parts)
        self._columns = cache(_columns)
        self._partial = cache(_texts)
        self._owners = cache(self._owners_of)
        self._shared_owners: dict[tuple[str, str, int], tuple[str, ...]] = {}

    def feature(
        self,
        key: FeatureKey,
        place: Place,
        source: str,
        stored: StoredFeature,
        dependencies: tuple[DependencyRecord, ...],
        since: int | None = None,
    ) -> SnapshotFeature:
        """Return one variant of a feature."""
        module, name, variant = key
        path, line, end_line = place
        tags = stored.tags
        return SnapshotFeature(
            module=module,
            name=name,
            variant=variant,
            path=path,
            line=line,
            end_line=end_line,
            type=stored.type,
            doc=stored.doc,
            condition=stored.condition,
            tags=self._tags(tags),
            parts=self._parts(stored.parts),
            dependencies=dependencies,
            dataflows=self._dataflows.get(module, ()),
            partial=self._partial(stored.partial),
            source=source,
            digest=stored.digest,
            columns=self._columns(stored.columns),
            owners=self._owners(path, module, tags),
            since=since,
        )

    def moved(self, feature: SnapshotFeature, place: Place) -> SnapshotFeature:
        """Return the same version of a feature as it stands here, which may be where it stood."""
        path, module = place[0], feature.module
        shared = self._shared_owners.get(key := (path, module, id(feature.tags)))
        if shared is None:
            shared = self._shared_owners[key] = self._ownership.of(path, module, feature.tags).owners
        here = (*place, self._dataflows.get(module, ()), shared)
        if here == (feature.path, feature.line, feature.end_line, feature.dataflows, feature.owners):
            return feature
        path, line, end_line, dataflows, owners = here
        return replace(feature, path=path, line=line, end_line=end_line, dataflows=dataflows, owners=owners)

    def input(self, key: FeatureKey, place: Place, stored: StoredInput) -> SnapshotInput:
        """Return an input that a function declares."""
        module, name, variant = key
        path, line, end_line = place
        return SnapshotInput(
            module=module,
            name=name,
            variant=variant,
            path=path,
            line=line,
            end_line=end_line,
            type=stored.type,
            doc=stored.doc,
            condition=stored.condition,
            tags=self._tags(stored.tags),
            owners=self._owners(path, module, stored.tags),
        )

    def _owners_of(self, path: str, module: str, tags: str) -> tuple[str, ...]:
        return self._ownership.of(path, module, self._tags(tags)).owners


def _users(dataflows: Iterable[DataflowView]) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the dataflows that each module is in."""
    found: dict[str, dict[str, None]] = {}
    for dataflow in dataflows:
        for module in dataflow.modules:
            found.setdefault(module, {})[dataflow.name] = None
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    named = ((module, tuple(names)) for module, names in found.items())
    return {module: shared.setdefault(names, names) for module, names in named}


def _parts(text: str) -> tuple[PartView, ...]:
    return tuple(PartView(p["name"], p.get("type", ""), p.get("doc", "")) for p in json.loads(text))


def _columns(text: str) -> tuple[ColumnUse, ...]:
    return column_uses(json.loads(text))


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


_wired = attrgetter("module", "name", "type", "doc", "owners", "parts", "dependencies")
"""What a graph is made of, besides inputs and dataflows."""


KnownRecords = dict[str, tuple[LinkedModule, ModuleRecords]]
"""What modules are stored as, by name."""


def snapshot_of(
    reading: Reading,
    codeowners: tuple[str | None, bytes] = (None, b""),
    known: KnownRecords | None = None,
) -> Snapshot:
    """Return what a catalog would store of a source tree that was read as a whole.

    Args:
        reading: What was read.
        codeowners: Path and bytes of its CODEOWNERS file.
        known: Kept by the caller between trees that are alike; modules that stay are not worked out again.
    """
    ownership, owner_faults = read_ownership(*codeowners, reading.project)
    flows = {clean(d.name): dataflow_record(d) for d in reading.dataflows if len(d.name) <= LONGEST_NAME}
    dataflows = tuple(_dataflow(name, flows[name]) for name in sorted(flows))
    records = _records(reading, {} if known is None else known)
    maker = FeatureMaker(ownership, dataflows)
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
    told = (*reading.diagnostics, *faults, *owner_faults, *_ambiguities(reading, records))
    return Snapshot(
        features=tuple(sorted(features, key=in_order)),
        dataflows=dataflows,
        diagnostics=tuple(sorted({Diagnostic(clean(d.path), d.line, clean(d.message)) for d in told})),
        inputs=tuple(sorted(inputs, key=in_order)),
        ownership=ownership,
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
        return snapshot_of(read_directory(folder), _codeowners_in(folder))
    except OSError as error:
        raise RepositoryError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error


def _codeowners_in(folder: Path) -> tuple[str | None, bytes]:
    """Return path and bytes of the CODEOWNERS file in a folder; links are not followed, as in a commit."""
    places = (folder / path for path in CODEOWNERS_FILES)
    files = {p.relative_to(folder).as_posix(): p for p in places if p.is_file() and not _is_linked(p, folder)}
    path = codeowners_file(files)
    return path, files[path].read_bytes() if path else b""


def _is_linked(place: Path, folder: Path) -> bool:
    return place.is_symlink() or (place.parent != folder and place.parent.is_symlink())


def read_commit(source: GitSource, sha: str) -> Snapshot:
    """Return the snapshot of a commit, given by its full name.

    Raises:
        RepositoryError: The mirror lacks it.
    """
    reader = TreeReader(source)
    tree = reader.tree(sha)
    return snapshot_of(reader.read(tree), tree.codeowners)


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
        for objects in (folder / ".git" / "objects", folder / "objects"):
            if objects.is_dir():
                info = Path(place, "objects", "info")
                info.mkdir(parents=True, exist_ok=True)
                (info / "alternates").write_bytes(os.fsencode(objects.resolve()) + b"\n")
                break
        with GitSource.mirror(str(folder), Path(place)) as source:
            yield source
