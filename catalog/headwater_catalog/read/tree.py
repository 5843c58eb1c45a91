"""A whole source tree: its dataflows and the functions of their modules."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

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
from headwater_catalog.read.link import LinkedModule, Remembered, link, still_means
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

__all__ = ["LinkCache", "Reading", "directory_files", "read_directory", "read_texts", "read_tree"]

_MOST_READ = 32_000_000  # bytes of a file; it is known by then that it is too large for a source


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source tree says at one moment.

    Attributes:
        project: What its project file says.
        dataflows: Its dataflows, globs expanded to the modules that exist.
        modules: The modules of the dataflows by dotted name, with their feature functions.
        paths: The files of all modules of the dataflows, also of those that were left out.
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
    paths: frozenset[str]
    diagnostics: tuple[Diagnostic, ...]
    unchanged: Mapping[str, str] = field(default_factory=dict)
    drivers: Drivers | None = None


class LinkCache:
    """The modules of the last reading, taken again while they and what they use are unchanged."""

    def __init__(self) -> None:
        self._files: dict[str, Content] = {}
        self._source_roots: tuple[str, ...] = ()
        self._modules: dict[str, Module] = {}
        self._names: dict[str, str] = {}
        self._misplaced: list[Diagnostic] = []
        self._changed: set[str] = set()
        self._affected: set[str] = set()
        self._unsought: set[str] = set()
        self._drivers: dict[str, tuple[Driver, ...]] = {}
        self._uses: tuple[Drivers, list[Use]] | None = None
        self._flows: tuple[list[Use], set[str], _Flows] | None = None
        self._offers = _Answers(has_features)
        self._faults = _Answers(_faults)
        self._linked: dict[tuple[str, bool], _Linked] = {}
        self._users: dict[str, set[str]] = {}
        self._readings = 0
        self._remembered: set[str] = set()
        self._in_use: set[str] = set()

    def remember(
        self,
        files: Mapping[str, Content],
        project: Project,
        uses: Mapping[str, Mapping[str, str | None]],
        drivers: Drivers | None = None,
        faulty: Collection[str] = (),
    ) -> None:
        """Begin where an earlier process left off, without looking into any file.

        Args:
            files: The source tree as that process read it last.
            project: What its project file said.
            uses: What each module of its dataflows used, as `LinkedModule.uses` told.
            drivers: The drivers that its files constructed, as `Reading.drivers` told.
            faulty: Paths of files in which something was wrong, so that they are read as a whole again.
        """
        modules, _ = self.modules(files, project.source_roots)
        self._remembered, self._in_use = set(modules), set(uses)
        driven: Collection[str] = ()
        if drivers is not None:
            self._drivers, self._unsought = dict(drivers), set()
            driven = {name for use in uses_of(drivers, modules, self._names) for name in use.modules}
        for name, module in modules.items():
            if name not in driven:  # whether it would be one without its driver, nobody has asked
                self._offers.tell(name, name in uses)
            if name in uses:
                is_meant = bool(project.dataflows) or name in driven
                linked = _Linked(module, uses[name], reading=self._readings)
                linked.is_clean = module.path not in faulty
                self._keep(name, is_meant, linked)

    def forget(self) -> None:
        """Look into everything again that is only remembered."""
        self._drivers, self._unsought = {}, set(self._files)
        self._offers.reopen(self._remembered, self._modules)
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
        known = self._files
        edited = [
            path
            for path, content in files.items()
            if (last := known.get(path)) is not content and last != content
        ]
        before, self._modules = self._modules, dict(self._modules)
        if files.keys() == known.keys() and self._source_roots == source_roots:
            names = [self._names[path] for path in edited if path in self._names]
            self._modules.update({n: replace(before[n], content=files[before[n].path]) for n in names})
            self._changed = set(names)
        else:
            self._place(files, source_roots)
            now = self._modules
            self._changed = {n for n in before.keys() | now.keys() if before.get(n) is not now.get(n)}
        self._files = dict(files)
        self._unsought.update(edited)
        self._affected = self._changed.union(*(self._users.get(name, ()) for name in self._changed))
        self._offers.reopen(self._changed, self._modules)
        self._faults.reopen(self._changed, self._modules)
        self._remembered -= self._changed  # what comes back after a change is looked into like anything new
        return self._modules, self._misplaced

    def _place(self, files: Mapping[str, Content], source_roots: tuple[str, ...]) -> None:
        """Give the files their names anew, which hang on all of their paths."""
        before = self._modules
        placed, self._misplaced = modules_of(files, source_roots)
        self._modules = {n: known if (known := before.get(n)) == m else m for n, m in placed.items()}
        self._names = {module.path: name for name, module in placed.items()}
        self._source_roots, self._uses = source_roots, None

    def drivers(self) -> Drivers:
        """Return the drivers that the files of the source tree construct."""
        found = {path: drivers for path, drivers in self._drivers.items() if path in self._files}
        for path in self._unsought.intersection(self._files):
            found.pop(path, None)
            drivers = () if is_test(path) else drivers_of(self._files[path])
            if drivers:
                found[path] = drivers
        self._drivers, self._unsought = found, set()
        return found

    def uses(self, drivers: Drivers) -> list[Use]:
        """Return the drivers with their modules; those follow from the places of all files."""
        if self._uses is None or self._uses[0] != drivers:
            self._uses = drivers, uses_of(drivers, self._modules, self._names)
        return self._uses[1]

    def flows(self) -> _Flows:
        """Return the dataflows where the project declares none; mostly they are the very same as before."""
        drivers = self.drivers()
        uses = self.uses(drivers)
        driven = {name for use in uses for name in use.modules}
        # What stands in a script beside its drivers is there to serve it, unless a driver takes the script.
        scripts = {path for path, found in drivers.items() if not any(driver.unknown for driver in found)}
        passed_over = driven.union(self._names[path] for path in scripts if path in self._names)
        offering = set(self._offers.of(self._modules, passed_over))
        known = self._flows
        if known is None or known[0] is not uses or known[1] != offering:
            known = self._flows = uses, offering, _found(self._modules, uses, offering, driven, drivers)
        return known[2]

    def faults(self, but: Collection[str]) -> Iterator[Diagnostic]:
        """Yield what is wrong in modules that may have features, but some."""
        for found in self._faults.of(self._modules, but).values():
            yield from found

    def get(self, name: str, declared: bool) -> LinkedModule | None:
        """Return a module with its feature functions, linked anew where something it says has changed.

        Returns:
            The module; None where it is remembered and nothing has changed.
        """
        module = self._modules[name]
        known = self._linked.get((module.path, declared))
        if known is not None and known.holds_less and known.reading != self._readings - 1:
            known = None  # nobody has kept the rest of it meanwhile
        is_new = known is not None and known.features is None and name not in self._remembered
        if known is None or is_new or not self._is_current(name, known, module):
            linked = link(module, self._modules.get, known.earlier if known else None)
            known = _Linked(module, linked.uses, linked, _features(linked, declared))
            self._keep(name, declared, known)
            self._remembered.discard(name)
        known.reading = self._readings
        return known.features

    def _keep(self, name: str, declared: bool, linked: _Linked) -> None:
        self._linked[linked.module.path, declared] = linked
        for used in linked.uses:
            self._users.setdefault(used, set()).add(name)

    def _is_current(self, name: str, known: _Linked, module: Module) -> bool:
        is_followed = known.reading == self._readings - 1  # what has changed since then is known
        if is_followed and name not in self._affected:
            return True
        if known.module is not module and known.module != module:
            return False
        uses = [each for each in self._changed if each in known.uses] if is_followed else known.uses
        return all(still_means(known.uses[each], self._modules.get(each)) for each in uses)


A = TypeVar("A")


class _Answers(Generic[A]):
    """What modules answer to a question, asked once of each where it matters."""

    def __init__(self, ask: Callable[[Module], A]) -> None:
        self._ask = ask
        self._told: dict[str, A] = {}
        self._open: set[str] = set()

    def reopen(self, names: Iterable[str], modules: Collection[str]) -> None:
        """Forget what some modules have answered; those that are not there are not asked again."""
        for name in names:
            self._told.pop(name, None)
            self._open.discard(name)
            if name in modules:
                self._open.add(name)

    def tell(self, name: str, answer: A) -> None:
        """Note an answer; those that say nothing are not kept."""
        self._open.discard(name)
        if answer:
            self._told[name] = answer

    def of(self, modules: Mapping[str, Module], but: Collection[str]) -> dict[str, A]:
        """Return the answers of all modules but some, which are not asked, where they say anything."""
        for name in [name for name in self._open if name not in but]:
            self.tell(name, self._ask(modules[name]))
        return {name: answer for name, answer in self._told.items() if name not in but}


def _faults(module: Module) -> tuple[Diagnostic, ...]:
    # A broken file shows no features, so that no layout takes it in; it must be told all the same.
    if not is_candidate(module.path):
        return ()
    return tuple(diagnostic.at(module.path) for diagnostic in module.parsed.diagnostics)


@dataclass(slots=True)
class _Linked:
    """What is known of a module; how it was linked is not, where it is only remembered."""

    module: Module
    uses: Mapping[str, str | None]
    linked: LinkedModule | None = None
    features: LinkedModule | None = None
    reading: int = 0
    is_clean: bool = False

    @property
    def holds_less(self) -> bool:
        """Whether some of it is only in the store."""
        return self.linked is None or bool(self.linked.kept)

    @property
    def earlier(self) -> LinkedModule | Remembered | None:
        """What may be taken from here when it is linked again."""
        return self.linked or (Remembered(self.module, self.uses) if self.is_clean else None)


def read_tree(
    files: Mapping[str, Content],
    project: Project,
    link_cache: LinkCache | None = None,
    only: Container[str] | None = None,
) -> Reading:
    """Read one state of a source tree.

    Where the project declares no dataflow, drivers in the code make them, and for modules that no driver
    takes the layout of packages and folders.

    Args:
        files: The Python files by path (with "/"); those that no feature needs are not looked into.
        project: What the project file says.
        link_cache: Kept by the caller between readings of similar trees; unchanged modules come back as the
            very same objects, so that `is` tells what has to be looked at again.
        only: Paths of the modules whose features are wanted; None for all. What is said of the whole tree is
            the same.
    """
    cache = link_cache or LinkCache()
    modules, misplaced = cache.modules(files, project.source_roots)
    flows = _declared(project, modules) if project.dataflows else cache.flows()
    used = dict.fromkeys(name for dataflow in flows.dataflows for name in dataflow.modules)
    wanted = (name for name in used if only is None or modules[name].path in only)
    found = ((name, cache.get(name, name in flows.meant)) for name in wanted)
    linked = {name: module for name, module in found if module is not None}
    cache.use_only(used)
    unchanged = cache.unchanged
    diagnostics = [*project.diagnostics, *misplaced, *flows.diagnostics]
    for module in linked.values():
        diagnostics += module.diagnostics
    if not project.dataflows:
        diagnostics += cache.faults({*used, *unchanged})
    told = tuple(sorted(set(diagnostics)))
    paths = frozenset(modules[name].path for name in used)
    return Reading(project, flows.dataflows, linked, paths, told, unchanged, flows.drivers)


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
    modules: Mapping[str, Module],
    uses: list[Use],
    offering: Iterable[str],
    driven: Collection[str],
    drivers: Drivers,
) -> _Flows:
    laid_out = layout_dataflows(modules, offering, driven)
    taken, unknown = driver_dataflows(uses, {dataflow.name for dataflow in laid_out})
    dataflows = sorted((*taken, *laid_out), key=lambda dataflow: dataflow.name)
    return _Flows(tuple(dataflows), driven, unknown, drivers)


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
    return read_texts(directory_files(directory))


def read_texts(texts: Mapping[str, bytes]) -> Reading:
    """Read a source tree by the content of its Python files and its project files, by path."""
    files = {path: Content(text) for path, text in texts.items() if is_source(path)}
    return read_tree(files, read_project(*map(texts.get, PROJECT_FILES)))


def directory_files(directory: Path) -> dict[str, bytes]:
    """Return the Python files of a working tree, and its project files, by path; links are not followed.

    Raises:
        OSError: The directory or a file in it cannot be read.
    """
    paths = (*_python_files(directory), *(name for name in PROJECT_FILES if _is_plain(directory / name)))
    return {path: _beginning(directory / path) for path in paths}


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
