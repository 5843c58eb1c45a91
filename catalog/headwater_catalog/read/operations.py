"""Operators and pure built-ins on plain values, bounded so that hostile source cannot hang or fill memory."""

from __future__ import annotations

import ast
import enum
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from headwater.values import Reference, Unevaluated

__all__ = [
    "MAX_SIZE",
    "NotKnown",
    "binary",
    "bounded",
    "builtin",
    "compare",
    "formatted",
    "is_builtin",
    "member",
    "method",
    "part",
    "settled",
    "size",
    "unary",
]

MAX_SIZE: Final = 10_000
"""Elements that a value may hold, nested ones included; ten characters of text count as one element."""

_MAX_BITS: Final = 10_000


class NotKnown(Exception):
    """An expression whose value only running the code would tell; `reason` is a clause."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_BINARY: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_UNARY: Final[Mapping[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}


def bounded(value: Any) -> Any:
    """Return a value that is small enough.

    Raises:
        NotKnown: It is too large.
    """
    if size(value) > MAX_SIZE:
        raise NotKnown(f"it is larger than {MAX_SIZE:,} elements")
    return value


def size(value: Any, limit: int = MAX_SIZE) -> int:
    """Return how many elements a value holds; counting stops above the limit."""
    if isinstance(value, (str, bytes)):
        return 1 + len(value) // 10
    if isinstance(value, enum.Enum) and not isinstance(value, int):
        return size(value.value, limit)
    if isinstance(value, int):
        return 1 if value.bit_length() <= _MAX_BITS else limit + 1
    if isinstance(value, range):
        return len(value)
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        return 1
    total = 1 + len(value)
    for item in (*value, *value.values()) if isinstance(value, dict) else value:
        total += size(item, limit - total) - 1
        if total > limit:
            break
    return total


def settled(value: Any) -> Any:
    """Return a value that is fully known, without references or unevaluated parts.

    Raises:
        NotKnown: Some of it is not known.
    """
    if isinstance(value, Unevaluated):
        raise NotKnown(f"'{value.text}' is not known: {value.reason}")
    if isinstance(value, Reference):
        raise NotKnown(f"'{value.name}' is known by its name only")
    if isinstance(value, dict):
        for key, item in value.items():
            settled(key)
            settled(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            settled(item)
    return value


def _tried(compute: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return bounded(compute(*args, **kwargs))
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise NotKnown(f"computing it fails: {str(error)[:200]}") from error


def binary(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """Return the result of a binary operator.

    Raises:
        NotKnown: It cannot be computed, or would be too large.
    """
    compute = _BINARY.get(kind)
    if compute is None or (kind is ast.Mod and isinstance(left, (str, bytes))):
        raise NotKnown("this operator is not evaluated")
    if kind is ast.Mult:
        _refuse_long_repetition(left, right)
    if kind in (ast.Pow, ast.LShift) and isinstance(left, int) and isinstance(right, int):
        bits = right * left.bit_length() if kind is ast.Pow else right
        if bits > _MAX_BITS:
            raise NotKnown("the number is too large")
    return _tried(compute, left, right)


def _refuse_long_repetition(left: Any, right: Any) -> None:
    for many, count in ((left, right), (right, left)):
        repeats = isinstance(many, (str, bytes, list, tuple)) and isinstance(count, int)
        if repeats and size(many) * count > MAX_SIZE:
            raise NotKnown(f"it is larger than {MAX_SIZE:,} elements")


def unary(kind: type[ast.unaryop], value: Any) -> Any:
    """Return the result of a unary operator."""
    return _tried(_UNARY[kind], value)


def compare(kind: type[ast.cmpop], left: Any, right: Any) -> Any:
    """Return the result of a comparison."""
    if kind in (ast.Is, ast.IsNot) and None not in (left, right):
        raise NotKnown("identity of objects is only known by running")
    return _tried(_COMPARE[kind], left, right)


def part(value: Any, key: Any) -> Any:
    """Return a part of a sequence or a mapping."""
    try:
        return value[key]
    except (LookupError, TypeError, ValueError) as error:
        raise NotKnown(f"it has no such part: {str(error)[:200]}") from error


def member(of: type[enum.Enum], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the member of an enumeration that a call of it with a value gives."""
    if len(args) != 1 or kwargs:
        raise NotKnown(f"it is made by a call of '{of.__name__}'")
    return _tried(of, settled(args[0]))


def formatted(value: Any, conversion: int, spec: str) -> str:
    """Return a piece of an f-string."""
    if not isinstance(value, (str, int, float, complex, bool, enum.Enum, type(None))):
        raise NotKnown("only text and numbers are put into f-strings")
    if re.search(r"\d{4}", spec):
        raise NotKnown("its width is too large")
    if conversion in (ord("r"), ord("a")):
        value = _tried(repr if conversion == ord("r") else ascii, value)
    elif conversion == ord("s"):
        value = _tried(str, value)
    text: str = _tried(format, value, spec)
    return text


def _ordered(values: Any) -> list[Any]:
    """Return the elements of a value in their order; a set has none that running would repeat."""
    if isinstance(values, (set, frozenset)) and len(values) > 1:
        raise NotKnown("the order of a set is only known by running; use sorted(...)")
    return list(values)


def _text(value: Any = "") -> str:
    return formatted(value, -1, "")


def _dict(values: Any = (), /, **more: Any) -> dict[Any, Any]:
    return {**(values if isinstance(values, dict) else dict(_ordered(values))), **more}


_BUILTINS: Final[Mapping[str, Callable[..., Any]]] = {
    "abs": abs,
    "bool": bool,
    "dict": _dict,
    "enumerate": lambda values, start=0: list(enumerate(_ordered(values), start)),
    "float": float,
    "frozenset": lambda values=(): frozenset(values),
    "int": int,
    "len": len,
    "list": lambda values=(): _ordered(values),
    "max": max,
    "min": min,
    "range": range,
    "reversed": lambda values: _ordered(values)[::-1],
    "round": round,
    "set": lambda values=(): set(values),
    "sorted": lambda values, reverse=False: sorted(values, reverse=reverse),
    "str": _text,
    "sum": lambda values: sum(number for number in values if _number(number)),
    "tuple": lambda values=(): tuple(_ordered(values)),
    "zip": lambda *groups: list(zip(*map(_ordered, groups), strict=False)),
}
_KEEP_UNKNOWN_PARTS: Final = frozenset({"dict", "list", "tuple"})


def _number(value: Any) -> bool:
    if not isinstance(value, (int, float)):
        raise NotKnown("only numbers are added up")
    return True


def is_builtin(name: str) -> bool:
    """Tell whether a built-in function is evaluated."""
    return name in _BUILTINS


def builtin(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return what a pure built-in function makes of plain values."""
    if name not in _KEEP_UNKNOWN_PARTS:
        settled([*args, dict(kwargs)])
    elif any(isinstance(arg, (Unevaluated, Reference)) for arg in args):
        settled(list(args))
    return _tried(_BUILTINS[name], *args, **kwargs)


_METHODS: Final[Mapping[tuple[type, str], Callable[..., Any]]] = {
    (dict, "get"): dict.get,
    (dict, "items"): lambda value: list(value.items()),
    (dict, "keys"): lambda value: list(value),
    (dict, "values"): lambda value: list(value.values()),
    (str, "join"): lambda value, parts: _joined(value, parts),
    (str, "lower"): str.lower,
    (str, "split"): str.split,
    (str, "strip"): str.strip,
    (str, "title"): str.title,
    (str, "upper"): str.upper,
}


def _joined(separator: str, parts: Any) -> str:
    texts = _ordered(parts)
    _refuse_long_repetition(separator, len(texts))
    return separator.join(texts)


def method(value: Any, name: str, args: Sequence[Any]) -> Any:
    """Return what a pure method of a text or a dictionary makes."""
    known = _METHODS.get((type(value), name))
    if known is None:
        raise NotKnown(f"it is made by a call of '{name}'")
    settled([value, *args])
    return _tried(known, value, *args)
