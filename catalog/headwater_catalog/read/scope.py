"""What a name in a module of a source tree means, followed through its imports."""

from __future__ import annotations

import ast
import builtins
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import headwater
from headwater import modifiers
from headwater.modifiers import PUBLIC_MODULES
from headwater.values import Reference
from headwater_catalog.read.bindings import Constant, Definition, Import, Opaque
from headwater_catalog.read.modules import Module

__all__ = ["Found", "Resolve", "Scope", "Site", "Unknown", "Value", "public_modifier"]

Resolve = Callable[[str], Module | None]
"""Gives the module of a dotted name, or None where the source tree has none."""

_MOST_PLACES: Final = 200
"""In how many places a name is looked for."""

_Seen = set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Value:
    """A constant.

    Attributes:
        module: The module it stands in.
        name: Its name there.
        expression: Its expression.
        lag: How many lines too far up that says that it stands.
    """

    module: Module
    name: str
    expression: ast.expr
    lag: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that the text does not settle, and the reason as a clause."""

    reason: str


Found = Value | Reference | Unknown

_EXPORTS: Final = {
    "typing": frozenset(typing.__all__),
    "headwater": frozenset(headwater.__all__),
    **{
        home: frozenset(modifiers.__all__)
        for home in PUBLIC_MODULES
        if home.startswith(("hamilton.function_modifiers", "headwater.modifiers"))
    },
}
"""What `from ... import *` gives, for the modules where that is known."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place where a name is made: the module, the name there, and what it stands for."""

    module: Module
    name: str
    binding: Constant | Definition | Opaque


class Scope:
    """Follows names through one source tree, and notes which modules it has looked into.

    A name ends at a constant, at something known by its dotted name (what is imported from outside
    the tree, a module, a function or class of the tree), or nowhere.
    """

    def __init__(self, resolve: Resolve) -> None:
        self.resolve = resolve
        self._seen: dict[str, Module | None] = {}
        self._taken: set[str] = set()
        self._names: dict[tuple[str, str], Found] = {}
        self._attributes: dict[tuple[str, str], Found] = {}

    @property
    def uses(self) -> dict[str, str | None]:
        """Names of the modules looked into, with what they mean."""
        return {
            name: None if found is None else found.whole if name in self._taken else found.meaning
            for name, found in self._seen.items()
        }

    def take(self, module: Module) -> None:
        """Note that what is in the functions of a module was looked into."""
        self._seen[module.name] = module
        self._taken.add(module.name)

    def module(self, name: str) -> Module | None:
        """Return a module of the tree by its dotted name; modules of modifiers are the engine's."""
        if name in PUBLIC_MODULES:
            return None  # also in the repository of Hamilton itself
        if name not in self._seen:
            self._seen[name] = self.resolve(name)
        return self._seen[name]

    def name(self, name: str, module: Module) -> Found:
        """Return what a bare name in the code of a module means."""
        key = module.name, name
        if key not in self._names:
            found = self._find(module, name)
            is_builtin = found is None and hasattr(builtins, name) and not name.startswith("_")
            self._names[key] = Reference(name) if is_builtin else self._settled(found, name, module)
        return self._names[key]

    def dotted(self, node: ast.expr, module: Module) -> Found | None:
        """Return what a name with dots in it means in the code of a module; None where it is no name."""
        if isinstance(node, ast.Name):
            return self.name(node.id, module)
        if not isinstance(node, ast.Attribute):
            return None
        owner = self.dotted(node.value, module)
        if isinstance(owner, Value):
            return Unknown(f"'{owner.name}.{node.attr}' is an attribute of a value")
        return self.attribute(owner, node.attr) if isinstance(owner, Reference) else owner

    def attribute(self, of: Reference, name: str) -> Found:
        """Return what `of.name` means."""
        key = of.name, name
        if key not in self._attributes:
            self._attributes[key] = self._attribute(of, name)
        return self._attributes[key]

    def _attribute(self, of: Reference, name: str) -> Found:
        module = self.module(of.name)
        if module is not None:
            return self._settled(self._find(module, name), name, module)
        home, _, owner = of.name.rpartition(".")
        if home and (inside := self.module(home)) and owner in inside.parsed.bindings:
            return Unknown(f"'{name}' of '{of.name}' is not looked into")
        return Reference(f"{of.name}.{name}")

    def site(self, dotted: str) -> Site | None:
        """Return where a dotted name is made in the tree; None where it is a module or comes from outside."""
        home, _, name = dotted.rpartition(".")
        module = self.module(home) if home else None
        found = self._find(module, name) if module else None
        return found if isinstance(found, Site) else None

    def starred(self, module: Module) -> list[Module]:
        """Return the modules of the tree of which a module imports all public names."""
        sources = [self._source(module, *star) for star in module.parsed.stars]
        found = [self.module(source) for source in sources if source]
        return [source for source in found if source is not None]

    def public_name(self, module: Module, name: str) -> str:
        """Return a definition's dotted name by the shortest package that exports it, as live code has."""
        for package in _packages(module.name):
            exporter = self.module(package)
            found = self._find(exporter, name) if exporter else None
            if isinstance(found, Site) and (found.module, found.name) == (module, name):
                return f"{package}.{name}"
        return f"{module.name}.{name}"

    def _settled(self, found: Site | Reference | Unknown | None, name: str, module: Module) -> Found:
        if found is None:
            return Unknown(f"'{name}' is not defined in {module.name}")
        if not isinstance(found, Site):
            return found
        match found.binding:
            case Constant(expression=expression, lag=lag):
                return Value(found.module, found.name, expression, lag)
            case Definition():
                return Reference(self.public_name(found.module, found.name))
        return Unknown(f"'{found.name}' {found.binding.reason}")

    def _find(
        self, module: Module, name: str, seen: _Seen | None = None
    ) -> Site | Reference | Unknown | None:
        """Follow imports to the place where a name of a module is made, or out of the tree."""
        seen = set() if seen is None else seen
        if (module.name, name) in seen or len(seen) == _MOST_PLACES:
            return Unknown(f"'{name}' is imported in a circle")
        seen.add((module.name, name))
        binding = module.parsed.bindings.get(name)
        if isinstance(binding, Import):
            return self._imported(module, binding, seen)
        if binding is not None:
            return Site(module, name, binding)
        found = self._starred(module, name, seen) if module.parsed.stars else None
        inner = f"{module.name}.{name}"
        if found is None and (inner in PUBLIC_MODULES or self.module(inner) is not None):
            return Reference(inner)
        return found

    def _imported(self, module: Module, binding: Import, seen: _Seen) -> Site | Reference | Unknown:
        source = self._source(module, binding.module, binding.level)
        if source is None:
            return Unknown(f"'{binding.name}' is imported from beyond the top package")
        if binding.name is None:
            return Reference(source)
        target = self.module(source)
        if target is None or target == module:  # `from . import spend` in a package means its submodule
            return Reference(f"{source}.{binding.name}")
        return self._find(target, binding.name, seen) or Unknown(
            f"'{binding.name}' is not defined in {source}"
        )

    def _source(self, module: Module, imported: str, level: int) -> str | None:
        """Return the dotted name of what a module imports; None beyond the top package.

        A script runs with its own folder on the path of imports: what the roots of the tree do not have may
        stand beside it.
        """
        source = _absolute(module, imported, level)
        beside = "" if level or module.is_package else module.name.rpartition(".")[0]
        if source is None or not beside or _is_known(source) or self.module(source) is not None:
            return source
        near = self.module(f"{beside}.{source}")
        return source if near is None or _imports(near, source) else near.name

    def _starred(self, module: Module, name: str, seen: _Seen) -> Site | Reference | Unknown | None:
        outside = []
        for source in (self._source(module, *star) for star in reversed(module.parsed.stars)):
            target = self.module(source) if source else None
            if target is None:
                outside.append(source)
            elif not name.startswith("_") and (target.name, name) not in seen:
                found = self._find(target, name, seen)
                if found is not None:
                    return found
        giving = [source for source in outside if source and name in _EXPORTS.get(source, (name,))]
        if giving and (giving[0] in _EXPORTS or (len(giving) == 1 and not hasattr(builtins, name))):
            # The last one is known to give it, or it is defined nowhere else, so that running code could
            # only find it there.
            return Reference(f"{giving[0]}.{name}")
        return Unknown(f"'{name}' may come from an 'import *'") if giving else None


@lru_cache(maxsize=4_096)
def public_modifier(dotted: str) -> str | None:
    """Return the name of a modifier or of what belongs to modifiers, below the public module it is in."""
    home = max((m for m in PUBLIC_MODULES if dotted.startswith(f"{m}.")), key=len, default=None)
    return dotted.removeprefix(f"{home}.") if home else None


def _absolute(module: Module, imported: str, level: int) -> str | None:
    """Return the dotted name of an imported module; None beyond the top package."""
    if not level:
        return imported
    parts = module.name.split(".")
    keep = len(parts) - level + (1 if module.is_package else 0)
    if keep <= 0:
        return None
    return ".".join(parts[:keep] + ([imported] if imported else []))


_KNOWN: Final = sys.stdlib_module_names | {"hamilton", "headwater"}


def _is_known(dotted: str) -> bool:
    return dotted.partition(".")[0] in _KNOWN


def _imports(module: Module, dotted: str) -> bool:
    """Tell whether a module imports what has its own name: it is named after a package from elsewhere."""
    top = dotted.partition(".")[0]
    imports = (bound for bound in module.parsed.bindings.values() if isinstance(bound, Import))
    return any(not bound.level and bound.module.partition(".")[0] == top for bound in imports)


def _packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    for end in range(1, len(parts)):
        yield ".".join(parts[:end])
