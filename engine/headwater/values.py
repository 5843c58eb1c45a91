"""Values of modifier arguments that are known only from source text, beside the live ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from itertools import chain
from types import NoneType
from typing import Any, Final

__all__ = ["MISSING", "Missing", "Reference", "Unevaluated", "describe", "unevaluated_in"]


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""Stands where there is no value, since None is one."""


@dataclass(frozen=True, slots=True)
class Unevaluated:
    """An expression that cannot be known without running code: its source text, and why.

    Attributes:
        text: The expression as it stands in the source.
        reason: Why it was not evaluated, as a clause ("'LIMITS' is made by a call").
        line: Line in its file, counted from 1; 0 where unknown.
    """

    text: str
    reason: str
    line: int = 0

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Reference:
    """A function, class or module known by its dotted name, as `numpy.float64`, and not imported."""

    name: str

    def __str__(self) -> str:
        return self.name


def describe(value: Any) -> str:
    """Return how a value reads in a tag or a sentence, equal for live objects and for references."""
    if isinstance(value, str):
        return str.__str__(value)  # of a member of an enumeration the text itself, too
    if isinstance(value, Unevaluated):
        return str(value)
    if isinstance(value, Reference) or callable(value):
        from headwater.types import canonical_name, public_name

        return canonical_name(value.name) if isinstance(value, Reference) else public_name(value)
    return repr(value)


_PLAIN: Final = frozenset({bool, bytes, float, int, NoneType, str})
"""What most values are, and what nothing is inside of."""


def unevaluated_in(value: Any, whole: tuple[type, ...] = ()) -> Iterator[Unevaluated]:
    """Yield every unevaluated expression inside a value, through collections and dataclasses.

    Args:
        value: Where to look.
        whole: Classes whose instances are not looked into.
    """
    if isinstance(value, Unevaluated):
        yield value
    elif not isinstance(value, whole):
        for part in _parts(value):
            if type(part) not in _PLAIN:
                yield from unevaluated_in(part, whole)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return chain.from_iterable(value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, part.name) for part in fields(value)]
    return ()
