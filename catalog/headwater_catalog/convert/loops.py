"""Loops over what is written out, read as the assignments that they stand for."""

from __future__ import annotations

import ast
from typing import Any

from headwater_catalog.convert.blocks import NotInlined
from headwater_catalog.convert.groups import Cell, items_of
from headwater_catalog.convert.state import State
from headwater_catalog.convert.static import static_value
from headwater_catalog.convert.values import NO_LITERAL, Frame, Left, Value

__all__ = ["unrolled"]

_MOST = 300
"""Statements that a loop is read as."""


def unrolled(state: State, loop: ast.For) -> bool:
    """Read a loop over texts or numbers as one round after the other.

    Returns:
        Whether it is such a loop that sets columns; if not, nothing has changed.
    """
    items = _items(state, loop.iter)
    names = _names(loop.target)
    if loop.orelse or not names or not items or len(items) * len(loop.body) > _MOST:
        return False
    nodes = [node for statement in loop.body for node in ast.walk(statement)]
    if any(isinstance(node, (ast.Break, ast.Continue)) for node in nodes):
        return False
    if not _has_table(items) and not any(_sets_column(state, node) for node in nodes):
        return False
    kept = state.snapshot()
    state.strict += 1
    try:
        for item in items:
            parts = [item] if len(names) == 1 else item
            if not isinstance(parts, (list, tuple)) or len(parts) != len(names):
                raise Left("its items are not of one length")
            for name, part in zip(names, parts, strict=True):
                if isinstance(part, Cell):
                    state.env[name] = part
                elif _has_table(part):
                    raise Left("it goes over lists of tables")
                else:
                    state.set(name, Value(name, loop.lineno, "literal", literal=part))
            state.walk(state, loop.body)
        for name in names:
            if state.outline.later.get(name, 0) <= (loop.end_lineno or loop.lineno):
                state.env.pop(name, None)
    except (Left, NotInlined):
        state.restore(kept)
        return False
    finally:
        state.strict -= 1
    return True


def _names(target: ast.expr) -> list[str]:
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


def _items(state: State, node: ast.expr) -> list[Any]:
    """Return what a loop goes over, where all of it is texts, numbers and lists of them."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="items"), args=[], keywords=[]):
            found = _written(state, owner)
            items: list[Any] = list(found.items()) if isinstance(found, dict) else []
        case ast.Call(func=ast.Attribute(value=owner, attr="values"), args=[], keywords=[]):
            found = _written(state, owner)
            items = list(found.values()) if isinstance(found, dict) else []
        case ast.Call(func=ast.Name(id="enumerate"), args=[owner], keywords=[]):
            items = list(enumerate(_items(state, owner)))
        case ast.Call(func=ast.Name(id="zip"), args=owners, keywords=[]):
            items = list(zip(*(_items(state, owner) for owner in owners), strict=False))
        case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]) if arguments:
            bounds = [static_value(each, state.get) for each in arguments]
            whole = all(isinstance(each, int) for each in bounds)
            items = list(range(*bounds)[: _MOST + 1]) if whole else []
        case _:
            found = _written(state, node)
            items = list(found) if isinstance(found, (list, tuple, dict)) else []
    return items if all(_is_plain(item) for item in items) else []


def _written(state: State, node: ast.expr) -> Any:
    if isinstance(node, (ast.List, ast.Tuple, ast.Dict)) and (held := state.tables_in(node)):
        return items_of(node, held)
    if isinstance(node, ast.Name):
        group = state.get(node.id)
        if isinstance(group, Value) and group.holds and isinstance(group.statement, ast.Assign):
            return items_of(group.statement.value, group.holds)
        return static_value(node, state.get)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return static_value(node, state.get) if isinstance(node, (ast.List, ast.Tuple)) else NO_LITERAL


def _has_table(item: Any) -> bool:
    return isinstance(item, Cell) or (isinstance(item, (list, tuple)) and any(map(_has_table, item)))


def _is_plain(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return all(_is_plain(each) for each in item)
    return isinstance(item, (str, int, float, bool, type(None)))


def _sets_column(state: State, node: ast.AST) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
            return isinstance(state.get(name), Frame)
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="loc"), ctx=ast.Store()):
            return isinstance(state.get(name), Frame)
    return False
