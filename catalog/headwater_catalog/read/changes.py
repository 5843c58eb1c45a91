"""Which names the code of a module changes in place or sets by `global`, wherever in it that stands."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from headwater_catalog.read.newer import parsed_lately
from headwater_catalog.read.syntax import Unreadable, walk

__all__ = ["Changes", "changes_in", "changes_to", "may_change"]


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


_GAP = r"(?:[\s)\\]|#[^\n]*\n)*+"


def _is_reached_into(text: str, name: str) -> bool:
    """Tell whether code may change in place what a name stands for.

    That is `name[…]` somewhere, a method that changes it, or an attribute which is not just called.
    """
    method = rf"(?:{_METHODS})\b|\w++{_GAP}(?!\()"
    return re.search(rf"\b{re.escape(name)}\b{_GAP}(?:\[|\.{_GAP}(?:{method}))", text) is not None


@lru_cache(maxsize=8_192)  # the versions of a file share most of their pieces, and mostly the names, too
def changes_to(loose: frozenset[str], text: str) -> frozenset[str]:
    """Return the names that a piece of code sets by `global`, and those of some that it changes in place."""
    # To look at all code again costs more than parsing; few pieces do anything to a name that may change.
    if "global" in text or any(name in text and _is_reached_into(text, name) for name in loose):
        changes = changes_in(text)
        return changes.set | (changes.changed & loose)
    return frozenset()


@lru_cache(maxsize=4_096)
def changes_in(text: str) -> Changes:
    """Return what a piece of code changes, or what it may change where it cannot be read."""
    by_global: set[str] = set()
    changed: set[str] = set()
    try:
        tree = parsed_lately(text)
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
