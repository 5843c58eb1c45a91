"""What the loaders and savers that come with the engine have in common."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Collection
from enum import Enum
from typing import Any, ClassVar, Final

from headwater.materialize.adapters import AdapterCommon, DataLoader, DataSaver, any_of, loads, saves
from headwater.types import ANY, Type, class_of

__all__ = ["UNSET", "BuiltInLoader", "BuiltInSaver", "Unset", "options"]


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final[Any] = Unset.UNSET
"""The default of an argument that is handed on only where it was given, since None may mean something."""


class _BuiltIn(AdapterCommon):
    """Knows the types it applies to by their names, so that nothing is imported to build a graph."""

    key: ClassVar[str]
    types: ClassVar[tuple[str, ...]]

    @classmethod
    def name(cls) -> str:
        """Return the key of the format."""
        return cls.key

    @classmethod
    def applicable_types(cls) -> Collection[Any]:
        """Return the types that it applies to; this imports the packages they are in."""
        return [_imported(name) for name in cls.types]

    @classmethod
    def takes_anything(cls) -> bool:
        """Tell whether it can be used where no other applies."""
        return ANY.name in cls.types

    @classmethod
    def _known_types(cls) -> list[Type]:
        return [Type(name, live=_loaded(name)) for name in cls.types]


class BuiltInLoader(_BuiltIn, DataLoader):
    """A loader that comes with the engine."""

    @classmethod
    def fits(cls, type_: Type) -> bool | None:
        """Tell whether what it loads can be handed to a parameter of a type; None where that is not known."""
        return any_of(loads(type_, made) for made in cls._known_types())


class BuiltInSaver(_BuiltIn, DataSaver):
    """A saver that comes with the engine."""

    @classmethod
    def fits(cls, type_: Type) -> bool | None:
        """Tell whether it can save a value of a type; None where that is not known."""
        return saves(cls._known_types(), type_)


def _imported(name: str) -> Any:
    found = class_of(Type(name))
    if found is not None:
        return found
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _loaded(name: str) -> Any:
    # Where the package was not imported, no live type can be one of its classes or derived from them.
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None) if module else None


def options(
    adapter: Any, function: Callable[..., Any], *besides: str, renamed: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the arguments of an adapter that were given, under the names that a function takes them.

    An argument that the installed version of a package no longer takes is left out and told.

    Args:
        adapter: A loader or saver.
        function: What it calls.
        *besides: Arguments that are handed over in another way.
        renamed: Names in the function, by the argument's name here; for versions that lack that one.
    """
    taken = inspect.signature(function).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    found = {}
    for field in dataclasses.fields(adapter):
        given = getattr(adapter, field.name)
        if given is UNSET or field.name in besides:
            continue
        name = field.name if field.name in taken else (renamed or {}).get(field.name, field.name)
        if name in taken or takes_any:
            found[name] = given
        else:
            _tell_untaken(adapter, field.name, function)
    return found


def _tell_untaken(adapter: Any, name: str, function: Callable[..., Any]) -> None:
    logging.getLogger("headwater.materialize").warning(
        "%s: the installed version of '%s' takes no argument '%s'; it is left out.",
        type(adapter).__name__,
        getattr(function, "__name__", function),
        name,
    )
