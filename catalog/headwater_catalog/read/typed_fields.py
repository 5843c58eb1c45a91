"""Classes of typed fields, and what they tell of the fields that a modifier extracts."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from headwater.errors import InvalidModifier, did_you_mean
from headwater.modifiers.fields import extract_fields
from headwater.types import Type
from headwater.values import Reference
from headwater_catalog.read.annotations import Annotations
from headwater_catalog.read.bindings import Class, Constant
from headwater_catalog.read.classes import RawClass
from headwater_catalog.read.modules import Module
from headwater_catalog.read.operations import NotKnown
from headwater_catalog.read.scope import Scope, Site

__all__ = ["TypedFields"]

_TYPED_DICT: Final = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})

_MARKS: Final = frozenset(
    f"{home}.{mark}"
    for home in ("typing", "typing_extensions")
    for mark in ("Annotated", "NotRequired", "ReadOnly", "Required")
)
"""What stands around the type of a field and does not belong to it."""


class TypedFields:
    """Reads the fields of the `TypedDict` classes of one source tree."""

    def __init__(self, scope: Scope, annotations: Annotations) -> None:
        self._scope = scope
        self._annotations = annotations

    def extracted(self, modifier: extract_fields, returned: Type) -> extract_fields:
        """Return the modifier with the types of its fields, where a `TypedDict` class tells them.

        Raises:
            InvalidModifier: The class has no such field.
        """
        whole = returned.args[0] if returned.name == "typing.Annotated" else returned
        declared = None if modifier.partial else self.fields(whole)
        if declared is None:
            return modifier
        wanted = modifier.types or modifier.names or declared
        for name in wanted:
            if name not in declared:
                raise InvalidModifier(
                    f"@extract_fields takes '{name}', which is no field of {whole}."
                    f"{did_you_mean(name, declared)}"
                )
        types = modifier.types or {name: declared[name] for name in wanted}
        return extract_fields(types, fill_with=modifier.fill_with)

    def fields(self, of: Type) -> dict[str, Type] | None:
        """Return the types of the fields of a class; None where it is no known `TypedDict`."""
        site = self._scope.site(of.name)
        try:
            return None if site is None else self._fields(site, set())
        except NotKnown:
            return None

    def _fields(self, site: Site, seen: set[Site]) -> dict[str, Type]:
        if site in seen:
            raise NotKnown("it is its own base")
        seen.add(site)
        match site.binding:
            case Constant(expression=ast.Call(func=maker, args=[_, ast.Dict() as fields])):
                self._require_typed_dict(maker, site.module)
                return self._typed(_by_name(fields), site.module)
            case Class(raw=RawClass(bases=bases, annotations=annotations) as raw) if raw.is_annotated_only:
                inherited = [self._of_base(base, site.module, seen) for base in bases]
                own = self._typed(annotations, site.module)
                return {name: type_ for fields in (*inherited, own) for name, type_ in fields.items()}
        raise NotKnown("it is another class")

    def _of_base(self, base: ast.expr, module: Module, seen: set[Site]) -> dict[str, Type]:
        found = self._annotations.found(base, module)
        if isinstance(found, Reference) and found.name in _TYPED_DICT:
            return {}
        site = self._scope.site(found.name) if isinstance(found, Reference) else None
        if site is None:
            raise NotKnown("a base class of it is not known")
        return self._fields(site, seen)

    def _require_typed_dict(self, maker: ast.expr, module: Module) -> None:
        found = self._annotations.found(maker, module)
        if not isinstance(found, Reference) or found.name not in _TYPED_DICT:
            raise NotKnown("it is made by another call")

    def _typed(self, annotations: Mapping[str, ast.expr], module: Module) -> dict[str, Type]:
        types: dict[str, Type] = {}
        for name, annotation in annotations.items():
            type_, reason = self._annotations.type(annotation, module)
            if reason:
                raise NotKnown(reason)
            types[name] = _unmarked(type_)
        return types


def _by_name(fields: ast.Dict) -> dict[str, ast.expr]:
    named: dict[str, ast.expr] = {}
    for key, value in zip(fields.keys, fields.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise NotKnown("its fields are not written out")
        named[key.value] = value
    return named


def _unmarked(of: Type) -> Type:
    if of.name in _MARKS and of.args:
        return _unmarked(of.args[0])
    return Type.named(of.name, *map(_unmarked, of.args)) if of.args else of
