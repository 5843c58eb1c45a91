"""Nodes that pass a value on under a name of their own: the value of another node, or a literal."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

from headwater.function import Function, ModuleRecord
from headwater.node import Argument
from headwater.types import ANY, Type, accepts
from headwater.values import Reference, Unevaluated

__all__ = ["literal_type", "same", "wanted_type"]


def same(value: Any) -> Any:
    """Return the value."""
    return value


def literal_type(value: Any) -> Type:
    """Return the type of a literal; it may be anything where source does not tell."""
    if isinstance(value, (Unevaluated, Reference)):
        return ANY
    if isinstance(value, Function):
        return Type.of(FunctionType)
    return Type.of(ModuleType if isinstance(value, ModuleRecord) else type(value))


def wanted_type(readers: Iterable[Argument]) -> Type | None:
    """Return the type of a value that all of its readers accept; None where it has no reader.

    The last reader tells, as in Hamilton, unless another one asks for less.
    """
    types = [argument.type for argument in readers]
    if not types:
        return None
    chosen = types.pop()
    for type_ in types:
        if accepts(type_, chosen) is False and accepts(chosen, type_) is not False:
            chosen = type_
    return chosen
