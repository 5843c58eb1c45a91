"""The normal form of Python code: tokens that say what it does, the same in every Python that can read it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["SCHEME", "decorators_that_count", "digest", "normal_form", "tokens"]

SCHEME: Final = "headwater-code-1"
"""Name of the normal form; a change to the form must change the name, so that hashes never mix."""

# What says nothing about meaning, or is empty or absent in some Python versions.
_IGNORED_FIELDS: Final = frozenset({"ctx", "kind", "type_comment", "type_ignores"})

# Decorators that only describe. They go by name, since the form belongs to the text of one definition
# and must not depend on the imports around it.
_DESCRIBING: Final = frozenset({"tag", "tag_outputs"})


def digest(form: Iterable[str]) -> str:
    """Return the hash of a normal form."""
    # Every token ends in a zero byte, so that no two forms join to one text.
    text = "\x00".join(["", *form, ""])[1:]
    return hashlib.sha256(f"{SCHEME}{text}".encode("utf-8", "surrogatepass")).hexdigest()


def normal_form(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the tokens of what a function does: parameters, defaults, body, and modifiers but tags.

    Its own name, its docstring and the annotations in its signature are left out.
    """
    found = ["async" if isinstance(function, ast.AsyncFunctionDef) else "def"]
    found += tokens(_signature(function.args))
    found += tokens(decorators_that_count(function))
    found += tokens(_without_docstring(function.body))
    return found


def decorators_that_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """Return the decorators of a function but those that only describe it."""
    return [d for d in function.decorator_list if _last_name(d) not in _DESCRIBING]


def tokens(root: Any) -> list[str]:
    """Return the tokens of syntax trees, constants, and lists of them; layout and docstrings do not count."""
    found: list[str] = []
    # A stack instead of recursion: a chain of a thousand operators is deeper than Python's own stack.
    stack = [root]
    while stack:
        item = stack.pop()
        kind = item.__class__
        if kind is _Token:
            found.append(item)
        elif kind is ast.Name:
            found += ("(Name", "id=", f"str:{item.id}", ")")
        elif kind is ast.Constant:
            found.append(_constant(item.value))
        elif isinstance(item, ast.AST):
            found.append(f"({kind.__name__}")
            stack.append(_CLOSE)
            _stack_fields(item, kind, stack)
        elif kind is list or kind is tuple:
            found.append("[")
            stack.append(_CLOSE_LIST)
            stack += item[::-1]
        else:
            found.append(_constant(item))
    return found


class _Token(str):
    """A piece of the normal form that is already text."""

    __slots__ = ()


_CLOSE, _CLOSE_LIST = _Token(")"), _Token("]")
_WITH_SPECIAL_FIELDS = frozenset({ast.JoinedStr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_fields: dict[type[ast.AST], tuple[tuple[str, _Token], ...]] = {}
"""Names of the fields that count, last first, of each class of nodes met so far."""


def _signature(arguments: ast.arguments) -> list[Any]:
    # Annotations are left out; each default stays with its parameter's place.
    names = [
        [argument.arg for argument in group]
        for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
    ]
    variadic = [argument.arg if argument else None for argument in (arguments.vararg, arguments.kwarg)]
    return [names, variadic, arguments.defaults, arguments.kw_defaults]


def _stack_fields(node: ast.AST, kind: type[ast.AST], stack: list[Any]) -> None:
    """Push what a node holds, each field below its name, so that the first is popped first."""
    names = _fields.get(kind)
    if names is None:
        counted = [name for name in kind._fields if name not in _IGNORED_FIELDS]
        names = _fields[kind] = tuple((name, _Token(f"{name}=")) for name in reversed(counted))
    is_special = kind in _WITH_SPECIAL_FIELDS
    for name, token in names:
        value = _field(node, name) if is_special else getattr(node, name, None)
        # Fields that newer Pythons add are empty where the syntax is not used.
        if value is not None and value != []:
            stack.append(value)
            stack.append(token)


def _field(node: ast.AST, name: str) -> Any:
    """Return what counts of a field of an f-string or a definition."""
    value = getattr(node, name, None)
    if isinstance(node, ast.JoinedStr):
        return _joined(value or [])
    return _without_docstring(value or []) if name == "body" else value


def _joined(values: list[ast.expr]) -> list[Any]:
    """Return the parts of an f-string with neighbouring texts joined: Pythons cut them differently."""
    parts: list[Any] = []
    for value in values:
        inner = _joined(value.values) if isinstance(value, ast.JoinedStr) else [value]
        for part in inner:
            text = part.value if isinstance(part, ast.Constant) else part
            if isinstance(text, str) and parts and isinstance(parts[-1], str):
                parts[-1] += text
            elif text != "":
                parts.append(text)
    return parts


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:] if isinstance(first.value.value, str) else body
    return body


def _constant(value: Any) -> str:
    # Whole numbers as hexadecimal, since long ones have no decimal text by default.
    text = hex(value) if type(value) is int else repr(value) if not isinstance(value, str) else value
    return f"{type(value).__name__}:{text}"


def _last_name(decorator: ast.expr) -> str | None:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else None
