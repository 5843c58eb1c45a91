"""Statements that are not taken apart: kept whole as one function, or left in the driver script."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Literal

from headwater_catalog.convert.effects import Effects, changes_in_place, effects_of, is_in_place
from headwater_catalog.convert.groups import named_in
from headwater_catalog.convert.known import ONLY_TOLD, READ_ONLY, dotted, gives_table
from headwater_catalog.convert.origins import columns_set_by
from headwater_catalog.convert.source import Edit
from headwater_catalog.convert.state import State
from headwater_catalog.convert.values import (
    Bind,
    Frame,
    Left,
    Leftover,
    Note,
    Origins,
    Piece,
    Ref,
    Value,
    closed,
)

__all__ = ["NotInlined", "as_block", "leave"]

_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try)
_IN_ORDER = frozenset({"it displays", "it draws"})
"""Reasons to leave statements of which each goes on with what those before it did."""

_FIXED = ("import", "helper", "constant", "literal")


class NotInlined(Exception):
    """What stands in a branch, a loop or a function cannot be converted, so that the whole is kept."""

    def __init__(self, why: Left) -> None:
        super().__init__(why.why)
        self.why = why


def as_block(state: State, statement: ast.stmt, why: str, what_to_do: str) -> None:
    """Keep a statement whole, as a function of the tables and variables that it reads.

    Raises:
        Left: It does more than that.
    """
    effects = effects_of(statement)
    called, told = _check_calls(state, statement, effects)
    given = _given_to_helpers(state, statement)
    effects.reads.update(dict.fromkeys(name for names in given.values() for name in names))
    spelled = _spell_groups(state, statement, effects)
    results = _results(state, statement, effects)
    pieces: list[Piece] = []
    kept = [name for name in results if name in state.env]  # where a branch does not set them
    for name in dict.fromkeys([*effects.reads, *effects.changes, *kept]):
        held = state.get(name)
        is_fixed = isinstance(held, Value) and held.made in _FIXED
        if name in spelled:
            continue
        if held is None or (is_fixed and name not in effects.changes and name not in effects.sets):
            continue
        value = state.held(name, statement.lineno)
        assert value is not None
        if isinstance(held, Value) and held.made == "import" and name in effects.changes:
            raise Left(f"it changes the module '{name}'", "Keep it in the driver script.")
        if (
            isinstance(held, Value)
            and name in effects.changes
            and held.shape != "column"
            and not _is_copied(held, statement, name)
        ):
            raise Left(
                f"it changes '{name}', which is no table, in place",
                f"Make '{name}' in one function, from what it needs to what it gives.",
            )
        if not any(isinstance(piece, Bind) and piece.name == name for piece in pieces):
            pieces.append(Bind(name, value, name in effects.changes))
    source = state.source
    pieces += [text for group in spelled.values() for text in (source.whole(group), "\n")]
    edits = _fixed_edits(state, statement, effects, given)
    pieces += source.pieces(source.start(statement), source.end(statement), edits, statement.col_offset)
    pieces += [source.trailing(statement), f"\nreturn {', '.join(results)}"]
    needed = [piece.value for piece in pieces if isinstance(piece, (Bind, Ref))]
    if results and set(results) <= state.outline.for_reading and all(each.is_beforehand for each in needed):
        raise Left("")  # the driver needs it, to bring the data in
    if not results:
        raise told or Left("nothing is made of it", "Keep it in the driver script, or take it out.")
    made = Value(
        "_and_".join(results[:3]), statement.lineno, "node", body=tuple(pieces), doc=source.doc(statement)
    )
    state.add(made)
    for name in set(effects.sets) - set(results):
        state.env.pop(name, None)  # nobody reads what it is from here on
    containers = {name for name in results if name not in effects.sets and _holds_container(state, name)}
    _bind_results(state, made, results, effects, {} if called else _origins(state, statement, effects))
    for name in containers:
        if isinstance(held := state.get(name), Value):
            held.is_container = True
    note = Note(statement.lineno, "whole", why, what_to_do)
    if note not in state.notes:  # in a loop it comes again and again
        state.notes.append(note)


def _is_copied(value: Value, statement: ast.stmt, name: str) -> bool:
    """Tell whether a value that a statement changes surely can be copied as a whole before that."""
    if _is_container(value):
        return True
    if any(isinstance(piece, Bind) and piece.name == name and piece.copied for piece in value.body):
        return True
    changes = [node for node in ast.walk(statement) if changes_in_place(node, name)]
    return bool(changes) and all(map(_is_of_pandas, changes))


def _is_container(value: Value) -> bool:
    return value.is_container or isinstance(value.literal, (list, dict, set))


def _holds_container(state: State, name: str) -> bool:
    held = state.get(name)
    return isinstance(held, Value) and _is_container(held)


def _is_of_pandas(node: ast.AST) -> bool:
    """Tell whether a change in place is one that only tables and columns know."""
    match node:
        case ast.Call(keywords=keywords):
            return any(keyword.arg == "inplace" for keyword in keywords)
        case ast.Subscript(value=ast.Attribute(value=ast.Name(), attr="at" | "iat" | "iloc" | "loc")):
            return True
    return False


def _spell_groups(state: State, statement: ast.stmt, effects: Effects) -> dict[str, ast.stmt]:
    """Let a statement that changes the items of a list of tables work on these tables themselves.

    Returns:
        The assignments of such lists, which stand before the statement.
    """
    found: dict[str, ast.stmt] = {}
    for name in list(effects.changes):
        group = state.get(name)
        if not isinstance(group, Value) or group.statement is None or not group.holds:
            continue
        if any(state.env.get(each) != cell for each, cell in group.holds.items()):
            raise Left(
                f"it changes tables by '{name}', which have other names by now", "Change each by its name."
            )
        found[name] = group.statement
        effects.reads.update(dict.fromkeys(group.holds))
        effects.changes.update(dict.fromkeys(group.holds))
        if not _sets_item(statement, name):
            del effects.changes[name]
    return found


def _sets_item(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement puts something else into a list, instead of changing what is in it."""
    for node in ast.walk(statement):
        match node:
            case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store() | ast.Del()) if owner == name:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner))) if owner == name:
                return is_in_place(node)
    return False


def _check_calls(state: State, statement: ast.stmt, effects: Effects) -> tuple[bool, Left | None]:
    """Note what functions of the script change that a statement calls.

    Returns:
        Whether there is such a one, and why the statement would be left if it did nothing but tell.

    Raises:
        Left: It calls what no feature may.
    """
    told: Left | None = None
    changed: list[str] = []
    for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
        try:
            changed += state.check_call(call)
        except Left as why:
            if why.why not in ONLY_TOLD or not isinstance(statement, _COMPOUND):
                raise
            told = told or why
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute):
            state.check_name(node)
    effects.changes.update(dict.fromkeys(changed))
    return bool(changed), told


def _origins(state: State, statement: ast.stmt, effects: Effects) -> dict[str, Origins]:
    """Return where the columns come from of the tables that a statement only changes some columns of."""
    columns = columns_set_by(statement)
    if columns is None:
        return {}
    renamed = dict.fromkeys(columns)
    frames = {name: state.get(name) for name in effects.changes if name not in effects.sets}
    return {
        name: Origins((held,)).with_names(renamed) for name, held in frames.items() if isinstance(held, Frame)
    }


def _results(state: State, statement: ast.stmt, effects: Effects) -> list[str]:
    """Return the variables that a statement gives to what comes after it."""
    found = [name for name in effects.changes if name in state.env]
    for name in effects.sets:
        is_kept = name in effects.reads and name in state.env
        if name not in found and (is_kept or state.outline.is_read_after(statement, name)):
            found.append(name)
    return found


def _bind_results(
    state: State, made: Value, results: list[str], effects: Effects, origins: Mapping[str, Origins]
) -> None:
    if len(results) == 1:
        made.label = results[0]
        made.origins = origins.get(results[0], Origins())
        _hold(state, results[0], made, effects)
        return
    for name in results:
        part = Value(name, made.line, "node", part_of=made, origins=origins.get(name, Origins()))
        made.parts.append(part)
        _hold(state, name, state.add(part), effects)


def _hold(state: State, name: str, value: Value, effects: Effects) -> None:
    """Give a variable what a statement made of it, and all others that are the same if it only changed."""
    before = state.get(name)
    is_table = isinstance(before, Frame) or (before is None and name in state.outline.tables)
    value.shape = "table" if is_table else before.shape if isinstance(before, Value) else "other"
    if before is None or (name in effects.sets and name not in effects.changes):
        state.bind(name, value)
    else:
        state.change(name, Frame(name, value) if is_table else value)


def _given_to_helpers(state: State, statement: ast.stmt) -> dict[str, dict[str, Value]]:
    """Return the variables that functions of the script read which a statement uses, by their names."""
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return {name: given for name in sorted(names) if (given := state.given_to(name))}


def _fixed_edits(
    state: State, statement: ast.stmt, effects: Effects, given: Mapping[str, Mapping[str, Value]]
) -> list[Edit]:
    """Return the places of constants and functions, whose names in the new module may be others."""
    edits: list[Edit] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id not in effects.sets and node.id not in effects.changes:
            held = state.get(node.id)
            if isinstance(held, Value) and held.made in _FIXED:
                needed = {name: _at_hand(name, value) for name, value in given.get(node.id, {}).items()}
                literal = (repr(held.literal),) if held.made == "literal" else None
                instead = literal or closed(held, needed)
                edits.append((state.source.start(node), state.source.end(node), instead))
            elif held is None:
                state.free.add(node.id)
    return edits


def _at_hand(name: str, value: Value) -> Piece:
    """Return how a variable is called in the text of a block."""
    return Ref(value) if value.made in _FIXED else name


# What is left


def leave(state: State, statement: ast.stmt, why: Left, is_told: bool) -> None:
    """Leave a statement in the driver script.

    Raises:
        NotInlined: It stands in a branch, a loop or a function that is read as its own statements.
    """
    if state.strict:
        raise NotInlined(why)
    effects = effects_of(statement)
    env = dict(state.env)
    names = {**effects.reads, **effects.changes}
    if isinstance(statement, _COMPOUND):  # what it sets may be what it was before
        names.update((name, None) for name in effects.sets if name in state.env)
    names.update((name, None) for name in _read_by_calls(state, statement))
    changes = {*effects.changes, *_touched(state, statement)}
    for name in list(names):
        if isinstance(group := state.get(name), Value) and group.holds and group.statement is not statement:
            names.update(dict.fromkeys(group.holds))
            changes |= set(group.holds) if name in changes else set()
            _leave_group(state, name, group)
    reads = {name: held for name in names if (held := state.get(name)) is not None}
    changes &= set(reads)
    is_ordered = not effects.sets or why.why in _IN_ORDER
    stage = _stage(state, statement, reads, changes, is_ordered)
    left = Leftover(statement, stage, reads, frozenset(changes))
    for name in effects.sets:
        value = Value(name, statement.lineno, "left", stage=stage, doc=state.source.doc(statement))
        value.shape = "table" if _is_table(state, statement, name) else "other"
        left.binds[name] = state.add(value)
        state.bind(name, value)
    for name in changes:
        held = reads.get(name)
        if isinstance(held, Value) and held.made in ("import", "helper"):
            continue
        value = Value(name, statement.lineno, "left", stage=stage)
        value.shape = "table" if isinstance(held, Frame) else "other"
        left.binds[name] = state.add(value)
        state.change(name, Frame(name, value) if isinstance(held, Frame) else value)
    state.leftovers.append(left)
    for name in set(names) - set(left.binds):  # a list of tables stands for these again
        if name in env:
            state.env[name] = env[name]
    if is_told:
        advice = why.what_to_do or "Keep it in the driver script, or write it as assignments of columns."
        state.notes.append(Note(statement.lineno, "left", why.why, advice))


def _read_by_calls(state: State, statement: ast.stmt) -> set[str]:
    """Return the variables of the script that functions of it read which a statement calls."""
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    told = [told for name in names if (told := state.told(name)) is not None]
    return {name for each in told for name in each.reads if name in state.env}


def _leave_group(state: State, name: str, group: Value) -> None:
    """Have a list of tables in the driver script, made of the tables as they are there."""
    assert group.statement is not None
    if all(state.env.get(each) == cell for each, cell in group.holds.items()):
        leave(state, group.statement, Left(""), is_told=False)
    else:
        state.set(name, state.readable(group))


def _touched(state: State, statement: ast.stmt) -> set[str]:
    """Return the variables that a call may change whose value nobody takes: `model.fit(x)`, `prepare(df)`."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call):
            continue
        helper = state.told(dotted(node.func))
        if helper is not None or isinstance(node.func, ast.Name):
            if helper is not None:
                found.update(name for each in helper.given_to_changed(node) for name in named_in(each) or ())
        elif isinstance(statement, ast.Expr) and node is statement.value:
            match node.func:
                case ast.Attribute(value=ast.Name(id=name), attr=method) if method not in READ_ONLY:
                    held = state.get(name)
                case _:
                    continue
            if isinstance(held, Value) and held.shape == "other" and held.made not in _FIXED:
                found.add(name)
    return {name for name in found if state.get(name) is not None}


def _stage(
    state: State,
    statement: ast.stmt,
    reads: dict[str, Frame | Value],
    changes: set[str],
    is_ordered: bool,
) -> Literal["before", "after"]:
    """Return whether a statement can come before the features: where it needs nothing that they make."""
    for name, held in reads.items():
        value = held.base if isinstance(held, Frame) else held
        if isinstance(held, Frame) and (held.columns or held.dropped):
            return "after"
        if value.made in ("node", "column", "setting") or (value.made == "left" and value.stage == "after"):
            return "after"
        if name in changes and value in state.read:
            return "after"
    after = [left for left in state.leftovers if left.stage == "after"]
    if after and is_ordered and not isinstance(statement, (ast.Import, ast.ImportFrom)):
        return "after"
    texts = {text for left in after for text in _texts(left.statement)}
    return "after" if texts & _texts(statement) else "before"


def _texts(statement: ast.stmt) -> set[str]:
    """Return the file names in a statement, as far as they are written out."""
    constants = (node.value for node in ast.walk(statement) if isinstance(node, ast.Constant))
    return {text for text in constants if isinstance(text, str) and ("." in text or "/" in text)}


def _is_table(state: State, statement: ast.stmt, name: str) -> bool:
    if name in state.outline.tables:
        return True
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr):
        return False
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and gives_table(value)
