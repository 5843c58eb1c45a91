"""Enumerations made anew from the names and values of their members, which the source alone tells."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

from headwater_catalog.read.operations import NotKnown

__all__ = ["ENUMERATIONS", "MIXINS", "MOST_MEMBERS", "Kind", "attribute", "made", "next_value"]

MOST_MEMBERS: Final = 1_000
"""Members above which an enumeration is not looked into."""

ENUMERATIONS: Final[Mapping[str, type[enum.Enum]]] = {
    f"enum.{kind.__name__}": kind
    for kind in (enum.Enum, enum.Flag, enum.IntEnum, enum.IntFlag, enum.ReprEnum, enum.StrEnum)
}
"""The classes of Python's own that make an enumeration of a class, by their dotted names."""

MIXINS: Final[Mapping[str, type]] = {kind.__name__: kind for kind in (float, int, str)}
"""Types whose values members may be at the same time."""

_PLAIN: Final = (bool, bytes, complex, enum.Enum, float, int, str, type(None), type(...))
_FULL: Final = (dict, frozenset, list, set, tuple)


class _ByValue(enum.Enum):
    """An enumeration whose members are written as their values."""

    def __str__(self) -> str:
        return str(self.value)


class _ByName(enum.Enum):
    """An enumeration whose members are written as their names alone."""

    def __str__(self) -> str:
        return str(self.name)


_WRITTEN: Final = {"value": _ByValue, "name": _ByName}


@dataclass(frozen=True, slots=True)
class Kind:
    """What an enumeration is made of.

    Attributes:
        base: Python's own class.
        mixin: The type whose values its members are, too; None where there is none.
        written: The attribute that is the text of a member; empty where that is what Python says.
    """

    base: type[enum.Enum]
    mixin: type | None = None
    written: str = ""


# While somebody has a member, the same enumeration gives the same members, so that they are equal.
_MADE: Final[WeakValueDictionary[tuple[str, str, Kind, str], type[enum.Enum]]] = WeakValueDictionary()


def made(module: str, name: str, kind: Kind, values: Mapping[str, Any]) -> type[enum.Enum]:
    """Return the enumeration that a class of a source tree is, aliases included.

    Args:
        module: The module of the class.
        name: Its name.
        kind: What it is made of.
        values: The values of its members by name, in order.

    Raises:
        NotKnown: No members can be made of them, or not with certainty.
    """
    if not values:
        raise NotKnown("it has no members")
    for member, value in values.items():
        _require_plain(member, value, kind)
    key = (module, name, kind, repr(values))
    found = _MADE.get(key)
    if found is None:
        found = _MADE[key] = _new(module, name, kind, values)
    return found


def _new(module: str, name: str, kind: Kind, values: Mapping[str, Any]) -> type[enum.Enum]:
    base = _WRITTEN.get(kind.written, kind.base)
    try:
        # What mypy takes for a look-up of a member makes a class.
        made: Any = base(name, list(values.items()), module=module, qualname=name, type=kind.mixin)  # type: ignore
    except (TypeError, ValueError, AttributeError) as error:
        raise NotKnown(f"making it fails: {str(error)[:200]}") from error
    enumeration: type[enum.Enum] = made
    return enumeration


def _require_plain(member: str, value: Any, kind: Kind) -> None:
    """Refuse a value that Python may make something else of."""
    exact = kind.mixin or (str if issubclass(kind.base, str) else int if _is_number(kind.base) else None)
    is_negative = issubclass(kind.base, enum.Flag) and isinstance(value, int) and value < 0
    if not _is_plain(value) or (exact is not None and type(value) is not exact) or is_negative:
        raise NotKnown(f"the value of its member '{member}' may become another one")


def _is_number(base: type[enum.Enum]) -> bool:
    return issubclass(base, (int, enum.Flag))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, (*value, *value.values())))
    return all(map(_is_plain, value)) if isinstance(value, _FULL) else isinstance(value, _PLAIN)


def next_value(kind: Kind, name: str, values: Sequence[Any]) -> Any:
    """Return what `enum.auto()` is for a member, below those of some values.

    Raises:
        NotKnown: That is another value from one Python to the next.
    """
    if issubclass(kind.base, enum.StrEnum):
        return name.lower()
    if kind.mixin not in (None, int) or not all(type(value) is int for value in values):
        raise NotKnown(f"what 'auto()' is for its member '{name}' is only known by running")
    highest = max(values, default=0)
    if issubclass(kind.base, enum.Flag):
        return 1 << highest.bit_length()
    if values and values[-1] != highest:
        raise NotKnown(f"what 'auto()' is for its member '{name}' depends on the version of Python")
    return highest + 1 if values else 1


def attribute(member: enum.Enum, name: str) -> Any:
    """Return an attribute of a member.

    Raises:
        NotKnown: It is neither its name nor its value.
    """
    if name in ("name", "_name_"):
        return member.name
    if name in ("value", "_value_"):
        return member.value
    raise NotKnown(f"'{name}' of a member of an enumeration is not looked into")
