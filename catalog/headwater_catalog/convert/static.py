"""Texts, numbers and lists that an expression certainly is."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from headwater_catalog.convert.values import NO_LITERAL, Frame, Value

__all__ = ["static_value"]


def static_value(node: ast.AST, get: Callable[[str], Frame | Value | None]) -> Any:
    """Return the text, number or list that an expression certainly is; `NO_LITERAL` where it is not known."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            found = get(name)
            return found.literal if isinstance(found, Value) else NO_LITERAL
        case ast.List(elts=items) | ast.Tuple(elts=items):
            parts = [static_value(item, get) for item in items]
            return NO_LITERAL if any(part is NO_LITERAL for part in parts) else parts
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = static_value(left, get), static_value(right, get)
            both_text = isinstance(one, str) and isinstance(other, str)
            return one + other if both_text else NO_LITERAL
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _formatted(static_value(left, get), static_value(right, get))
        case ast.Call(func=ast.Name(id="str"), args=[only], keywords=[]):
            value = static_value(only, get)
            return str(value) if isinstance(value, (str, int)) else NO_LITERAL
        case ast.JoinedStr(values=parts):
            return _joined(parts, get)
    return NO_LITERAL


def _formatted(pattern: Any, value: Any) -> Any:
    given = tuple(value) if isinstance(value, list) else value
    if not isinstance(pattern, str) or not isinstance(given, (str, int, float, tuple)):
        return NO_LITERAL
    try:
        return pattern % given
    except (TypeError, ValueError):
        return NO_LITERAL


def _joined(parts: list[ast.expr], get: Callable[[str], Frame | Value | None]) -> Any:
    texts: list[str] = []
    for part in parts:
        if isinstance(part, ast.FormattedValue):
            if part.conversion != -1 or part.format_spec is not None:
                return NO_LITERAL
            part = part.value
        value = static_value(part, get)
        if not isinstance(value, (str, int)):
            return NO_LITERAL
        texts.append(str(value))
    return "".join(texts)
