"""The state of a repository's tree, moved from commit to commit and read anew where it changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from headwater_catalog.declared import declaring_files, may_declare, read_declared
from headwater_catalog.git import GitSource, TreeFile
from headwater_catalog.git_log import Change, CommitInfo
from headwater_catalog.read import (
    PROJECT_FILES,
    Content,
    DataflowSpec,
    Diagnostic,
    Drivers,
    LinkCache,
    LinkedModule,
    Named,
    Pieces,
    Project,
    RawFunction,
    Reading,
    ambiguity,
    drivers_from_text,
    is_source,
    is_test_file,
    named_in,
    read_project,
    read_tree,
    text_of_drivers,
)
from headwater_catalog.records import (
    DataflowRecord,
    FeatureKey,
    FeatureRecord,
    InputRecord,
    ModuleRecords,
    as_json,
    certain_names,
    dataflow_record,
    records_of,
)
from headwater_catalog.scan.introduced import BlobReader, FeatureSpan, find_introduced
from headwater_catalog.scan.timeline import Timeline
from headwater_catalog.storable import LONGEST_NAME, clean

__all__ = ["History", "KnownFeatures", "ModulePlace", "Timelines", "Uses"]

Uses = Mapping[str, Mapping[str, str | None]]
"""What each module used when it was linked, by its name; and under no name, the drivers of all files."""

_DRIVERS = ""

DiagnosticKey = tuple[str, int, str]
"""Path, line and message."""


@dataclass(frozen=True, slots=True)
class ModulePlace:
    """Where the source of a module is: its path, and git's name of its content."""

    path: str
    oid: str


class KnownFeatures:
    """The features that hold before the first commit that is applied: none, unless there is a store."""

    def of(self, module: str, accepts: Callable[[str], bool]) -> list[FeatureSpan]:
        """Return the versions of a module's features, of functions whose names are accepted."""
        return []

    def certain(self, modules: Collection[str]) -> Mapping[str, frozenset[tuple[str, str]]]:
        """Return the names that each of some modules makes in every configuration, each with its function."""
        return dict.fromkeys(modules, frozenset())


@dataclass(slots=True)
class Timelines:
    """Everything that is kept as intervals; of features those of modules that were looked at."""

    features: Timeline[FeatureKey, FeatureRecord] = field(default_factory=Timeline)
    inputs: Timeline[FeatureKey, InputRecord] = field(default_factory=Timeline)
    modules: Timeline[str, ModulePlace] = field(default_factory=Timeline)
    dataflows: Timeline[str, DataflowRecord] = field(default_factory=Timeline)
    diagnostics: Timeline[DiagnosticKey, None] = field(default_factory=Timeline)
    declared: Timeline[str, str] = field(default_factory=Timeline)  # by kind, as JSON text
    tests: Timeline[str, str] = field(default_factory=Timeline)  # git's names of contents, by path
    stored: KnownFeatures = field(default_factory=KnownFeatures)

    @property
    def pending(self) -> int:
        """Count the rows that the next write has."""
        return sum(len(t.opened) + len(t.ended) for t in (self.features, self.modules, self.diagnostics))

    def written(self) -> None:
        """Note that everything up to here is in the store."""
        for timeline in (self.features, self.inputs, self.modules, self.dataflows, self.diagnostics):
            timeline.written()
        self.declared.written()
        self.tests.written()


class History:
    """Follows the tree of a repository along its main line.

    Only commits that touch sources, the project file or a file that declares something beside it cost more
    than a look at their paths, and these read the contents that they changed, and what the functions in them
    use. All of a tree is read where nothing is remembered of it, and where a commit changes what the project
    file says of dataflows.

    Args:
        source: The mirror.
        timelines: What holds at the position before the first commit that is applied.
        before: That position's commit; None before the first.
        uses: What each module of the dataflows used there, and the drivers.
    """

    def __init__(
        self, source: GitSource, timelines: Timelines, before: str | None = None, uses: Uses | None = None
    ) -> None:
        self.timelines = timelines
        self.contents: dict[str, Content] = {}
        self.links: dict[str, Mapping[str, str | None] | None] = {}
        self.introduced: dict[FeatureSpan, CommitInfo] = {}
        self.definitions: dict[str, RawFunction] = {}  # that intervals begin with, until these are written
        self.named: dict[str, Named] = {}  # in files of tests whose intervals begin, likewise
        self.blobs_read = 0
        self._source = source
        self._before = before
        self._uses = {name: used for name, used in (uses or {}).items() if name != _DRIVERS}
        self._drivers = _drivers((uses or {}).get(_DRIVERS))
        self._told: dict[DiagnosticKey, None] = {}
        self._diagnostics: tuple[Diagnostic, ...] | None = None
        self._new: dict[str, list[FeatureSpan]] = {}
        self._declared_faults: tuple[Diagnostic, ...] = ()
        self._dataflows: tuple[DataflowSpec, ...] | None = None
        self._flows: dict[str, tuple[str, DataflowRecord]] = {}
        self._ambiguities: dict[str, tuple[object, Diagnostic | None]] = {}
        self._files: dict[str, str] = {}
        self._sources: dict[str, Content] = {}
        self._pieces = Pieces()
        self._started = False
        self._project = Project()
        self._cache = LinkCache()
        self._seen: dict[str, tuple[LinkedModule, ModuleRecords]] = {}
        self._inputs = _keys_by_module(timelines.inputs.current)
        self._keys: dict[str, tuple[FeatureKey, ...]] = {}
        self._kept: dict[str, frozenset[str]] = {}
        self._made: dict[str, frozenset[str]] = {}

    @property
    def weight(self) -> int:
        """How much is held in memory: functions and pieces of text, a few kB each."""
        return len(self._pieces) + sum(len(records.features) for _, records in self._seen.values())

    def go_on(self, source: GitSource) -> None:
        """Read from here on from a mirror that was opened anew."""
        self._source = source
        self.blobs_read = 0

    def apply(self, position: int, commit: CommitInfo) -> None:
        """Move to the next commit of the main line."""
        changes = [change for change in commit.changes if _matters(change.path)]
        if changes:
            self._apply(position, commit, changes)

    def _apply(self, position: int, commit: CommitInfo, changes: Iterable[Change]) -> None:
        is_first = not self._started
        if is_first:
            changes = changes if self._resume() else _whole(self._source.tree(commit.sha))
            self._started = True
        changed = _move(self._files, changes)
        if is_first or any(map(is_test_file, changed)):
            self._read_tests(position)
        self._read_sources([path for path in changed if is_source(path)])
        if not changed.isdisjoint(PROJECT_FILES):
            project = self._read_project()
            if not _reads_alike(project, self._project):
                self._cache.forget()
            self._project = project
        if any(path in PROJECT_FILES or may_declare(path) for path in changed):
            self._read_declared(position)
        self._read(position)
        if commit.merged:
            reader = BlobReader(self._source, self._pieces, self.contents, self.definitions)
            self.introduced |= find_introduced(commit.merged, self._new, reader)
            self.blobs_read += reader.read
        self._new = {}

    def _resume(self) -> bool:
        """Begin with the tree that was read last; return whether enough is remembered of it."""
        if self._before is None or self._uses.keys() != self.timelines.modules.current.keys():
            return False
        files = _whole(self._source.tree(self._before))
        if any(len(change.path) > LONGEST_NAME for change in files):
            return False  # modules of such names are not stored
        _move(self._files, files)
        self._project = self._read_project()
        self._declared_faults = self._declared()[1]
        if self._drivers is None and not self._project.dataflows:
            self._files, self._project = {}, Project()
            return False
        self.contents = {oid: self._later(oid) for path, oid in self._files.items() if is_source(path)}
        self._sources = {path: self.contents[oid] for path, oid in self._files.items() if is_source(path)}
        faulty = {path for path, *_ in self.timelines.diagnostics.current}
        self._cache.remember(self._sources, self._project, self._uses, self._drivers, faulty)
        self._told = _told(read_tree(self._sources, self._project, self._cache).diagnostics)
        return True

    def _later(self, oid: str) -> Content:
        def fetch() -> bytes:
            self.blobs_read += 1
            ((_, source),) = self._source.blobs([oid])
            return source

        return Content(fetch, self._pieces, oid)

    def written(self) -> None:
        """Note that everything up to here is in the store, and let go of what the tree no longer has."""
        self.timelines.written()
        self.links, self.introduced, self.definitions, self.named = {}, {}, {}, {}
        kept = set(self._files.values())
        self.contents = {oid: content for oid, content in self.contents.items() if oid in kept}

    def _read_sources(self, paths: list[str]) -> None:
        oids = {path: self._files.get(path) for path in paths}
        unread = dict.fromkeys(oid for oid in oids.values() if oid is not None and oid not in self.contents)
        for oid, source in self._source.blobs(unread):
            self.contents[oid] = Content(source, self._pieces, oid)
            self.blobs_read += 1
        for path, now in oids.items():
            if now is None:
                self._sources.pop(path, None)
            else:
                self._sources[path] = self.contents[now]

    def _read_tests(self, position: int) -> None:
        tests = self.timelines.tests
        tests.replace(position, {clean(path): oid for path, oid in self._files.items() if is_test_file(path)})
        new = dict.fromkeys(s.value for s in tests.opened if s.valid_from == position)
        for oid, source in self._source.blobs(oid for oid in new if oid not in self.named):
            self.named[oid] = named_in(source)

    def _read_project(self) -> Project:
        oids = [self._files.get(name) for name in PROJECT_FILES]
        contents = dict(self._source.blobs(oid for oid in oids if oid is not None))
        return read_project(*(None if oid is None else contents[oid] for oid in oids))

    def _declared(self) -> tuple[dict[str, str], tuple[Diagnostic, ...]]:
        oids = {path: self._files[path] for path in declaring_files(self._files)}
        contents = dict(self._source.blobs(dict.fromkeys(oids.values())))
        declared, faults = read_declared({p: contents[oid] for p, oid in oids.items()}, self._project)
        return {kind: as_json(data) for kind, data in declared.as_data().items()}, faults

    def _read_declared(self, position: int) -> None:
        texts, self._declared_faults = self._declared()
        self.timelines.declared.replace(position, texts)

    def _read(self, position: int) -> None:
        reading = read_tree(self._sources, self._project, self._cache)
        faults = self._read_modules(position, reading)
        if reading.dataflows is not self._dataflows:
            self._read_dataflows(position, reading.dataflows)
        paths = set(map(clean, reading.unchanged.values()))
        current = self.timelines.diagnostics.current if paths else {}
        # What follows from several files, such as where a driver's modules are, was told anew.
        kept = [known for known in current if known[0] in paths and known not in self._told]
        if reading.diagnostics != self._diagnostics:
            self._diagnostics, self._told = reading.diagnostics, _told(reading.diagnostics)
        others = _told((*faults, *self._declared_faults, *self._ambiguous(reading.dataflows)))
        self.timelines.diagnostics.replace(position, dict.fromkeys((*kept, *self._told, *others)))
        if reading.drivers != self._drivers:
            self._drivers = reading.drivers
            found = None if reading.drivers is None else {_DRIVERS: text_of_drivers(reading.drivers)}
            self.links[_DRIVERS] = found

    def _read_dataflows(self, position: int, dataflows: tuple[DataflowSpec, ...]) -> None:
        self._dataflows = dataflows
        kept = (dataflow for dataflow in dataflows if len(dataflow.name) <= LONGEST_NAME)
        self._flows = {dataflow.name: self._flow(dataflow) for dataflow in kept}
        records = {clean(name): record for name, (_, record) in self._flows.items()}
        self.timelines.dataflows.replace(position, records)

    def _flow(self, dataflow: DataflowSpec) -> tuple[str, DataflowRecord]:
        """Return what is stored of a dataflow, and what it says: that 1 equals true is no reason."""
        said = repr(
            (dataflow.origin, dataflow.modules, dataflow.outputs)
            + (dataflow.config, dataflow.sources, dataflow.upstream)
        )
        known = self._flows.get(dataflow.name)
        return known if known is not None and known[0] == said else (said, dataflow_record(dataflow))

    def _ambiguous(self, dataflows: Iterable[DataflowSpec]) -> Iterator[Diagnostic]:
        places = self.timelines.modules.current
        for dataflow in dataflows:
            if dataflow.origin != "layout":
                continue
            paths = {name: places[name].value.path for name in dataflow.modules if name in places}
            self._ask_certain([name for name in paths if name not in self._made])
            made = {name: self._made[name] for name in paths}
            known = self._ambiguities.get(dataflow.name)
            said = dataflow.origin, paths, made
            if known is None or known[0] != said:
                known = self._ambiguities[dataflow.name] = said, ambiguity(dataflow, made, paths)
            if known[1] is not None:
                yield known[1]

    def _ask_certain(self, modules: Collection[str]) -> None:
        """Read from the store which names modules make in every configuration, as far as nobody else says."""
        for module, pairs in self.timelines.stored.certain(modules).items() if modules else ():
            kept = self._kept.get(module)
            stored = {name for name, variant in pairs if kept is None or variant in kept}
            seen = self._seen.get(module)
            self._made[module] = frozenset(stored | certain_names(seen[1].features if seen else {}))

    def _read_modules(self, position: int, reading: Reading) -> list[Diagnostic]:
        features, inputs, modules = self.timelines.features, self.timelines.inputs, self.timelines.modules
        here = reading.modules.keys() | reading.unchanged.keys()
        gone = [name for name in modules.current if name not in here]
        modules.change(position, gone, {})
        self.links.update(dict.fromkeys(gone))
        for name in dict.fromkeys([*gone, *(name for name in self._keys if name not in here)]):
            self._seen.pop(name, None)
            keys = self._known(name, frozenset())
            features.change(position, keys, {})
            inputs.change(position, keys, {})
            self._keys[name], self._made[name] = (), frozenset()
        for name, linked in reading.modules.items():
            known = self._seen.get(name)
            if known is not None and known[0] is linked:
                continue
            records = records_of(linked, known[1] if known else None)
            self._seen[name] = linked, records
            self._change(position, name, linked, records)
            if len(name) <= LONGEST_NAME:
                path = linked.module.path
                modules.change(position, (), {name: ModulePlace(clean(path), self._files[path])})
                self.links[name] = linked.uses
        return [fault for name in reading.modules for fault in self._seen[name][1].faults]

    def _known(self, name: str, kept: frozenset[str]) -> tuple[FeatureKey, ...]:
        """Return the keys of what a module makes so far, but of functions that it keeps as they are stored.

        They are read from the store where nobody has asked for them yet.
        """
        unasked = self._kept.get(name)
        if unasked is None or not unasked <= kept:

            def is_wanted(variant: str) -> bool:
                return variant not in kept and (unasked is None or variant in unasked)

            spans = self.timelines.stored.of(name, is_wanted)
            self.timelines.features.know(spans)
            declared = (key for key in self._inputs.get(name, ()) if is_wanted(key[2]))
            self._keys[name] = (*self._keys.get(name, ()), *(span.key for span in spans), *declared)
        self._kept[name] = kept
        return self._keys[name]

    def _change(self, position: int, name: str, linked: LinkedModule, records: ModuleRecords) -> None:
        """Let a module make what it makes from a position on, and note whose text is new in it."""
        features, inputs = self.timelines.features, self.timelines.inputs
        keys = self._known(name, linked.kept)
        before = {features.current[key].value.digest for key in keys if key in features.current}
        features.change(position, keys, records.features)
        inputs.change(position, keys, records.inputs)
        self._keys[name] = (*records.features, *records.inputs)
        if linked.kept:
            self._made.pop(name, None)
        else:
            self._made[name] = certain_names(records.features)
        began = [span for key in records.features if (span := features.current[key]).valid_from == position]
        new = [span for span in began if span.value.digest not in before]
        if new:
            self._new.setdefault(linked.module.path, []).extend(new)
        declared = (inputs.current[key] for key in records.inputs)
        digests = {span.value.digest for span in began}
        digests |= {held.value.digest for held in declared if held.valid_from == position}
        if digests:
            self.definitions |= {raw.digest: raw for raw in linked.raw if raw.digest in digests}


def _reads_alike(project: Project, other: Project) -> bool:
    """Tell whether the same modules are read in the same way under two project files."""
    return (project.dataflows, project.source_roots) == (other.dataflows, other.source_roots)


def _drivers(uses: Mapping[str, str | None] | None) -> Drivers | None:
    text = uses.get(_DRIVERS) if uses else None
    return drivers_from_text(text) if text else None


def _told(diagnostics: Iterable[Diagnostic]) -> dict[DiagnosticKey, None]:
    return {(clean(d.path), d.line, clean(d.message)): None for d in diagnostics}


def _matters(path: str) -> bool:
    return path in PROJECT_FILES or may_declare(path) or is_source(path)


def _whole(files: Mapping[str, TreeFile]) -> list[Change]:
    return [Change(path, file.mode, file.oid) for path, file in files.items() if _matters(path)]


def _move(files: dict[str, str], changes: Iterable[Change]) -> set[str]:
    """Bring the files to what changes say, and return the paths that differ now."""
    changed = set()
    for change in changes:
        before = files.get(change.path)
        if change.oid is not None:
            files[change.path] = change.oid
        else:
            files.pop(change.path, None)
        if before != change.oid:
            changed.add(change.path)
    return changed


def _keys_by_module(keys: Collection[FeatureKey]) -> dict[str, tuple[FeatureKey, ...]]:
    grouped: dict[str, list[FeatureKey]] = {}
    for key in keys:
        grouped.setdefault(key[0], []).append(key)
    return {module: tuple(members) for module, members in grouped.items()}
