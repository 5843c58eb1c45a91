"""Which names the code of a module changes in place or sets by `global`, wherever in it that stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from headwater_catalog.read.newer import parsed_lately
from headwater_catalog.read.syntax import Unreadable, walk

__all__ = ["Changes", "before_changes", "changed_by", "changes_in", "changes_to", "may_change", "set_by_name"]


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

_SETTERS = frozenset({"__delattr__", "__setattr__", "delattr", "setattr"})

_LINE = 400  # characters before a change in which the name is looked for
_OWNER = re.compile(r"(?<![\w.\[])(\w++)(?=\s*[.\[])")

_METHODS = "|".join(sorted(_CHANGING))
_STATEMENT = re.compile(r"\b(?:global|del)\b")
_OPERATOR = r"[-+*/%&|^@<>]{0,2}+"
# What every other change has somewhere: a changing method, `x.y =`, `x.y +=`, `x.y: int =`, `x[…] =` or
# `(x.y, z) =`; that `for x.y in` sets it, too, nobody makes use of.
_CHANGE = re.compile(
    rf"\.\s*+(?:(?:{_METHODS})\b|\w++\s*+(?:{_OPERATOR}|:[^\n=]{{0,80}})=(?!=))"
    r"|\][^\n=]{0,4}=(?!=)|\)\s?=(?!=)"
)


def may_change(text: str) -> bool:
    """Tell whether code may change anything at all; mostly its text alone rules that out."""
    if _CHANGE.search(text) is not None:
        return True
    # To look for a word first takes a fraction of what a pattern that begins with a boundary does.
    if any(word in text for word in ("setattr", "delattr", "__setattr__", "__delattr__")):
        return True
    return any(word in text for word in ("global", "del")) and _STATEMENT.search(text) is not None


_GAP = r"(?:[\s)\\]|#[^\n]*\n)*+"


def _is_reached_into(text: str, name: str) -> bool:
    """Tell whether code may change in place what a name stands for.

    That is `name[…]` somewhere, a method that changes it, an attribute which is not just called, or a call
    of what sets attributes.
    """
    method = rf"(?:{_METHODS})\b|\w++{_GAP}(?!\()"
    name = re.escape(name)
    setter = rf"(?:set|del)attr(?:__)?{_GAP}\({_GAP}{name}\b"
    return re.search(rf"\b{name}\b{_GAP}(?:\[|\.{_GAP}(?:{method}))|{setter}", text) is not None


_SET_BY_NAME = re.compile(rf"(?:set|del)attr(?:__)?{_GAP}\({_GAP}(\w+)")
_DELETED = re.compile(r"\bdel\b([^\n]{0,200})")


@lru_cache(maxsize=8_192)
def _set_inside(text: str) -> frozenset[str]:
    """Return names among which are those of which code sets an attribute, or changes one in place."""
    found = _SET_BY_NAME.findall(text) if "attr" in text else []
    return frozenset([*found, *(name for part in before_changes(text) for name in _OWNER.findall(part))])


def before_changes(text: str) -> Iterator[str]:
    """Yield the parts of lines up to something that changes in place what is named there."""
    yield from _DELETED.findall(text) if "del" in text else ()
    for change in _CHANGE.finditer(text):
        line = max(text.rfind("\n", 0, change.start()) + 1, change.start() - _LINE)
        part = text[line : change.end()]
        # Where a bracket was opened in a line above, the name is there.
        is_open = sum(map(part.count, "])")) > sum(map(part.count, "[(")) or part.lstrip()[:1] == "."
        yield text[max(0, line - _LINE) : change.end()] if is_open else part


def changes_to(loose: frozenset[str], text: str, classes: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the names that a piece of code sets by `global`, and those of some that it changes in place.

    Args:
        loose: Names of what can be changed in place.
        text: The code.
        classes: Names of classes.
    """
    # To look at all code again costs more than parsing; few pieces do anything to a name that may change.
    if _are_reached_into(loose, text) or (
        any(name in text for name in classes) and not classes.isdisjoint(_set_inside(text))
    ):
        changes = changes_in(text)
        return changes.set | (changes.changed & (loose | classes))
    return frozenset()


@lru_cache(maxsize=8_192)  # the versions of a file share most of their pieces, and mostly the names, too
def _are_reached_into(loose: frozenset[str], text: str) -> bool:
    """Tell whether code may set names by `global`, or change in place what one of some names stands for."""
    return "global" in text or any(name in text and _is_reached_into(text, name) for name in loose)


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
        elif (target := changed_by(node)) is not None and (name := _root(target)) is not None:
            changed.add(name)
    return Changes(frozenset(by_global), frozenset(changed))


def changed_by(node: ast.AST) -> ast.expr | None:
    """Return what a node changes in place."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            return node.func.value
        return set_by_name(node)
    if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
        return node.value
    return None


def set_by_name(call: ast.Call) -> ast.expr | None:
    """Return of what a call like `setattr(x, name, value)` sets an attribute."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return call.args[0] if name in _SETTERS and call.args else None


def _root(target: ast.expr) -> str | None:
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None
