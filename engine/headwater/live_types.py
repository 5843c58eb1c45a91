"""The way back from the graph's types to Python's own, for people and code that ask for those."""

from __future__ import annotations

import sys
import typing
from typing import Any

from headwater.htypes import get_type_as_string, get_type_information
from headwater.types import ANY, UNION, Type, class_of

__all__ = ["live_type", "type_name"]


def live_type(type_: Type) -> Any:
    """Return the Python type that a type stands for.

    Where the code was only read, classes are found if their module is loaded; nothing is imported. What
    cannot be found is returned as text, as Python allows annotations to be.
    """
    if type_.live is not None:
        return type_.live
    if type_ == ANY:
        return Any
    if type_.name == "...":
        return ...
    if type_.name == UNION:
        return typing.Union[tuple(live_type(member) for member in type_.args)]  # noqa: UP007
    if type_.name == "typing.Literal":
        return _literal(type_)
    origin = class_of(type_) or _loaded(type_.name)
    if origin is None:
        return str(type_)
    return _subscripted(origin, type_) if type_.args else origin


def _literal(type_: Type) -> Any:
    import ast

    try:
        return typing.Literal[tuple(ast.literal_eval(argument.name) for argument in type_.args)]
    except (ValueError, SyntaxError):  # members of an enumeration
        return str(type_)


def _subscripted(origin: Any, type_: Type) -> Any:
    arguments = tuple(
        [live_type(inner) for inner in argument.args] if argument.name == "[]" else live_type(argument)
        for argument in type_.args
    )
    try:
        return origin[arguments]
    except TypeError:  # a class that this version of its package does not let be subscripted
        return str(type_)


def _loaded(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None) if module else None


def type_name(live: Any) -> str:
    """Return how a Python type reads in a drawing or an export: its bare name, as Hamilton writes it.

    Unions are written out, for their bare name says nothing.
    """
    plain, _ = get_type_information(live)
    if typing.get_origin(plain) is typing.Union:
        members = typing.get_args(plain)
        return " | ".join("None" if member is type(None) else type_name(member) for member in members)
    return get_type_as_string(plain)
