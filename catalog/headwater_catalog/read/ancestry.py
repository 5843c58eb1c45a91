"""What a class of a source tree is made of: its bases, followed through the tree."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from headwater.values import Reference
from headwater_catalog.read.bindings import Class
from headwater_catalog.read.classes import RawClass
from headwater_catalog.read.enums import ENUMERATIONS, MIXINS, Kind
from headwater_catalog.read.modules import Module
from headwater_catalog.read.operations import NotKnown
from headwater_catalog.read.scope import Scope, Site

__all__ = ["Ancestor", "Ancestries", "Ancestry"]

_MOST_BASES: Final = 50

_HARMLESS: Final = frozenset(
    ("abc.ABC", "object", "typing.Generic", "typing_extensions.Generic", *ENUMERATIONS, *MIXINS)
)
"""Bases from outside the tree that leave the constants of a class as they are."""

_DATA_CLASS: Final = "dataclasses.dataclass"
_DECORATORS: Final = frozenset(
    (_DATA_CLASS, "enum.unique", "typing.final", "typing.runtime_checkable", "typing_extensions.final")
)
"""Decorators that leave the constants of a class as they are."""

_DATA_OPTIONS: Final = frozenset(
    ("eq", "frozen", "init", "kw_only", "match_args", "order", "repr", "unsafe_hash")
)
"""Options of data classes that do, too; `slots=True` takes their values away."""

_DESCRIPTORS: Final = frozenset(
    ("abstractmethod", "cached_property", "classmethod", "property", "staticmethod")
)


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A class of the tree that a class is made of."""

    site: Site
    bound: Class

    @property
    def raw(self) -> RawClass:
        """Return what it says."""
        return self.bound.raw


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What a class of the tree is made of.

    Attributes:
        classes: The classes of the tree, itself first, then its bases.
        outside: Dotted names of its other bases.
        is_line: Whether none of them has several bases of the tree.
    """

    classes: tuple[Ancestor, ...]
    outside: tuple[str, ...]
    is_line: bool

    @property
    def is_enumeration(self) -> bool:
        """Tell whether it is an enumeration."""
        return any(name in ENUMERATIONS for name in self.outside)

    def holder(self, name: str) -> Ancestor:
        """Return the class that gives it a constant.

        Raises:
            NotKnown: None does, or not for certain.
        """
        having = [each for each in self.classes if name in each.raw.names]
        if not having or name not in having[0].raw.constants:
            raise NotKnown(f"'{name}' of '{self.classes[0].raw.name}' is not looked into")
        for each in self.classes:
            if each.bound.doubt:
                raise NotKnown(f"'{name}' {each.bound.doubt}")
        if not self.is_line and len(having) > 1 and having[0] != self.classes[0]:
            raise NotKnown(f"more than one of the bases of '{self.classes[0].raw.name}' have '{name}'")
        return having[0]

    def kind(self) -> Kind:
        """Return what it is made of as an enumeration.

        Raises:
            NotKnown: Its code may have its own way with members.
        """
        own, *bases = self.classes
        for each in self.classes:
            if each.bound.doubt:
                raise NotKnown(f"a member of '{own.raw.name}' {each.bound.doubt}")
            _require_ordinary(each.raw)
        if any(base.raw.constants for base in bases):
            raise NotKnown(f"'{own.raw.name}' has constants of its bases")
        kinds = {ENUMERATIONS[name] for name in self.outside if name in ENUMERATIONS}
        mixins = {MIXINS[name] for name in self.outside if name in MIXINS}
        if len(kinds) != 1 or len(mixins) > 1:
            raise NotKnown(f"'{own.raw.name}' has more than one kind of members")
        [base] = kinds
        if issubclass(base, enum.Flag) and any("_missing_" in each.raw.names for each in self.classes):
            raise NotKnown(f"'_missing_' of '{own.raw.name}' may change what its members are")
        return Kind(base, next(iter(mixins), None), self._written(base))

    def _written(self, base: type[enum.Enum]) -> str:
        """Return the attribute that is the text of a member where the code says so."""
        having = [each.raw for each in self.classes if "__str__" in each.raw.methods]
        if not having:
            return ""
        decorators, returned = having[0].methods["__str__"]
        if decorators or returned not in ("name", "value") or base is not enum.Enum or not self.is_line:
            raise NotKnown("its members have their own way to be text")
        return returned


def _require_ordinary(raw: RawClass) -> None:
    """Refuse an enumeration whose code may change what its members are."""
    for name in raw.names:
        decorators = raw.methods[name][0] if name in raw.methods else ()
        is_method = name in raw.methods and set(decorators) <= _DESCRIPTORS
        is_special = name in ("name", "value") or (name.startswith("_") and name.endswith("_"))
        is_hidden = name.startswith("_") and name in raw.constants
        is_known = is_method or name in raw.constants
        if not is_known or is_hidden or (is_special and name not in ("__str__", "_missing_")):
            raise NotKnown(f"'{name}' of '{raw.name}' may change what its members are")


class Ancestries:
    """Finds out what the classes of one source tree are made of."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._found: dict[str, Ancestry | str | None] = {}

    def of(self, named: Reference) -> Ancestry | None:
        """Return what a class is made of; None where it is no class of the tree that is looked into.

        Raises:
            NotKnown: What one of its bases is, or what its decorators make of it, is not known.
        """
        if named.name not in self._found:
            self._found[named.name] = self._look(named)
        found = self._found[named.name]
        if isinstance(found, str):
            raise NotKnown(found)
        return found

    def _look(self, named: Reference) -> Ancestry | str | None:
        site = self._scope.site(named.name)
        if site is None or not isinstance(site.binding, Class):
            return None
        classes: dict[tuple[str, str], Ancestor] = {}
        outside: dict[str, None] = {}
        decorators: set[str] = set()
        pending, is_line = [Ancestor(site, site.binding)], True
        try:
            while pending:
                each = pending.pop(0)
                key = each.site.module.name, each.site.name
                if key in classes or len(classes) == _MOST_BASES:
                    return f"the bases of '{site.name}' meet again, or are too many"
                classes[key] = each
                decorators.update(self._decorators(each))
                bases = list(self._bases(each))
                inner = [base for base in bases if isinstance(base, Ancestor)]
                outside |= dict.fromkeys(base for base in bases if isinstance(base, str))
                is_line = is_line and len(inner) < 2
                pending += inner
        except NotKnown as unknown:
            return unknown.reason
        found = Ancestry(tuple(classes.values()), tuple(outside), is_line)
        is_odd = _DATA_CLASS in decorators and found.is_enumeration
        return f"'{site.name}' is a data class, too" if is_odd else found

    def _bases(self, of: Ancestor) -> Iterator[Ancestor | str]:
        for node in of.raw.bases:
            name = self._name(node.value if isinstance(node, ast.Subscript) else node, of.site.module)
            site = self._scope.site(name)
            if site is not None and isinstance(site.binding, Class):
                if "__init_subclass__" in site.binding.raw.names:
                    raise NotKnown(f"'{site.name}' has its own way with classes below it")
                yield Ancestor(site, site.binding)
            elif site is None and name in _HARMLESS:
                yield name
            else:
                raise NotKnown(f"what '{name}' makes of the class '{of.raw.name}' is not known")

    def _decorators(self, each: Ancestor) -> Iterator[str]:
        for decorator in each.raw.decorators:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = self._name(called, each.site.module)
            options = {k.arg for k in decorator.keywords} if isinstance(decorator, ast.Call) else set()
            if name not in _DECORATORS or not options <= _DATA_OPTIONS:
                raise NotKnown(f"what '@{name}' makes of the class '{each.raw.name}' is not known")
            yield name

    def _name(self, node: ast.expr, module: Module) -> str:
        found = self._scope.dotted(node, module)
        if not isinstance(found, Reference):
            raise NotKnown("a base or a decorator of it is not known")
        return found.name
