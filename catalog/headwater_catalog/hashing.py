"""Hashes of definitions by what they do, and what changed between two states of a feature."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

__all__ = ["Traits", "change_classes", "code_hash", "definition_digest", "normal_form"]

SCHEME: Final = "headwater-code-1"
"""Name of the normal form; a change to the form must change the name, so that hashes never mix."""

# What says nothing about meaning, or is empty or absent in some Python versions.
_IGNORED_FIELDS: Final = frozenset({"ctx", "kind", "type_comment", "type_ignores"})

# Decorators that only describe. They go by name, since the hash belongs to the text of one definition
# and must not depend on the imports around it.
_DESCRIBING: Final = frozenset({"tag", "tag_outputs"})

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Traits(NamedTuple):
    """What one version of a feature is compared by.

    Attributes:
        digest: `definition_digest` of its source.
        code_hash: `code_hash` of its source.
        signature: Its type and the names and types it needs, as one text.
        doc: Its documentation.
        tags: Its tags.
    """

    digest: str
    code_hash: str
    signature: str
    doc: str
    tags: Any


def definition_digest(source: str) -> str:
    """Return the sha256 of a definition's exact text."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def code_hash(function: _Function) -> str:
    """Return the hash of what a function does: parameters, defaults, body, and modifiers but tags.

    Its own name, its docstring, annotations in its signature, comments and layout do not count, so a function
    that was renamed or documented keeps its hash.
    """
    digest = hashlib.sha256(SCHEME.encode())
    for token in normal_form(function):
        digest.update(token.encode("utf-8", "surrogatepass"))
        digest.update(b"\x00")
    return digest.hexdigest()


def normal_form(function: _Function) -> Iterator[str]:
    """Yield the tokens of a function's normal form, the same in every Python that can read it."""
    yield "async" if isinstance(function, ast.AsyncFunctionDef) else "def"
    yield from _tokens(_signature(function.args))
    yield from _tokens([d for d in function.decorator_list if _last_name(d) not in _DESCRIBING])
    yield from _tokens(_without_docstring(function.body))


def change_classes(old: Traits, new: Traits) -> tuple[str, ...]:
    """Return what changed from one version to another.

    Returns:
        Some of "logic", "signature", "tags" and "docs" in this order; ("formatting",) where only the text of
        the definition differs; nothing where nothing does.
    """
    changed = {
        "logic": old.code_hash != new.code_hash,
        "signature": old.signature != new.signature,
        "tags": old.tags != new.tags,
        "docs": old.doc != new.doc,
    }
    found = tuple(name for name, differs in changed.items() if differs)
    return found or (("formatting",) if old.digest != new.digest else ())


def _signature(arguments: ast.arguments) -> list[Any]:
    # Annotations are left out; each default stays with its parameter's place.
    names = [
        [argument.arg for argument in group]
        for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
    ]
    variadic = [argument.arg if argument else None for argument in (arguments.vararg, arguments.kwarg)]
    return [names, variadic, arguments.defaults, arguments.kw_defaults]


def _tokens(root: Any) -> Iterator[str]:
    # A stack instead of recursion: a chain of a thousand operators is deeper than Python's own stack.
    stack = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, _Token):
            yield item
        elif isinstance(item, ast.Constant):
            yield _constant(item.value)
        elif isinstance(item, ast.AST):
            stack.extend(reversed(_node(item)))
        elif isinstance(item, (list, tuple)):
            stack.extend((_Token("]"), *reversed(item), _Token("[")))
        else:
            yield _constant(item)


class _Token(str):
    """A piece of the normal form that is already text."""

    __slots__ = ()


def _node(node: ast.AST) -> list[Any]:
    parts: list[Any] = [_Token(f"({type(node).__name__}")]
    for name in node._fields:
        value = _field(node, name)
        # Fields that newer Pythons add are empty where the syntax is not used.
        if name not in _IGNORED_FIELDS and value is not None and value != []:
            parts += (_Token(f"{name}="), value)
    parts.append(_Token(")"))
    return parts


def _field(node: ast.AST, name: str) -> Any:
    value = getattr(node, name, None)
    if isinstance(node, ast.JoinedStr):
        return _joined(value or [])
    if name == "body" and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return _without_docstring(node.body)
    return value


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
