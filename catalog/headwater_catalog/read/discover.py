"""Which modules of a source tree form dataflows: as declared, as drivers take them, else as they lie."""

from __future__ import annotations

import itertools
import json
import math
import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final

from headwater.errors import DefinitionError, did_you_mean
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.drivers import RawDriver
from headwater_catalog.read.evaluate import Evaluator
from headwater_catalog.read.modules import NOTEBOOK, Module
from headwater_catalog.read.names import SELF, Dotted
from headwater_catalog.read.operations import NotKnown
from headwater_catalog.read.parse import Content
from headwater_catalog.read.project import DataflowSpec, Project
from headwater_catalog.read.scope import Scope

__all__ = [
    "Driver",
    "Drivers",
    "Use",
    "ambiguity",
    "declared_dataflows",
    "driver_dataflows",
    "drivers_from_text",
    "drivers_of",
    "layout_dataflows",
    "text_of_drivers",
    "uses_of",
]

MAIN: Final = "main"
"""The dataflow of modules that are in no package and no folder."""

_LARGEST: Final = 2**53  # above, not every reader of JSON keeps integers as they are
_LONGEST_CONFIG: Final = 10_000
_MOST_TOLD: Final = 5
_NOWHERE: Final = Module("", "", Content(b""))
"""Where a configuration is evaluated: names of its file stand in it no more."""

_GENERIC: Final = frozenset({"driver", "drivers"})
"""Names of files that construct drivers which say nothing of what these are for."""

_DECLARE: Final = "Declare the dataflow in [tool.headwater.dataflows]"


# As declared


def declared_dataflows(
    project: Project, names: Collection[str]
) -> tuple[tuple[DataflowSpec, ...], list[Diagnostic]]:
    """Return the declared dataflows with their globs expanded to the modules that exist."""
    diagnostics: list[Diagnostic] = []
    dataflows = []
    for dataflow in project.dataflows:
        found: dict[str, None] = {}
        for pattern in dataflow.modules:
            matching = _matching(pattern, names)
            found.update(dict.fromkeys(matching))
            if not matching:
                message = (
                    f"The dataflow '{dataflow.name}' names the module '{pattern}', which does not exist."
                    f"{did_you_mean(pattern, names)}"
                )
                diagnostics.append(Diagnostic(project.path, project.lines.get(dataflow.name, 0), message))
        dataflows.append(replace(dataflow, modules=tuple(found)))
    return tuple(dataflows), diagnostics


def _matching(pattern: str, names: Collection[str]) -> list[str]:
    if pattern in names:
        return [pattern]
    if not any(sign in pattern for sign in "*?["):
        return []
    return sorted(name for name in names if fnmatchcase(name, pattern))


# As drivers take them


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver that a file constructs; it follows from the content of the file alone.

    Attributes:
        line: Where it is constructed.
        function: The function around it; empty at the top level.
        modules: The modules it is given, as they are imported.
        unknown: The text of what may be further modules.
        config: What is known of its configuration, as plain JSON values.
    """

    line: int
    function: str
    modules: tuple[Dotted, ...]
    unknown: tuple[str, ...]
    config: Mapping[str, Any]


Drivers = Mapping[str, tuple[Driver, ...]]
"""Drivers by the path of the file that constructs them."""


def drivers_of(content: Content) -> tuple[Driver, ...]:
    """Return the drivers that a file constructs."""
    return tuple(
        Driver(raw.line, raw.function, raw.modules, raw.unknown, _config(raw))
        for raw in content.parsed.drivers
    )


def text_of_drivers(drivers: Drivers) -> str:
    """Return drivers as a text that any store keeps."""
    plain = {
        path: [
            [d.line, d.function, [[m.name, m.level] for m in d.modules], d.unknown, d.config] for d in found
        ]
        for path, found in sorted(drivers.items())
    }
    return json.dumps(plain, separators=(",", ":"))


def drivers_from_text(text: str) -> Drivers:
    """Return the drivers that `text_of_drivers` made a text of."""
    return {
        path: tuple(
            Driver(line, function, tuple(Dotted(*m) for m in modules), tuple(unknown), config)
            for line, function, modules, unknown, config in found
        )
        for path, found in json.loads(text).items()
    }


def _config(raw: RawDriver) -> dict[str, Any]:
    """Return what is known of a configuration; keys whose values are not known are left open."""
    evaluator = Evaluator(Scope(lambda _: None), _only_values, _only_values)
    config: dict[str, Any] = {}
    for expression in raw.config:
        try:
            found = evaluator.evaluate(expression, _NOWHERE)
        except DefinitionError:
            found = None
        if not isinstance(found, dict):
            return {}  # it may set anything
        for key, value in found.items():
            config.pop(key, None)
            if isinstance(key, str) and _is_plain(value):
                config[key] = value
    return config if len(json.dumps(config)) <= _LONGEST_CONFIG else {}


def _only_values(*_: Any) -> Any:
    raise NotKnown("a configuration is made of values")


def _is_plain(value: Any) -> bool:
    """Tell whether a value is the same after it was JSON."""
    match value:
        case None | bool() | str():
            return True
        case int():
            return abs(value) <= _LARGEST
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_plain, value))
        case dict():
            return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return False


@dataclass(frozen=True, slots=True)
class Use:
    """A driver with the modules of the tree that it is given.

    Attributes:
        path: The file that constructs it.
        driver: What that says.
        modules: The modules that were found.
        missing: The imports that lead to none.
    """

    path: str
    driver: Driver
    modules: tuple[str, ...]
    missing: tuple[str, ...]


def uses_of(drivers: Drivers, modules: Mapping[str, Module], names: Mapping[str, str]) -> list[Use]:
    """Return the drivers of a source tree with their modules, in the order of paths and lines.

    Args:
        drivers: The drivers.
        modules: The modules by name.
        names: Their names by path.
    """
    uses = []
    for path in sorted(drivers):
        for driver in drivers[path]:
            found = {dotted: _found(dotted, path, names, modules) for dotted in driver.modules}
            missing = tuple(f"{'.' * d.level}{d.name}" for d, name in found.items() if name is None)
            named = dict.fromkeys(name for name in found.values() if name is not None)
            uses.append(Use(path, driver, tuple(named), missing))
    return uses


def _found(dotted: Dotted, path: str, names: Mapping[str, str], modules: Mapping[str, Module]) -> str | None:
    """Return the name of the module that an import in a file leads to.

    A script runs with its own folder on the path of imports, and often from a folder further out, so the
    nearest one counts. What is in none of them is imported from a source root.
    """
    if dotted == SELF:
        return names.get(path)
    place = dotted.name.replace(".", "/")
    for folder in _folders(path, dotted.level):
        for file in (f"{folder}{place}/__init__.py", f"{folder}{place}.py"):
            if file in names:
                return names[file]
    return dotted.name if not dotted.level and dotted.name in modules else None


def _folders(path: str, level: int) -> Iterator[str]:
    """Yield the folders that an import may start from, the nearest first, each with its last slash."""
    parts = [f"{part}/" for part in path.split("/")[:-1]]
    if not level:
        yield from ("".join(parts[:end]) for end in range(len(parts), -1, -1))
    elif level <= len(parts):
        yield "".join(parts[: len(parts) - level + 1])


def driver_dataflows(
    uses: Iterable[Use], taken: Collection[str]
) -> tuple[tuple[DataflowSpec, ...], list[Diagnostic]]:
    """Return a dataflow for each set of modules and configuration that drivers take, with what is not known.

    Args:
        uses: The drivers.
        taken: Names that dataflows have already.
    """
    groups: dict[tuple[frozenset[str], str], list[Use]] = {}
    diagnostics: list[Diagnostic] = []
    for use in uses:
        if use.modules:
            config = json.dumps(use.driver.config, sort_keys=True)
            groups.setdefault((frozenset(use.modules), config), []).append(use)
        else:
            diagnostics += _told(use, "")
    names = _names([places[0] for places in groups.values()], taken)
    dataflows = []
    for name, places in zip(names, groups.values(), strict=True):
        for use in places:
            diagnostics += _told(use, name)
        spec = DataflowSpec(
            name=name,
            modules=places[0].modules,
            config=places[0].driver.config,
            origin="driver",
            places=tuple(f"{use.path}:{use.driver.line}" for use in places),
        )
        dataflows.append(spec)
    return tuple(dataflows), diagnostics


def _told(use: Use, name: str) -> Iterator[Diagnostic]:
    has = f"dataflow '{name}' goes without" if name else "it makes no dataflow"
    if use.driver.unknown:
        why = f"Only running the code would tell all modules of this driver, so {has}"
        message = f"{why}: {_listed(use.driver.unknown)}. {_DECLARE} to have it whole."
        yield Diagnostic(use.path, use.driver.line, message)
    if use.missing:
        why = f"No module that could be imported from here is found for this driver, so {has}"
        message = f"{why}: {_listed(use.missing)}. {_DECLARE} if the repository has them."
        yield Diagnostic(use.path, use.driver.line, message)


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _MOST_TOLD} more" if len(texts) > _MOST_TOLD else ""
    return ", ".join(f"'{text}'" for text in texts[:_MOST_TOLD]) + more


def _names(uses: Sequence[Use], taken: Collection[str]) -> list[str]:
    """Return a name for each dataflow: that of the file that is the first to construct it."""
    bases = _bases(list(dict.fromkeys(use.path for use in uses)), taken)
    used = {*taken, *bases.values()}
    names: list[str] = []
    named: set[str] = set()
    for use in uses:
        base = bases[use.path]
        name = base if use.path not in named else _second(base, use.driver.function, used)
        named.add(use.path)
        used.add(name)
        names.append(name)
    return names


def _second(base: str, function: str, used: Collection[str]) -> str:
    numbered = (f"{base}-{number}" for number in itertools.count(2))
    options = itertools.chain([f"{base}:{function}"] if function else [], numbered)
    return next(name for name in options if name not in used)


def _bases(paths: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Return the name of each file, with as many of its folders as tell it from all others."""
    endings = {path: _endings(path) for path in paths}
    counts = Counter(ending for found in endings.values() for ending in found)
    free = {path: [e for e in found if counts[e] == 1 and e not in taken] for path, found in endings.items()}
    return {path: next(iter(found), path) for path, found in free.items()}


def _endings(path: str) -> list[str]:
    parts = path.removesuffix(".py").split("/")
    if len(parts) > 1 and parts[-1] in ("__init__", "__main__"):
        parts.pop()
    least = 2 if parts[-1] in _GENERIC else 1
    return [".".join(parts[-number:]) for number in range(min(least, len(parts)), len(parts) + 1)]


# As they lie


def layout_dataflows(
    modules: Mapping[str, Module], offering: Iterable[str], driven: Collection[str]
) -> tuple[DataflowSpec, ...]:
    """Return a dataflow for each package, or folder that is none, with features that no driver takes.

    It has the modules there that drivers take, too: a feature may need what is made in those.

    Args:
        modules: The modules of the tree by name.
        offering: Names of those with features that no driver takes.
        driven: Names of those that drivers take.
    """
    members: dict[str, set[str]] = {}
    for name in offering:
        members.setdefault(_scope(name, modules), set()).add(name)
    for name in driven:
        if (scope := _scope(name, modules)) in members:
            members[scope].add(name)
    return tuple(
        DataflowSpec(scope or MAIN, modules=tuple(sorted(members[scope])), origin="layout")
        for scope in sorted(members)
    )


def _scope(name: str, modules: Mapping[str, Module]) -> str:
    """Return the outermost package that a module is in, or its folder where that is no package.

    A notebook is a scope of its own: nothing can import it, and its cells need nothing beside them.
    """
    if modules[name].path.endswith(NOTEBOOK):
        return name
    scope = name if modules[name].is_package else name.rpartition(".")[0]
    while _is_package(scope, modules) and _is_package(outer := scope.rpartition(".")[0], modules):
        scope = outer
    return scope


def _is_package(name: str, modules: Mapping[str, Module]) -> bool:
    return name in modules and modules[name].is_package


def ambiguity(
    dataflow: DataflowSpec, made: Mapping[str, Collection[str]], paths: Mapping[str, str]
) -> Diagnostic | None:
    """Tell of names that several modules of a dataflow from the layout make; all of them answer there.

    Args:
        dataflow: A dataflow.
        made: Names of the features that each module makes in every configuration.
        paths: Paths of the modules.
    """
    makers: dict[str, list[str]] = {}
    if dataflow.origin == "layout":
        for module in dataflow.modules:
            for name in made.get(module, ()):
                makers.setdefault(name, []).append(module)
    several = [f"{name} ({', '.join(found)})" for name, found in sorted(makers.items()) if len(found) > 1]
    if not several:
        return None
    more = f" and {len(several) - _MOST_TOLD} more" if len(several) > _MOST_TOLD else ""
    message = (
        f"The dataflow '{dataflow.name}' follows from the layout of the folders, and several of its modules "
        f"make the same names, all of which count: {', '.join(several[:_MOST_TOLD])}{more}. Declare "
        "dataflows in [tool.headwater.dataflows] to tell them apart."
    )
    places = [posixpath.dirname(paths[module]) for module in dataflow.modules if module in paths]
    return Diagnostic(posixpath.commonpath(places) or ".", 0, message)
