"""Functions of a script that work on tables, read in the place of their calls."""

from __future__ import annotations

import ast
from dataclasses import replace

from headwater_catalog.convert.blocks import NotInlined
from headwater_catalog.convert.state import State
from headwater_catalog.convert.told_functions import given_to, sets_columns
from headwater_catalog.convert.values import Frame, Left, Value

__all__ = ["inlined"]

_VISIBLE = ("constant", "helper", "import")


def inlined(state: State, targets: list[str], value: ast.expr) -> bool:
    """Read a call of a function of the script as the statements of that function.

    Args:
        state: Where the reading stands.
        targets: The variables that take what it returns.
        value: What may be such a call.

    Returns:
        Whether it was one, and could be read so; if not, nothing has changed.
    """
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        return False
    told = state.told(value.func.id)
    if (
        told is None
        or not told.is_own
        or not sets_columns(told.node)
        or not isinstance(state.get(value.func.id), Value)
    ):
        return False
    kept, outer = state.snapshot(), dict(state.env)
    given = _given(state, told.node, value)
    if given is None or told.reads & state.own:
        state.restore(kept)
        return False
    visible = {name: cell for name, cell in outer.items() if name in told.reads or _is_visible(state, name)}
    state.env = {**visible, **given}
    outside, state.returned = state.returned, _returned(told.node, targets)
    around, state.own = state.own, told.own
    state.strict += 1
    state.depth += 1
    try:
        cells = _run(state, told.node, targets)
    except (Left, NotInlined):
        state.restore(kept)
        return False
    finally:
        state.strict -= 1
        state.depth -= 1
        state.returned, state.own = outside, around
    state.env = outer
    for name, cell in zip(targets, cells, strict=True):
        state.env[name] = cell
        if isinstance(held := state.cells[cell], Frame):
            state.cells[cell] = replace(held, name=name)
    return True


def _returned(function: ast.FunctionDef, targets: list[str]) -> dict[str, str]:
    last = function.body[-1]
    given = last.value if isinstance(last, ast.Return) else None
    parts = given.elts if isinstance(given, ast.Tuple) else [given]
    if len(parts) != len(targets):
        return {}
    return {
        part.id: target for part, target in zip(parts, targets, strict=True) if isinstance(part, ast.Name)
    }


def _is_visible(state: State, name: str) -> bool:
    held = state.get(name)
    return isinstance(held, Value) and held.made in _VISIBLE


def _given(state: State, function: ast.FunctionDef, call: ast.Call) -> dict[str, int] | None:
    """Return the cells of the parameters of a function at a call; None where they are not plain names."""
    found = given_to(function, call)
    if found is None:
        return None
    cells: dict[str, int] = {}
    for name, given in found.items():
        cell = _cell_of(state, given)
        if cell is None:
            return None
        cells[name] = cell
    return cells if any(isinstance(state.cells[cell], Frame) for cell in cells.values()) else None


def _cell_of(state: State, node: ast.expr | None) -> int | None:
    match node:
        case ast.Name(id=name):
            return state.env.get(name)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="copy"), args=[], keywords=[]):
            held = state.get(name)
            if not isinstance(held, Frame):
                return None
            return state.hold(held)
        case None:
            return None
    try:
        literal = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return state.hold(Value(ast.unparse(node), node.lineno, "literal", literal=literal))


def _run(state: State, function: ast.FunctionDef, targets: list[str]) -> list[int]:
    """Read the statements of a function; return the cells of what it gives back."""
    *body, last = function.body
    if not isinstance(last, ast.Return):
        state.walk(state, function.body)
        if targets:
            raise Left("it returns nothing")
        return []
    state.walk(state, body)
    given = last.value
    if isinstance(given, ast.Tuple) and len(targets) == len(given.elts) > 1:
        if not all(isinstance(each, ast.Name) and each.id in state.env for each in given.elts):
            raise Left("it returns what has no name")
        return [state.env[each.id] for each in given.elts if isinstance(each, ast.Name)]
    if not targets:
        return []
    if len(targets) != 1 or given is None:
        raise Left("it returns several values as one")
    if isinstance(given, ast.Name) and given.id in state.env:
        return [state.env[given.id]]
    name = ast.copy_location(ast.Name(targets[0], ast.Store()), last)
    state.walk(state, [ast.copy_location(ast.Assign([name], given), last)])
    return [state.env[targets[0]]]
