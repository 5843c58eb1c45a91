"""A whole source tree: its dataflows and the functions of their modules."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from headwater.modifiers import hamilton_exclude
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.discover import (
    Driver,
    Drivers,
    Use,
    declared_dataflows,
    driver_dataflows,
    drivers_of,
    layout_dataflows,
    uses_of,
)
from headwater_catalog.read.link import LinkedModule, link, still_means
from headwater_catalog.read.modules import (
    Module,
    has_features,
    is_candidate,
    is_source,
    is_test,
    modules_of,
    offers_feature,
)
from headwater_catalog.read.notebooks import in_cell
from headwater_catalog.read.parse import Content
from headwater_catalog.read.project import PROJECT_FILES, DataflowSpec, Project, read_project

__all__ = ["LinkCache", "Reading", "read_directory", "read_tree"]

_MOST_READ = 32_000_000  # bytes of a file; it is known by then that it is too large for a source


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source tree says at one moment.

    Attributes:
        project: What its project file says.
        dataflows: Its dataflows, globs expanded to the modules that exist.
        modules: The modules of the dataflows by dotted name, with their feature functions.
        diagnostics: What could not be read as meant, in order of path and line.
        unchanged: Modules, with their paths, that the link cache remembers from an earlier process and that
            were not looked into: what was known of them then, diagnostics included, still holds. None of
            them is in `modules`, whether a dataflow has it or not.
        drivers: The drivers that its files construct; None where the project declares dataflows, so that
            nobody looked.
    """

    project: Project
    dataflows: tuple[DataflowSpec, ...]
    modules: Mapping[str, LinkedModule]
    diagnostics: tuple[Diagnostic, ...]
    unchanged: Mapping[str, str] = field(default_factory=dict)
    drivers: Drivers | None = None


class LinkCache:
    """The modules of the last reading, taken again while they and what they use are unchanged."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}
        self._misplaced: list[Diagnostic] = []
        self._paths: frozenset[str] = frozenset()
        self._source_roots: tuple[str, ...] = ()
        self._changed: set[str] = set()
        self._offers: dict[str, tuple[Module, bool]] = {}
        self._drivers: dict[str, tuple[Content, tuple[Driver, ...]]] = {}
        self._uses: tuple[Drivers, list[Use]] | None = None
        self._linked: dict[tuple[str, bool], _Linked] = {}
        self._readings = 0
        self._remembered: set[str] = set()
        self._in_use: set[str] = set()

    def remember(
        self,
        files: Mapping[str, Content],
        project: Project,
        uses: Mapping[str, Mapping[str, str | None]],
        drivers: Drivers | None = None,
    ) -> None:
        """Begin where an earlier process left off, without looking into any file.

        Args:
            files: The source tree as that process read it last.
            project: What its project file said.
            uses: What each module of its dataflows used, as `LinkedModule.uses` told.
            drivers: The drivers that its files constructed, as `Reading.drivers` told.
        """
        modules, _ = self.modules(files, project.source_roots)
        self._remembered, self._in_use = set(modules), set(uses)
        driven: Collection[str] = ()
        if drivers is not None:
            self._drivers = {
                path: (files[path], drivers.get(path, ())) for path in files if not is_test(path)
            }
            driven = {name for use in uses_of(drivers, modules) for name in use.modules}
        for name, module in modules.items():
            if name not in driven:  # whether it would be one without its driver, nobody has asked
                self._offers[name] = module, name in uses
            if name in uses:
                key = module.path, bool(project.dataflows) or name in driven
                self._linked[key] = _Linked(module, uses[name], reading=self._readings)

    def forget(self) -> None:
        """Look into everything again that is only remembered."""
        self._drivers = {}
        for name in self._remembered:
            self._offers.pop(name, None)
        self._linked = {key: known for key, known in self._linked.items() if known.features is not None}
        self._remembered = set()

    def use_only(self, names: Collection[str]) -> None:
        """Let go of what is remembered of modules that were in use and are not among some names any more."""
        self._remembered -= self._in_use.difference(names)

    @property
    def unchanged(self) -> dict[str, str]:
        """The modules that were not looked into since they were remembered, with their paths."""
        return {name: self._modules[name].path for name in sorted(self._remembered)}

    def modules(
        self, files: Mapping[str, Content], source_roots: tuple[str, ...]
    ) -> tuple[Mapping[str, Module], list[Diagnostic]]:
        """Return the modules of the next source tree by name, and what is wrong with their places."""
        self._readings += 1
        before = self._modules
        if self._paths == files.keys() and self._source_roots == source_roots:
            now = {n: m if m.content == files[m.path] else _renewed(m, files) for n, m in before.items()}
        else:
            self._paths, self._source_roots, self._uses = frozenset(files), source_roots, None
            placed, self._misplaced = modules_of(files, source_roots)
            now = {n: known if (known := before.get(n)) == m else m for n, m in placed.items()}
        self._changed = {n for n in before.keys() | now.keys() if before.get(n) is not now.get(n)}
        self._remembered -= self._changed  # what comes back after a change is looked into like anything new
        self._modules = now
        return now, self._misplaced

    def drivers(self, files: Mapping[str, Content]) -> Drivers:
        """Return the drivers that the files of the source tree construct."""
        for path in self._drivers.keys() - files:
            del self._drivers[path]
        for path, content in files.items():
            known = self._drivers.get(path)
            if (known is None or known[0] != content) and not is_test(path):
                self._drivers[path] = content, drivers_of(content)
        return {path: drivers for path, (_, drivers) in self._drivers.items() if drivers}

    def uses(self, drivers: Drivers) -> list[Use]:
        """Return the drivers with their modules; those follow from the places of all files."""
        if self._uses is None or self._uses[0] != drivers:
            self._uses = drivers, uses_of(drivers, self._modules)
        return self._uses[1]

    def offering(self, driven: Collection[str], scripts: Collection[str]) -> list[str]:
        """Return the modules that look like ones of features, but those that drivers have and scripts."""
        for name in self._offers.keys() - self._modules:
            del self._offers[name]
        found = []
        for name, module in self._modules.items():
            if name in driven or module.path in scripts:
                continue
            known = self._offers.get(name)
            if known is None or known[0] is not module:
                known = self._offers[name] = module, has_features(module)
            if known[1]:
                found.append(name)
        return found

    def get(self, name: str, declared: bool) -> LinkedModule | None:
        """Return a module with its feature functions, linked anew where something it says has changed.

        Returns:
            The module; None where it is remembered and nothing has changed.
        """
        module = self._modules[name]
        known = self._linked.get((module.path, declared))
        if known is not None and known.features is None and name not in self._remembered:
            known = None
        if known is None or not self._is_current(known, module):
            linked = link(module, self._modules.get, known.linked if known else None)
            known = _Linked(module, linked.uses, linked, _features(linked, declared))
            self._linked[module.path, declared] = known
            self._remembered.discard(name)
        known.reading = self._readings
        return known.features

    def _is_current(self, known: _Linked, module: Module) -> bool:
        if known.module != module:
            return False
        uses: Collection[str] = known.uses
        if known.reading == self._readings - 1:  # what has changed since then is known
            uses = self._changed.intersection(uses)
        return all(still_means(known.uses[name], self._modules.get(name)) for name in uses)


@dataclass(slots=True)
class _Linked:
    """What is known of a module; how it was linked is not, where it is only remembered."""

    module: Module
    uses: Mapping[str, str | None]
    linked: LinkedModule | None = None
    features: LinkedModule | None = None
    reading: int = 0


def _renewed(module: Module, files: Mapping[str, Content]) -> Module:
    return replace(module, content=files[module.path])


def read_tree(files: Mapping[str, Content], project: Project, link_cache: LinkCache | None = None) -> Reading:
    """Read one state of a source tree.

    Where the project declares no dataflow, drivers in the code make them, and for modules that no driver
    takes the layout of packages and folders.

    Args:
        files: The Python files by path (with "/"); those that no feature needs are not looked into.
        project: What the project file says.
        link_cache: Kept by the caller between readings of similar trees; unchanged modules come back as the
            very same objects, so that `is` tells what has to be looked at again.
    """
    cache = link_cache or LinkCache()
    modules, misplaced = cache.modules(files, project.source_roots)
    flows = _declared(project, modules) if project.dataflows else _found(files, project, modules, cache)
    used = dict.fromkeys(name for dataflow in flows.dataflows for name in dataflow.modules)
    found = ((name, cache.get(name, name in flows.meant)) for name in used)
    linked = {name: module for name, module in found if module is not None}
    cache.use_only(used)
    unchanged = cache.unchanged
    diagnostics = [*project.diagnostics, *misplaced, *flows.diagnostics]
    for module in linked.values():
        diagnostics += module.diagnostics
    if not project.dataflows:
        diagnostics += _unread(modules, {*used, *unchanged})
    told = tuple(sorted(set(diagnostics)))
    return Reading(project, flows.dataflows, linked, told, unchanged, flows.drivers)


@dataclass(frozen=True, slots=True)
class _Flows:
    """The dataflows of a source tree.

    Attributes:
        dataflows: The dataflows.
        meant: The modules that somebody took for ones of features by name.
        diagnostics: What is not known of them.
        drivers: The drivers that were looked for; None where none were.
    """

    dataflows: tuple[DataflowSpec, ...]
    meant: Collection[str]
    diagnostics: Sequence[Diagnostic]
    drivers: Drivers | None = None


def _declared(project: Project, modules: Mapping[str, Module]) -> _Flows:
    dataflows, unknown = declared_dataflows(project, modules)
    return _Flows(dataflows, modules, unknown)


def _found(
    files: Mapping[str, Content], project: Project, modules: Mapping[str, Module], cache: LinkCache
) -> _Flows:
    drivers = cache.drivers(files)
    uses = cache.uses(drivers)
    driven = {name for use in uses for name in use.modules}
    # What stands in a script beside its drivers is there to serve it, unless a driver takes the script, too.
    scripts = {path for path, found in drivers.items() if not any(driver.unknown for driver in found)}
    laid_out = layout_dataflows(modules, cache.offering(driven, scripts), driven)
    taken, unknown = driver_dataflows(uses, {dataflow.name for dataflow in laid_out})
    dataflows = sorted((*taken, *laid_out), key=lambda dataflow: dataflow.name)
    return _Flows(tuple(dataflows), driven, unknown, drivers)


def _unread(modules: Mapping[str, Module], known: Collection[str]) -> Iterator[Diagnostic]:
    # A broken file shows no features, so that no layout takes it in; it must be told all the same.
    for name, module in modules.items():
        if name not in known and is_candidate(module.path):
            yield from (diagnostic.at(module.path) for diagnostic in module.parsed.diagnostics)


def _features(linked: LinkedModule, declared: bool) -> LinkedModule:
    """Leave out the functions that are no features; in a declared module an unannotated one is a fault."""
    kept = []
    faults = []
    for pair in zip(linked.functions, linked.raw, strict=True):
        function, raw = pair
        missing = [f"parameter '{p.name}'" for p in function.parameters if p.type is None]
        missing += ["the result"] if function.returns is None else []
        if not missing and (declared or offers_feature(raw, linked.module)):
            kept.append(pair)
        elif declared and not any(isinstance(modifier, hamilton_exclude) for modifier in function.modifiers):
            message = (
                f"'{raw.name}' is left out: {', '.join(missing)} has no type. Annotate it, or begin the name "
                "with an underscore if it is no feature."
            )
            fault = Diagnostic(linked.module.path, raw.def_line, message)
            faults.append(in_cell(fault, linked.module.parsed.cells))
    return replace(
        linked,
        functions=tuple(function for function, _ in kept),
        raw=tuple(raw for _, raw in kept),
        diagnostics=(*linked.diagnostics, *faults),
    )


def read_directory(directory: Path) -> Reading:
    """Read a working tree as it lies on disk; links are not followed.

    Raises:
        OSError: The directory or a file in it cannot be read.
    """
    files = {path: Content(_beginning(directory / path)) for path in _python_files(directory)}
    texts = [directory / name for name in PROJECT_FILES]
    return read_tree(files, read_project(*(_beginning(text) if _is_plain(text) else None for text in texts)))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_READ)


def _is_plain(path: Path) -> bool:
    """Tell whether a path is a file, no link and no pipe."""
    return not path.is_symlink() and path.is_file()


def _python_files(directory: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(directory):
        place = Path(folder).relative_to(directory)
        # Whole folders that hold nothing of ours are not even listed.
        wanted = (name for name in folders if is_source((place / name / "_.py").as_posix()))
        # A folder with a `.git` is another repository, such as a submodule.
        folders[:] = sorted(name for name in wanted if not os.path.lexists(Path(folder, name, ".git")))
        for name in sorted(names):
            path = (place / name).as_posix()
            if is_source(path) and _is_plain(directory / path):
                yield path
