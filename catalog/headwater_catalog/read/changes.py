"""Which names the code of a module changes in place or sets by `global`, wherever in it that stands."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable, walk

__all__ = ["Changes", "changes_in", "is_reached_into", "may_change"]


@dataclass(frozen=True, slots=True)
class Changes:
    """Names that some code changes.

    Attributes:
        set: Names that functions set by `global`.
        changed: Names whose value is changed in place, if it is of a kind that can be.
    """

    set: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()


_CHANGING = frozenset(
    (
        *("add", "append", "clear", "difference_update", "discard", "extend", "insert"),
        *("intersection_update", "pop", "popitem", "remove", "reverse", "setdefault", "sort"),
        *("symmetric_difference_update", "update"),
    )
)
"""Methods that change a list, a set or a dictionary in place."""

_METHODS = "|".join(sorted(_CHANGING))
_STATEMENT = re.compile(r"\b(?:global|del)\b")
# What every other change has somewhere: a changing method, `x[…] =` or `x.y =`.
_CHANGE = re.compile(rf"\.\s*(?:{_METHODS})\b|\][^\n=]{{0,4}}=(?!=)|\.\s*\w+\s*=(?!=)")


def may_change(text: str) -> bool:
    """Tell whether code may change anything at all; mostly its text alone rules that out."""
    if _CHANGE.search(text) is not None:
        return True
    # To look for a word first takes a fraction of what a pattern that begins with a boundary does.
    return any(word in text for word in ("global", "del")) and _STATEMENT.search(text) is not None


def is_reached_into(text: str, name: str) -> bool:
    """Tell whether code may have `name[…]` or `name.x` somewhere: no change in place does without."""
    return re.search(rf"\b{re.escape(name)}\b(?:[\s)\\]|#[^\n]*\n)*[.\[]", text) is not None


@lru_cache(maxsize=4_096)  # the versions of a file share most of their pieces
def changes_in(text: str) -> Changes:
    """Return what a piece of code changes, or what it may change where it cannot be read."""
    by_global: set[str] = set()
    changed: set[str] = set()
    try:
        tree = parse_newer(text)
    except Unreadable:
        named = re.findall(r"\bglobal\b([^\n;]*)", text)
        return Changes(frozenset(re.findall(r"\w+", " ".join(named))), frozenset(re.findall(r"\w+", text)))
    for node in walk(tree):
        if isinstance(node, ast.Global):
            by_global.update(node.names)
        elif (target := _changed(node)) is not None and (name := _root(target)) is not None:
            changed.add(name)
    return Changes(frozenset(by_global), frozenset(changed))


def _changed(node: ast.AST) -> ast.expr | None:
    """Return what a node changes in place."""
    if isinstance(node, ast.Call):
        function = node.func
        is_change = isinstance(function, ast.Attribute) and function.attr in _CHANGING
        return function.value if is_change and isinstance(function, ast.Attribute) else None
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        return node.value
    return None


def _root(target: ast.expr) -> str | None:
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None
