"""The reading of a script, statement by statement, into values and what is left of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from headwater_catalog.convert.assignments import assign, assign_same, augmented, dropped
from headwater_catalog.convert.blocks import as_block, leave
from headwater_catalog.convert.branches import read_branches
from headwater_catalog.convert.columns import (
    returned,
)
from headwater_catalog.convert.effects import defined_with, effects_of, is_in_place
from headwater_catalog.convert.functions import inlined
from headwater_catalog.convert.known import READS_DATA, WRITERS
from headwater_catalog.convert.loops import unrolled
from headwater_catalog.convert.origins import origins_of
from headwater_catalog.convert.source import Edit
from headwater_catalog.convert.state import State
from headwater_catalog.convert.static import static_value
from headwater_catalog.convert.values import (
    Frame,
    Left,
    Value,
)

__all__ = ["walk"]

_QUIET: Final = (READS_DATA, "")
"""Reasons for which a statement is left that are none to convert it: data come in through the driver."""


def walk(state: State, statements: Iterable[ast.stmt]) -> None:
    """Read statements in their order; what cannot be converted is kept whole, or left."""
    for statement in statements:
        before = state.snapshot()
        try:
            _statement(state, statement)
        except Left as why:
            state.restore(before)
            leave(state, statement, why, is_told=why.why not in _QUIET)


def _statement(state: State, statement: ast.stmt) -> None:
    match statement:
        case ast.Import() | ast.ImportFrom():
            _import(state, statement)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            _check_definition(state, statement)
            state.set(name, state.add(Value(name, statement.lineno, "helper", statement=statement)))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Assign(targets=[target], value=value):
            assign(state, statement, target, value)
        case ast.Assign():
            assign_same(state, statement)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            assign(state, statement, target, value)
        case ast.AugAssign(target=target, op=op, value=value):
            augmented(state, statement, target, op, value)
        case ast.Delete(targets=targets):
            _delete(state, statement, targets)
        case ast.If():
            read_branches(state, statement)
        case ast.For() if unrolled(state, statement):
            pass
        case ast.For() | ast.While() | ast.With() | ast.Try():
            as_block(state, statement, "it is a loop or a block", _LOOP)
        case ast.Expr(value=ast.Call() as call):
            _call(state, statement, call)
        case ast.Expr(value=value):
            state.expression(value)
            raise Left(*_NOTHING)
        case _:
            raise Left("it is no assignment")


_LOOP: Final = "Write one assignment for each column that it sets, without a loop."
_WRITES_UNNAMED: Final = (
    "it writes data",
    "Give what it writes a name, and write that: table = df.method(...), then table.to_csv(...).",
)
_NOTHING: Final = ("nothing is made of it", "Keep it in the driver script, or take it out.")


def _import(state: State, statement: ast.Import | ast.ImportFrom) -> None:
    for alias in statement.names:
        if alias.name == "*":
            state.imports["*"] = getattr(statement, "module", None) or "another module"
            raise Left("it imports every name of a module", "Import the names that are used.")
        if isinstance(statement, ast.Import):
            name, text = alias.asname or alias.name.partition(".")[0], f"import {alias.name}"
            full = alias.name if alias.asname else name
        else:
            name, full = alias.asname or alias.name, f"{statement.module or ''}.{alias.name}"
            text = f"from {'.' * statement.level}{statement.module or ''} import {alias.name}"
        text += f" as {alias.asname}" if alias.asname else ""
        state.imports[name] = full
        state.set(name, state.add(Value(name, statement.lineno, "import", body=(text,))))


def _check_definition(state: State, statement: ast.FunctionDef | ast.ClassDef) -> None:
    """Refuse a definition that is made of data: by a default, a decorator or a base.

    Raises:
        Left: It is such a one.
    """
    for name in (name for part in defined_with(statement) for name in effects_of(part).reads):
        held = state.get(name)
        if isinstance(held, Frame) or (isinstance(held, Value) and held.made in ("column", "left", "node")):
            raise Left(f"'{statement.name}' is defined with the variable '{name}' of the script", _DEFAULT)


_DEFAULT: Final = "Give the variable where the function is called, instead of as a default."


def _delete(state: State, statement: ast.Delete, targets: list[ast.expr]) -> None:
    for target in targets:
        match target:
            case ast.Name(id=name) if name in state.env:
                del state.env[name]
            case ast.Subscript(value=ast.Name(id=name), slice=key) if isinstance(
                frame := state.get(name), Frame
            ):
                column = static_value(key, state.get)
                if not isinstance(column, str):
                    raise Left("which column it takes away is not known from the text", "Name the column.")
                state.change(name, state.without(frame, [column]))
            case _:
                raise Left("it takes away something that is no column")


def _call(state: State, statement: ast.Expr, call: ast.Call) -> None:
    if inlined(state, [], call):
        return
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and is_in_place(call):
        name = call.func.value.id
        frame = state.get(name)
        if isinstance(frame, Frame) and call.func.attr == "drop" and (columns := dropped(state, call)):
            state.change(name, state.without(frame, columns))
            return
        if isinstance(frame, Frame) and _in_place(state, statement, frame, call):
            return
    if is_in_place(call):
        as_block(state, statement, *_why_in_place(call))
        return
    match call.func:
        case ast.Attribute(value=ast.Call(), attr=method) if method in WRITERS:
            raise Left(*_WRITES_UNNAMED)
    state.expression(call)
    raise Left(*_NOTHING)


def _in_place(state: State, statement: ast.Expr, frame: Frame, call: ast.Call) -> bool:
    """Read `table.method(..., inplace=True)` as `table = table.method(...)`.

    Returns:
        Whether it is read; if not, nothing has changed.
    """
    assert isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
    name, source = call.func.value.id, state.source
    asked = next((each for each in call.keywords if each.arg == "inplace"), None)
    is_asked = asked is not None and isinstance(asked.value, ast.Constant) and asked.value.value is True
    if asked is None or not is_asked or call.func.attr == "eval":  # which gives what its text says
        return False
    read = state.expression(call)
    start, end = source.without(asked, call)
    edits: list[Edit] = [*read.edits, (start, end, ())]
    text = source.pieces(source.start(call), source.end(call), edits, statement.col_offset)
    made = Value(frame.name, statement.lineno, "node", "table", returned(text, read, call))
    made.doc, made.origins = source.doc(statement), origins_of(call, read)
    state.change(name, Frame(frame.name, state.add(made)))
    return True


def _why_in_place(call: ast.Call) -> tuple[str, str]:
    asked = any(keyword.arg == "inplace" for keyword in call.keywords)
    if asked and isinstance(call.func, ast.Attribute) and not isinstance(call.func.value, ast.Name):
        column = ast.unparse(call.func.value)
        return (
            "it changes a column in place, which pandas 3 no longer does",
            f"Assign the result: {column} = {column}.{call.func.attr}(...).",
        )
    return "it changes a value in place", "Assign the result: df = df.method(...)."
