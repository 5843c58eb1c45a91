"""The reading of a script, statement by statement, into values and what is left of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from headwater_catalog.convert.blocks import as_block, leave
from headwater_catalog.convert.branches import read_branches
from headwater_catalog.convert.columns import (
    BLOCK,
    assign_column,
    assign_keywords,
    assign_rows,
    inner_of,
    returned,
    set_column,
    unnamed,
)
from headwater_catalog.convert.effects import is_in_place
from headwater_catalog.convert.expressions import Expression
from headwater_catalog.convert.functions import inlined
from headwater_catalog.convert.known import CONSTANT_CALLS, READS_DATA, dotted
from headwater_catalog.convert.loops import unrolled
from headwater_catalog.convert.origins import origins_of
from headwater_catalog.convert.source import Edit
from headwater_catalog.convert.state import State
from headwater_catalog.convert.static import static_value
from headwater_catalog.convert.values import (
    NO_LITERAL,
    Frame,
    Left,
    Origins,
    Piece,
    Ref,
    Shape,
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
            state.set(name, state.add(Value(name, statement.lineno, "helper", statement=statement)))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Assign(targets=[target], value=value):
            _assign(state, statement, target, value)
        case ast.AnnAssign(target=target, value=value) if value is not None:
            _assign(state, statement, target, value)
        case ast.AugAssign(target=target, op=op, value=value):
            _augmented(state, statement, target, op, value)
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


# Assignments


def _assign(state: State, statement: ast.stmt, target: ast.expr, value: ast.expr) -> None:
    match target:
        case ast.Name(id=name):
            _assign_name(state, statement, name, value)
        case ast.Subscript(value=ast.Name(id=name), slice=key) if isinstance(state.get(name), Frame):
            assign_column(state, statement, name, key, value)
        case ast.Subscript(
            value=ast.Attribute(value=ast.Name(id=name), attr="loc"), slice=ast.Tuple(elts=[rows, key])
        ) if isinstance(state.get(name), Frame) and isinstance(static_value(key, state.get), str):
            if isinstance(rows, ast.Slice) and rows.lower is rows.upper is rows.step is None:
                assign_column(state, statement, name, key, value)
            else:
                assign_rows(state, statement, name, rows, key, value)
        case ast.Attribute(value=ast.Name(id=name), attr="columns" | "index" as axis) if isinstance(
            state.get(name), Frame
        ):
            _set_axis(state, statement, name, axis, value)
        case ast.Tuple(elts=parts) if all(isinstance(part, ast.Name) for part in parts):
            _unpack(state, statement, [part.id for part in parts if isinstance(part, ast.Name)], value)
        case ast.Subscript() | ast.Attribute():
            as_block(state, statement, "it sets more than one column, or single cells", BLOCK)
        case _:
            raise Left("it sets several things at once", "Write one assignment for each.")


def _set_axis(state: State, statement: ast.stmt, name: str, axis: str, value: ast.expr) -> None:
    """Read `table.columns = names` and `table.index = labels` as the table with these."""
    frame = state.get(name)
    assert isinstance(frame, Frame)
    read = state.expression(value)
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    number = 1 if axis == "columns" else 0
    inner = inner_of(returned(text, read, value))
    whole = state.whole(frame, statement.lineno)
    body = ("return ", Ref(whole), ".set_axis(", *inner, f", axis={number})")
    made = Value(frame.name, statement.lineno, "node", "table", body, doc=state.source.doc(statement))
    made.origins = Origins((frame,) if axis == "index" else ())
    state.change(name, Frame(frame.name, state.add(made)))


def _assign_name(state: State, statement: ast.stmt, name: str, value: ast.expr) -> None:
    if name in state.outline.roots and not state.depth:
        raise Left("")  # a configuration belongs to the driver, which gives it to the features
    if inlined(state, [name], value):
        return
    match value:
        case ast.Name(id=other) if state.get(other) is not None:
            state.env[name] = state.env[other]
            return
        case ast.List() | ast.Tuple() | ast.Dict() if held := state.tables_in(value):
            group = Value(name, statement.lineno, "node", statement=statement, holds=held)
            group.doc = state.source.doc(statement)
            state.set(name, group)
            return
        case ast.Call(func=ast.Attribute(value=ast.Name(id=other), attr=method)) if isinstance(
            frame := state.get(other), Frame
        ):
            if method == "copy":
                state.set(
                    name, Frame(state.called(name), frame.base, frame.columns, frame.dropped, frame.is_unsure)
                )
                return
            if method == "assign" and value.keywords and not value.args:
                assign_keywords(state, statement, name, frame, value)
                return
            if method == "drop" and (columns := _dropped(state, value)):
                for column in columns:
                    frame = frame.without(column)
                state.set(
                    name, Frame(state.called(name), frame.base, frame.columns, frame.dropped, frame.is_unsure)
                )
                return
            if method == "pop" and len(value.args) == 1:
                column = static_value(value.args[0], state.get)
                if isinstance(column, str):
                    taken = state.column(frame, column, value.lineno)
                    state.change(other, frame.without(column))
                    pieces: tuple[Piece, ...] = ("return ", Ref(taken, named=True))
                    made = Value(name, statement.lineno, "node", "column", pieces, base=taken.base)
                    state.set(name, state.add(made))
                    return
    if isinstance(value, ast.Call) and is_in_place(value):
        as_block(state, statement, "it changes what it is called on", "Use the form that gives a new value.")
        return
    if isinstance(value, ast.Call) and state.changed_by(value) == [name]:
        called = f"'{dotted(value.func)}' changes the table that it is given"
        as_block(state, statement, called, "Let it work on a copy: table = table.copy().")
        return
    given = _brought_in(state, statement, name, value)
    read = state.expression(value, given=given)
    state.bind(name, state.add(_variable(state, statement, name, value, read)))


def _brought_in(state: State, statement: ast.stmt, name: str, value: ast.expr) -> dict[ast.AST, Frame]:
    """Have the driver script bring in the data of `name = pd.read_csv(...).method(...)`.

    Returns:
        The call that reads them, with the table; nothing where there is no such call before methods.
    """
    node = value
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)) and not state.reads_data(node):
        node = node.func if isinstance(node, ast.Call) else node.value
    if node is value or state.strict or not state.reads_data(node):
        return {}
    alone = ast.Assign([ast.Name(name, ast.Store())], node)
    ast.copy_location(alone.targets[0], statement)
    ast.copy_location(alone, statement)
    source = state.source
    text = "".join(map(str, source.pieces(source.start(node), source.end(node), (), statement.col_offset)))
    leave(state, alone, Left(""), is_told=False)
    state.leftovers[-1].text = f"{name} = {text}"
    frame = state.get(name)
    if not isinstance(frame, Frame) or frame.base.stage == "after":
        raise Left("")
    return {node: frame}


def _variable(state: State, statement: ast.stmt, name: str, value: ast.expr, read: Expression) -> Value:
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    needed = {piece.value for piece in text if isinstance(piece, Ref)}
    doc = state.source.doc(statement)
    if all(each.made in ("import", "constant", "helper") for each in needed):
        if _is_constant(value):
            literal = _literal(value)
            body = inner_of(returned(text, read, value))
            return Value(name, statement.lineno, "constant", "other", body, doc=doc, literal=literal)
        raise Left("")  # made from nothing, it comes into the features as an input
    if name in state.outline.for_reading and all(each.is_beforehand for each in needed):
        raise Left("")  # the driver needs it, to bring the data in
    rows = read.rows_of(value)
    is_table = read.is_table(value) or (rows is None and name in state.outline.tables)
    shape: Shape = "table" if is_table else "column" if rows is not None else "other"
    body = returned(text, read, value)
    is_scalar = read.is_reduced(value)
    made = Value(
        name, statement.lineno, "node", shape, unnamed(body) if is_scalar else body, base=rows, doc=doc
    )
    made.is_scalar = is_scalar
    made.origins = origins_of(value, read)
    return made


def _is_constant(value: ast.expr) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] not in CONSTANT_CALLS:
            return False
    return True


def _literal(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return NO_LITERAL


# Columns


def _dropped(state: State, call: ast.Call) -> list[str]:
    """Return the columns that `table.drop(...)` takes away; none where it does something else, too."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    wanted = given.pop("columns", None)
    inplace = given.pop("inplace", None)
    if inplace is not None and not isinstance(inplace, ast.Constant):
        return []
    if wanted is None and len(call.args) == 1:
        axis = given.pop("axis", None)
        if axis is not None and static_value(axis, state.get) in (1, "columns"):
            wanted = call.args[0]
    if wanted is None or given or (call.args and wanted is not call.args[0]):
        return []
    names = static_value(wanted, state.get)
    names = [names] if isinstance(names, str) else names
    return names if isinstance(names, list) and all(isinstance(each, str) for each in names) else []


_SIGNS: Final = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}


def _augmented(
    state: State, statement: ast.AugAssign, target: ast.expr, op: ast.operator, value: ast.expr
) -> None:
    """Read `table["x"] += value` and `x += value`."""
    sign = _SIGNS.get(type(op), "")
    match target:
        case ast.Subscript(value=ast.Name(id=name), slice=key) if isinstance(state.get(name), Frame) and sign:
            column = static_value(key, state.get)
            if isinstance(column, str):
                frame = state.get(name)
                assert isinstance(frame, Frame)
                old = state.column(frame, column, statement.lineno)
                read = state.expression(value)
                read.columns[target] = old
                text = _sum(state, statement, Ref(old), sign, value, read)
                whole = ast.BinOp(target, op, value)
                ast.copy_location(whole, statement)
                set_column(state, statement, name, column, whole, read, text)
                return
        case ast.Name(id=name) if sign and isinstance(held := state.get(name), Value):
            if held.made in ("constant", "literal") and held.literal is NO_LITERAL:
                raise Left("it changes a constant", "Give the new value a name of its own.")
            read = state.expression(value)
            text = _sum(state, statement, Ref(state.readable(held), True), sign, value, read)
            if held.made == "constant" and all(
                each.value.made in ("import", "constant") for each in text if isinstance(each, Ref)
            ):
                state.set(name, state.add(Value(name, statement.lineno, "constant", body=text)))
                return
            made = Value(name, statement.lineno, "node", held.shape, ("return ", *text), base=held.base)
            state.set(name, state.add(made))
            return
    as_block(state, statement, "it changes several columns, or single cells", BLOCK)


def _sum(
    state: State, statement: ast.AugAssign, old: Ref, sign: str, value: ast.expr, read: Expression
) -> tuple[Piece, ...]:
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    first = text[0]
    text = (first.lstrip(" "), *text[1:]) if isinstance(first, str) else text
    text = tuple(piece for piece in text if piece != "")
    simple = isinstance(value, (ast.Constant, ast.Name, ast.Subscript, ast.Call, ast.Attribute))
    return (old, f" {sign} ", *text) if simple else (old, f" {sign} (", *text, ")")


def _unpack(state: State, statement: ast.stmt, names: list[str], value: ast.expr) -> None:
    """Read `a, b = value`."""
    if isinstance(value, ast.Tuple) and len(value.elts) == len(names):
        if any(name in state.outline.roots for name in names):
            raise Left("")
        used = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        if used & set(names):
            as_block(state, statement, "it sets several variables at once", "Write one assignment for each.")
            return
        for name, each in zip(names, value.elts, strict=True):
            _assign_name(state, statement, name, each)
        return
    if inlined(state, names, value):
        return
    read = state.expression(value)
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    if not any(isinstance(piece, Ref) and piece.value.made not in ("import", "helper") for piece in text):
        raise Left("")
    line = statement.lineno
    whole = Value("_and_".join(names[:3]), line, "node", body=returned(text, read, value))
    whole.doc = state.source.doc(statement)
    state.add(whole)
    for name in names:
        shape: Shape = "table" if name in state.outline.tables else "other"
        part = Value(name, line, "node", shape, part_of=whole)
        whole.parts.append(part)
        state.bind(name, state.add(part))


# Statements that are no assignments


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
                state.change(name, frame.without(column))
            case _:
                raise Left("it takes away something that is no column")


def _call(state: State, statement: ast.Expr, call: ast.Call) -> None:
    if inlined(state, [], call):
        return
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and is_in_place(call):
        name = call.func.value.id
        frame = state.get(name)
        if isinstance(frame, Frame) and call.func.attr == "drop" and (columns := _dropped(state, call)):
            for column in columns:
                frame = frame.without(column)
            state.change(name, frame)
            return
        if isinstance(frame, Frame) and _in_place(state, statement, frame, call):
            return
    if is_in_place(call):
        as_block(state, statement, *_why_in_place(call))
        return
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
