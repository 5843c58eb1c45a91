"""Whether a value is of the type that an annotation names."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.shapes import summary
from headwater.types import UNION, Type, class_of

__all__ = ["is_instance", "misfit"]


def is_instance(value: Any, wanted: Type) -> bool | None:
    """Tell whether a value is of a type; None always is, as in Hamilton, but not as an element.

    Every element of a list, set, tuple or dictionary is looked at, not only the first.

    Returns:
        True or False, and None where the type is not one that a value can be asked about.
    """
    return True if value is None else _fits(value, wanted)


def _fits(value: Any, wanted: Type) -> bool | None:
    if wanted.name in ("typing.Any", "object"):
        return True
    if wanted.name == UNION:
        return _all_or_any([_fits(value, member) for member in wanted.args], any)
    if wanted.name == "typing.Annotated":
        return _fits(value, wanted.args[0])
    if wanted.name == "typing.Literal":
        return any(arg.name == repr(value) for arg in wanted.args)
    if isinstance(wanted.live, typing.NewType):
        return _fits(value, Type.of(wanted.live.__supertype__))
    class_ = class_of(wanted)
    if class_ is None:
        return None
    try:
        fits = isinstance(value, class_)
    except TypeError:  # protocols that are not runtime_checkable answer no questions
        return None
    return _elements(value, wanted) if fits and wanted.args else fits


def misfit(value: Any, wanted: Type) -> str:
    """Say what a value is that is not of a type, and which of its elements is the first that does not fit."""
    if wanted.name == "typing.Annotated":
        return misfit(value, wanted.args[0])
    if is_instance(value, Type(wanted.name, live=wanted.live)):
        for part, index, item, type_ in _parts(value, wanted):
            if _fits(item, type_) is False:
                return f"{summary(value)}, where {part} {index} is {summary(item)}"
    return summary(value)


def _elements(value: Any, wanted: Type) -> bool | None:
    if _has_places(wanted) and len(value) != len(wanted.args):
        return False
    return _all_or_any([_fits(item, type_) for _, _, item, type_ in _parts(value, wanted)], all)


def _parts(value: Any, wanted: Type) -> Iterator[tuple[str, int, Any, Type]]:
    """Yield the elements of a collection: what each is, which one, the element and the type it must have."""
    args = wanted.args
    if wanted.name == UNION or not args:
        return
    if isinstance(value, Mapping) and len(args) == 2:
        for index, (key, item) in enumerate(value.items()):
            yield "key", index, key, args[0]
            yield "value", index, item, args[1]
    elif _has_places(wanted):
        for index, (item, type_) in enumerate(zip(value, args, strict=False)):
            yield "item", index, item, type_
    elif isinstance(value, (list, tuple, set, frozenset)) and (len(args) == 1 or wanted.name == "tuple"):
        for index, item in enumerate(value):
            yield "item", index, item, args[0]


def _has_places(wanted: Type) -> bool:
    """Tell whether each element has a type of its own, as in `tuple[int, str]`."""
    return wanted.name == "tuple" and not (len(wanted.args) == 2 and wanted.args[1].name == "...")


def _all_or_any(
    verdicts: list[bool | None], combine: typing.Callable[[typing.Iterable[object]], bool]
) -> bool | None:
    certain = [verdict for verdict in verdicts if verdict is not None]
    decided = combine(certain)
    settles = combine is any
    return decided if decided is settles or len(certain) == len(verdicts) else None
