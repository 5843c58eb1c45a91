"""Assignments of columns, read as the functions that give them."""

from __future__ import annotations

import ast
from typing import Final

from headwater_catalog.convert.blocks import as_block
from headwater_catalog.convert.expressions import Expression
from headwater_catalog.convert.known import COLUMNWISE, FRAME_NAMES, dotted
from headwater_catalog.convert.source import Edit
from headwater_catalog.convert.state import State
from headwater_catalog.convert.static import static_value
from headwater_catalog.convert.values import Frame, Left, Piece, Ref, Value, can_be_keyword, quoted

__all__ = [
    "BLOCK",
    "assign_attribute",
    "assign_column",
    "assign_keywords",
    "assign_rows",
    "inner_of",
    "returned",
    "set_column",
    "unnamed",
]

BLOCK: Final = "Set one column by each assignment: df['x'] = ..."
"""What to do where a statement sets more than one column."""


def assign_column(state: State, statement: ast.stmt, name: str, key: ast.expr, value: ast.expr) -> None:
    """Read `table["x"] = value`.

    Raises:
        Left: No feature can give the column.
    """
    column = static_value(key, state.get)
    names = column if isinstance(column, list) and all(isinstance(each, str) for each in column) else []
    if names and len(set(names)) == len(names):
        if not _assign_each(state, statement, name, names, value):
            _assign_all(state, statement, name, names, value)
        return
    if not isinstance(column, str):
        as_block(state, statement, "which columns it sets is not known from the text", BLOCK)
        return
    frame = state.get(name)
    assert isinstance(frame, Frame)
    read = state.expression(value)
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    set_column(state, statement, name, column, value, read, text)


def assign_attribute(state: State, statement: ast.stmt, name: str, column: str, value: ast.expr) -> None:
    """Read `table.x = value`, which sets a column where there is one of that name already."""
    frame = state.get(name)
    assert isinstance(frame, Frame)
    read = state.expression(value)
    if column in FRAME_NAMES or column.startswith("_") or not frame.has(column):
        as_block(state, statement, "it sets a column only if there is one of that name", BLOCK)
        return
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    set_column(state, statement, name, column, value, read, text)


def _assign_each(state: State, statement: ast.stmt, name: str, columns: list[str], value: ast.expr) -> bool:
    """Read `table[["x", "y"]] = table[["x", "y"]].fillna(0)` as the same of each column.

    Returns:
        Whether it is such a statement; if not, nothing has changed.
    """
    match value:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Subscript(value=ast.Name(id=owner), slice=key), attr=method
            ) as called
        ) if owner == name and method in COLUMNWISE and static_value(key, state.get) == columns:
            pass
        case _:
            return False
    given = [*value.args, *(keyword.value for keyword in value.keywords)]
    read = state.expression(*given)
    if not all(read.is_scalar(each) or _is_named_by_module(state, each) for each in given):
        return False
    source = state.source
    arguments = source.pieces(source.end(called), source.end(value), read.edits, statement.col_offset)
    for column in columns:
        frame = state.get(name)
        assert isinstance(frame, Frame)
        before = Ref(state.column(frame, column, statement.lineno))
        body = ("return ", before, f".{method}", *arguments)
        made = Value(column, statement.lineno, "node", "column", body, frame=frame.name, base=frame.base)
        made.doc = source.doc(statement)
        state.change(name, frame.with_column(column, state.add(made)))
    return True


def _is_named_by_module(state: State, node: ast.expr) -> bool:
    """Tell whether an expression is a name of Python or of a module, such as `float` or `np.nan`."""
    root, _, _ = dotted(node).partition(".")
    held = state.get(root)
    return bool(root) and (held is None or (isinstance(held, Value) and held.made == "import"))


def _assign_all(state: State, statement: ast.stmt, name: str, columns: list[str], value: ast.expr) -> None:
    """Read `table[["x", "y"]] = value` as a table of these columns alone, from which each is taken."""
    frame = state.get(name)
    assert isinstance(frame, Frame)
    read = state.expression(value)
    text = state.source.pieces(*state.source.right_side(statement, value), read.edits, statement.col_offset)
    inner, line = inner_of(returned(text, read, value)), statement.lineno
    rows = _rows(state, frame, text)
    body = ("changed = ", rows, f"[[]].copy()\nchanged[{quoted(columns)}] = ", *inner, "\nreturn changed")
    whole = state.add(Value("_and_".join(columns[:3]), line, "node", "table", body))
    whole.doc = state.source.doc(statement)
    for column in columns:
        taken = ("return ", Ref(whole), f"[{quoted(column)}]")
        made = Value(column, line, "node", "column", taken, frame=frame.name, base=frame.base, doc=whole.doc)
        frame = frame.with_column(column, state.add(made))
    state.change(name, frame)


def set_column(
    state: State,
    statement: ast.stmt,
    name: str,
    column: str,
    value: ast.expr,
    read: Expression,
    text: tuple[Piece, ...],
) -> None:
    """Let a table have a column from here on.

    Args:
        state: Where the reading stands.
        statement: The statement that sets it.
        name: The variable of the table.
        column: The column.
        value: What is set.
        read: What was read of that.
        text: The text of that.
    """
    frame = state.get(name)
    assert isinstance(frame, Frame)
    body = _as_column(state, frame, column, value, read, text)
    made = Value(column, value.lineno, "node", "column", body, frame=frame.name, base=frame.base)
    made.line, made.doc = statement.lineno, state.source.doc(statement)
    state.change(name, frame.with_column(column, state.add(made)))


def _as_column(
    state: State, frame: Frame, column: str, value: ast.expr, read: Expression, text: tuple[Piece, ...]
) -> tuple[Piece, ...]:
    """Return the text of a function that gives what a column is once an expression was set to it."""
    rows = read.rows_of(value)
    plain = returned(text, read, value)
    if rows is frame.base:
        return unnamed(plain)
    base = _rows(state, frame, text)
    inner = inner_of(plain)
    if isinstance(value, ast.Constant):
        return ("return pd.Series(", *inner, ", index=", base, ".index)")
    bases = {each.base for each in read.columns.values()}
    if read.is_array(value) and bases == {frame.base}:
        first = next(
            piece.value for piece in inner if isinstance(piece, Ref) and piece.value.base is frame.base
        )
        return ("return pd.Series(", *unnamed(inner), ", index=", Ref(first, rows=True), ".index)")
    if can_be_keyword(column):
        return ("return ", base, f"[[]].assign({column}=", *inner, f')["{column}"]')
    return ("return ", base, f"[[]].assign(**{{{quoted(column)}: ", *inner, f"}})[{quoted(column)}]")


def _rows(state: State, frame: Frame, text: tuple[Piece, ...]) -> Ref:
    """Return a table with the rows of another one: one that is read anyway, if there is such a one."""
    tables = [piece.value for piece in text if isinstance(piece, Ref) and piece.value.shape == "table"]
    if tables and (mine := state.whole(frame, 0)) in tables:
        return Ref(mine, rows=True)
    return Ref(state.readable(frame.base), rows=True)


def inner_of(body: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return the expression that the text of a function gives."""
    first = body[0]
    assert isinstance(first, str)
    rest = first.removeprefix("return ")
    return (rest, *body[1:]) if rest else body[1:]


def unnamed(body: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return a text in which columns need no names, since what comes of it is one column of a table."""
    return tuple(Ref(piece.value) if isinstance(piece, Ref) else piece for piece in body)


def assign_rows(
    state: State, statement: ast.stmt, name: str, rows: ast.expr, key: ast.expr, value: ast.expr
) -> None:
    """Read `table.loc[rows, "x"] = value`, where the column is there already."""
    frame, column = state.get(name), static_value(key, state.get)
    assert isinstance(frame, Frame) and isinstance(column, str)
    read = state.expression(rows, value)
    if not frame.has(column):
        as_block(state, statement, "it may make the column for some rows alone", BLOCK)
        return
    before = state.column(frame, column, statement.lineno)
    source, indent = state.source, statement.col_offset
    right = source.pieces(*source.right_side(statement, value), _within(read, value), indent)
    where = source.pieces(source.start(rows), source.end(rows), _within(read, rows), indent)
    body = (
        "changed = ",
        Ref(before),
        ".copy()\nchanged.loc[",
        *unnamed(where),
        "] =",
        *unnamed(right),
        "\nreturn changed",
    )
    made = Value(column, statement.lineno, "node", "column", body, frame=frame.name, base=frame.base)
    made.doc = source.doc(statement)
    state.change(name, frame.with_column(column, state.add(made)))


def _within(read: Expression, node: ast.expr) -> list[Edit]:
    start, end = read.known.source.start(node), read.known.source.end(node)
    return [edit for edit in read.edits if start <= edit[0] and edit[1] <= end]


def assign_keywords(state: State, statement: ast.stmt, name: str, frame: Frame, call: ast.Call) -> None:
    """Read `name = table.assign(x=...)`."""
    if any(keyword.arg is None for keyword in call.keywords):
        raise Left("which columns it sets is not known from the text", BLOCK)
    at_first = dict(state.env)
    state.set(name, Frame(state.called(name), frame.base, frame.columns, frame.dropped, frame.is_unsure))
    mine = state.env[name]
    for keyword in call.keywords:
        assert keyword.arg is not None
        value = keyword.value
        state.env = dict(at_first)
        if isinstance(value, ast.Lambda) and len(value.args.args) == 1:
            state.env[value.args.args[0].arg] = mine
            value = value.body
        elif not isinstance(value, ast.Constant) and _may_be_called(value):
            raise Left("a function may be given for a column", "Write it as a lambda of the table.")
        read = state.expression(value)
        text = state.source.pieces(
            state.source.start(value), state.source.end(value), read.edits, statement.col_offset
        )
        state.env = {**at_first, name: mine}
        held = state.cells[mine]
        assert isinstance(held, Frame)
        body = _as_column(state, held, keyword.arg, value, read, text)
        made = Value(keyword.arg, value.lineno, "node", "column", body, frame=name, base=held.base)
        state.cells[mine] = held.with_column(keyword.arg, state.add(made))


def _may_be_called(value: ast.expr) -> bool:
    return isinstance(value, (ast.Name, ast.Attribute, ast.Lambda))


def returned(text: tuple[Piece, ...], read: Expression, value: ast.expr) -> tuple[Piece, ...]:
    """Return the text of a function that gives the value of an expression."""
    first = text[0]
    text = (first.lstrip(" "), *text[1:]) if isinstance(first, str) else text
    if value.lineno == value.end_lineno and not any(isinstance(p, str) and "\n" in p for p in text):
        return ("return ", *text)
    starts = text[0].startswith("(") if isinstance(text[0], str) else False
    return ("return ", *text) if starts or _holds_itself(value) else ("return (", *text, ")")


def _holds_itself(value: ast.expr) -> bool:
    """Tell whether an expression may stand on several lines without parentheses around it."""
    return isinstance(value, (ast.Dict, ast.List, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp))
