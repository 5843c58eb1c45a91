"""Which files are modules, under which names, and which dataflows they form."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from headwater.errors import did_you_mean
from headwater.function import ParameterKind
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.parse import Content, ParsedModule
from headwater_catalog.read.project import DataflowSpec, Project

__all__ = [
    "Module",
    "declared_dataflows",
    "has_features",
    "is_candidate",
    "is_source",
    "layout_dataflows",
    "module_name",
    "modules_of",
    "offers_feature",
]

_FOREIGN = frozenset({"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "venv"})
_NOT_FEATURES = frozenset({"benchmarks", "docs", "migrations", "scripts", "test", "testing", "tests"})
_NOT_FEATURE_FILES = frozenset({"conftest.py", "noxfile.py", "run.py", "setup.py"})

MAIN = "main"
"""The dataflow of modules that are in no package."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module of a source tree: its dotted name, its file, and what that says."""

    name: str
    path: str
    content: Content

    @property
    def parsed(self) -> ParsedModule:
        """Return what its file says."""
        return self.content.parsed

    @property
    def meaning(self) -> str:
        """Return the hash of all that other modules can take from it, but what is in its functions."""
        return f"{self.parsed.meaning}/" if self.is_package else self.parsed.meaning

    @property
    def whole(self) -> str:
        """Return the hash of where it stands and of its whole content, which is not looked into for it."""
        place = f"{self.content.name} {self.path}"
        return hashlib.sha256(place.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_package(self) -> bool:
        """Tell whether relative imports start inside it."""
        return self.path.endswith("__init__.py")


@lru_cache(maxsize=65_536)
def is_source(path: str) -> bool:
    """Tell whether a path of a source tree is one that the reader may want."""
    *folders, name = path.split("/")
    foreign = any(folder in _FOREIGN or folder.startswith(".") for folder in folders)
    return name.endswith(".py") and not foreign and not name.startswith(".")


@lru_cache(maxsize=65_536)
def is_candidate(path: str) -> bool:
    """Tell whether a file may hold features though no dataflow names it: no test, script or manual."""
    *folders, name = path.split("/")
    return (
        is_source(path)
        and not any(folder in _NOT_FEATURES for folder in folders)
        and name not in _NOT_FEATURE_FILES
        and not name.startswith("test_")
        and not name.endswith("_test.py")
    )


@lru_cache(maxsize=65_536)  # a scan asks for the same paths at every commit
def module_name(path: str, source_roots: tuple[str, ...] = ("src",)) -> str | None:
    """Return the dotted name under which a file is imported; None where it cannot be.

    Args:
        path: Path of the file from the top of the tree.
        source_roots: Folders that importing starts from; the longest that fits counts.
    """
    fitting = [root for root in source_roots if path.startswith(f"{root}/")]
    parts = path.removeprefix(f"{max(fitting, key=len)}/" if fitting else "").removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    if not path.endswith(".py") or not parts or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts)


def modules_of(
    files: Mapping[str, Content], source_roots: Collection[str] = ()
) -> tuple[dict[str, Module], list[Diagnostic]]:
    """Return the modules of a source tree by name, and what is wrong with their places."""
    # `src` is the usual root; where it is a package itself, people import from `src.…`.
    roots = (*source_roots, *(() if "src/__init__.py" in files else ("src",)))
    modules: dict[str, Module] = {}
    diagnostics = []
    # A package goes before a module of the same name, as it does in Python.
    for path in sorted(files, key=lambda path: (not path.endswith("/__init__.py"), path)):
        name = module_name(path, roots)
        if name is None:
            continue
        if name in modules:
            taken = modules[name].path
            message = f"The module '{name}' is {taken} already, so this file is not read. Rename one of them."
            diagnostics.append(Diagnostic(path, 0, message))
        else:
            modules[name] = Module(name, path, files[path])
    return modules, diagnostics


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


def layout_dataflows(modules: Iterable[Module]) -> tuple[DataflowSpec, ...]:
    """Return one dataflow for each top-level package of modules with features, and one for loose modules."""
    members: dict[str, list[str]] = {}
    for module in modules:
        package, dot, _ = module.name.partition(".")
        members.setdefault(package if dot or module.is_package else MAIN, []).append(module.name)
    return tuple(
        DataflowSpec(name, modules=tuple(sorted(members[name])), origin="layout") for name in sorted(members)
    )


def has_features(module: Module) -> bool:
    """Tell whether a module that no dataflow names looks like one of features."""
    return is_candidate(module.path) and any(map(offers_feature, module.parsed.functions))


def offers_feature(function: RawFunction) -> bool:
    """Tell whether an undeclared function looks like a feature.

    It is fully annotated, makes a value, takes every parameter by name, and is no entry point and no test.
    """
    if function.name == "main" or function.name.startswith("test_"):
        return False
    makes_value = function.returns is not None and not _is_none(function.returns)
    by_name = (ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY)
    return makes_value and all(p.annotation is not None and p.kind in by_name for p in function.parameters)


def _is_none(annotation: ast.expr) -> bool:
    return isinstance(annotation, ast.Constant) and annotation.value is None
