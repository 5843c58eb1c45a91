"""The reading of assignments: what a script makes variables, columns and axes of tables of."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from headwater_catalog.convert.blocks import as_block, leave
from headwater_catalog.convert.columns import (
    BLOCK,
    assign_attribute,
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
from headwater_catalog.convert.known import CONSTANT_CALLS, dotted
from headwater_catalog.convert.origins import origins_of
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

__all__ = ["assign", "assign_same", "augmented", "dropped"]


def assign(state: State, statement: ast.stmt, target: ast.expr, value: ast.expr) -> None:
    """Read `target = value`."""
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
        case ast.Attribute(value=ast.Name(id=name), attr=column) if isinstance(state.get(name), Frame):
            assign_attribute(state, statement, name, column, value)
        case ast.Tuple(elts=parts) if all(isinstance(part, ast.Name) for part in parts):
            _unpack(state, statement, [part.id for part in parts if isinstance(part, ast.Name)], value)
        case ast.Tuple(elts=parts) if all(_place(state, part) for part in parts) and any(
            isinstance(part, ast.Subscript) for part in parts
        ):
            _unpack_columns(state, statement, parts, value)
        case ast.Subscript() | ast.Attribute():
            as_block(state, statement, "it sets more than one column, or single cells", BLOCK)
        case _:
            as_block(state, statement, *_SEVERAL)


_SEVERAL: Final = ("it sets several things at once", "Write one assignment for each.")
_GIVEN: Final = ("import", "constant", "helper")
"""How what is there without any data is made."""
_NAMELESS: Final = " "
"""Stands for a variable where a script has none: no script can call one so."""


def assign_same(state: State, statement: ast.Assign) -> None:
    """Read `x = table["y"] = value`, which gives one value to each."""
    targets, value = statement.targets, statement.value
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    columns = [target for target in targets if isinstance(target, ast.Subscript)]
    owners = {place[0] for target in columns if (place := _place(state, target))}
    if not all(_place(state, target) for target in targets) or owners & set(names):
        as_block(state, statement, *_SEVERAL)
        return
    if names:
        _assign_name(state, statement, names[0], value)
        state.env.update((name, state.env[names[0]]) for name in names[1:])
        for target in columns:
            _set_given(state, statement, target, _standing_for(names[0], value))
        return
    read, text = _right_side(state, statement, value)
    if not any(isinstance(piece, Ref) and piece.value.made not in _GIVEN for piece in text):
        for target in columns:
            set_column(state, statement, *_get_place(state, target), value, read, text)
        return
    label = _get_place(state, columns[0])[1]
    made = state.add(_variable(state, statement, label, value, read))
    for target in columns:
        _set_to(state, statement, target, made, value)


def _place(state: State, target: ast.expr) -> tuple[str, str] | None:
    """Return the variable that is set, or the table and its column; None where it is something else."""
    match target:
        case ast.Name(id=name) if name not in state.outline.roots:
            return name, ""
        case ast.Subscript(value=ast.Name(id=name), slice=key) if isinstance(state.get(name), Frame):
            column = static_value(key, state.get)
            return (name, column) if isinstance(column, str) else None
    return None


def _standing_for(name: str, value: ast.expr) -> ast.Name:
    """Return a variable as an expression that stands where another one does, and has no text there."""
    found = ast.copy_location(ast.Name(name, ast.Load()), value)
    found.end_lineno, found.end_col_offset = found.lineno, found.col_offset
    return found


def _get_place(state: State, target: ast.expr) -> tuple[str, str]:
    found = _place(state, target)
    assert found is not None
    return found


def _set_given(state: State, statement: ast.stmt, target: ast.expr, given: ast.Name) -> None:
    """Let a table have what a variable stands for as a column."""
    read = state.expression(given)
    text = state.source.pieces(state.source.start(given), state.source.end(given), read.edits, 0)
    set_column(state, statement, *_get_place(state, target), given, read, text)


def _set_to(state: State, statement: ast.stmt, target: ast.expr, made: Value, value: ast.expr) -> None:
    """Let a table have a value that no variable has as a column."""
    state.set(_NAMELESS, made)
    _set_given(state, statement, target, _standing_for(_NAMELESS, value))
    del state.env[_NAMELESS]


def _unpack_columns(state: State, statement: ast.stmt, targets: Sequence[ast.expr], value: ast.expr) -> None:
    """Read `table["x"], y = value`."""
    places = [_get_place(state, target) for target in targets]
    owners = {name for name, column in places if column}
    if any(not column and name in owners for name, column in places):
        as_block(state, statement, *_SEVERAL)
        return
    if isinstance(value, ast.Tuple):
        if not all(column for _, column in places) or len(value.elts) != len(places):
            as_block(state, statement, *_SEVERAL)
            return
        given = [(each, *_right_side(state, statement, each)) for each in value.elts]
        for place, (each, read, text) in zip(places, given, strict=True):
            set_column(state, statement, *place, each, read, text)
        return
    parts = _parts(state, statement, [column or name for name, column in places], value)
    for target, (name, column), part in zip(targets, places, parts, strict=True):
        if column:
            _set_to(state, statement, target, part, value)
        else:
            state.bind(name, part)


def _right_side(state: State, statement: ast.stmt, value: ast.expr) -> tuple[Expression, tuple[Piece, ...]]:
    """Return what was read of the right side of an assignment, and its text."""
    read = state.expression(value)
    where = state.source.right_side(statement, value)
    return read, state.source.pieces(*where, read.edits, statement.col_offset)


def _set_axis(state: State, statement: ast.stmt, name: str, axis: str, value: ast.expr) -> None:
    """Read `table.columns = names` and `table.index = labels` as the table with these."""
    frame = state.get(name)
    assert isinstance(frame, Frame)
    read, text = _right_side(state, statement, value)
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
            if method == "drop" and (columns := dropped(state, value)):
                frame = state.without(frame, columns)
                state.set(
                    name, Frame(state.called(name), frame.base, frame.columns, frame.dropped, frame.is_unsure)
                )
                return
            if method == "pop" and len(value.args) == 1:
                column = static_value(value.args[0], state.get)
                if isinstance(column, str):
                    taken = state.column(frame, column, value.lineno)
                    state.change(other, state.without(frame, [column]))
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
    if all(each.made in _GIVEN for each in needed):
        if _is_constant(value):
            literal = _literal(value)
            body = inner_of(returned(text, read, value))
            made = Value(name, statement.lineno, "constant", "other", body, doc=doc, literal=literal)
            made.is_container = read.is_container(value)
            return made
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
    made.is_scalar, made.is_container = is_scalar, read.is_container(value)
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


def dropped(state: State, call: ast.Call) -> list[str]:
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


def augmented(
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
            made.is_container = held.is_container
            (state.change if held.shape == "column" or held.is_container else state.set)(
                name, state.add(made)
            )
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
    for name, part in zip(names, _parts(state, statement, names, value), strict=True):
        part.shape = "table" if name in state.outline.tables else "other"
        state.bind(name, part)


def _parts(state: State, statement: ast.stmt, labels: Sequence[str], value: ast.expr) -> list[Value]:
    """Return what an expression gives as several values.

    Raises:
        Left: No feature can give it.
    """
    read, text = _right_side(state, statement, value)
    if not any(isinstance(piece, Ref) and piece.value.made not in ("import", "helper") for piece in text):
        raise Left("")
    whole = Value("_and_".join(labels[:3]), statement.lineno, "node", body=returned(text, read, value))
    whole.doc = state.source.doc(statement)
    state.add(whole)
    whole.parts += [Value(label, statement.lineno, "node", part_of=whole) for label in labels]
    return [state.add(part) for part in whole.parts]
