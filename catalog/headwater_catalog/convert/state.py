"""Where the reading of a script stands: what its variables hold, and what was made of it so far."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from headwater_catalog.convert.effects import effects_of
from headwater_catalog.convert.expressions import Expression, Known
from headwater_catalog.convert.groups import named_in
from headwater_catalog.convert.known import READS_DATA, dotted, impure_name, impurity
from headwater_catalog.convert.outline import Outline
from headwater_catalog.convert.source import Source
from headwater_catalog.convert.told_functions import ToldFunction, functions_of
from headwater_catalog.convert.values import (
    NO_LITERAL,
    Frame,
    Left,
    Leftover,
    Note,
    Origins,
    Piece,
    Ref,
    Value,
    can_be_keyword,
    quoted,
)

__all__ = ["State"]

_IN_A_LINE: Final = 3
"""Columns that are put together in one line."""


@dataclass
class State:
    """What the statements read so far have made.

    Attributes:
        source: The script.
        outline: What was found out about it beforehand.
        walk: Reads further statements, as they stand in a branch, a loop or a function.
        env: The cell of each variable; variables that are one and the same object share a cell.
        cells: What each cell holds.
        made: The values, in the order in which they came.
        leftovers: The statements that stay in the driver script.
        notes: What is to be told.
        imports: What imported names stand for, in full.
        settings: The entries of configurations that are read, by these, their keys and where they may differ.
        free: Names that are none of the script's variables, and that no feature may have.
        returned: The variables that a function gives back, and what its caller names them.
        own: The names that the function has of its own that is being read.
        depth: How many functions of the script are being read in the place of their calls.
        branches: How many branches on configuration are being read.
        strict: How many statements are being read of which all or nothing is converted.
    """

    source: Source
    outline: Outline
    walk: Callable[[State, Iterable[ast.stmt]], None]
    env: dict[str, int] = field(default_factory=dict)
    cells: dict[int, Frame | Value] = field(default_factory=dict)
    made: list[Value] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    imports: dict[str, str] = field(default_factory=dict)
    settings: dict[tuple[str, str, str], Value] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)
    returned: dict[str, str] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    depth: int = 0
    branches: int = 0
    strict: int = 0
    _inner: dict[ast.stmt, ToldFunction] = field(default_factory=dict)
    _closing: list[Value] = field(default_factory=list)
    _wholes: dict[Any, Value] = field(default_factory=dict)
    read: dict[Value, None] = field(default_factory=dict)
    _next: int = 0

    # Variables

    def get(self, name: str) -> Frame | Value | None:
        """Return what a variable stands for; None where it is none of the script."""
        cell = self.env.get(name)
        return None if cell is None else self.cells[cell]

    def set(self, name: str, held: Frame | Value) -> None:
        """Give a variable a new object."""
        self.env[name] = self.hold(held)

    def hold(self, held: Frame | Value) -> int:
        """Return a new cell for an object."""
        self._next += 1
        self.cells[self._next] = held
        return self._next

    def change(self, name: str, held: Frame | Value) -> None:
        """Change the object that a variable stands for, also for all others that stand for it."""
        self.cells[self.env[name]] = held

    def bind(self, name: str, value: Value) -> None:
        """Give a variable a new value, as a table where it is one."""
        self.set(name, Frame(self.called(name), value) if value.shape == "table" else value)

    def called(self, name: str) -> str:
        """Return what a variable is called in the end: one that a function returns is its caller's."""
        return self.returned.get(name, name) if self.depth else name

    def tables_in(self, node: ast.expr) -> dict[str, int]:
        """Return the cells of the tables in a list or dictionary that is written out; else nothing."""
        names = named_in(node) or []
        held = {name: self.env[name] for name in names if isinstance(self.get(name), Frame)}
        return held if len(held) == len(set(names)) else {}

    def add(self, value: Value) -> Value:
        """Take note of a value that a statement makes."""
        self.made.append(value)
        return value

    def snapshot(self) -> tuple[Any, ...]:
        """Return what `restore` needs to go back to this moment."""
        counts = (len(self.made), len(self.leftovers), len(self.notes), len(self.read))
        return dict(self.env), dict(self.cells), *counts

    def restore(self, kept: tuple[Any, ...]) -> None:
        """Forget what came since a moment."""
        env, cells, made, leftovers, notes, read = kept
        self.env, self.cells = dict(env), dict(cells)
        del self.made[made:], self.leftovers[leftovers:], self.notes[notes:]
        while len(self.read) > read:
            self.read.popitem()

    # Values of tables

    def column(self, frame: Frame, name: str, line: int) -> Value:
        """Return the value of a column at a moment.

        Raises:
            Left: No feature can give it.
        """
        if (found := frame.columns.get(name)) is not None:
            return self.readable(found)
        if name in frame.dropped:
            raise Left(f"column '{name}' was taken away before", "Read it before it is taken away.")
        base = self.readable(frame.base)
        if name not in base.columns:
            base.columns[name] = Value(
                name,
                line,
                "column",
                "column",
                frame=frame.name,
                base=base,
                origins=Origins((Frame(frame.name, base),)),
                is_apart=True,
            )
        found = base.columns[name]
        found.is_apart = found.is_apart and self.branches > 0
        return found

    def without(self, frame: Frame, columns: Iterable[str]) -> Frame:
        """Return a table after columns are taken away.

        Raises:
            Left: It is made after the features.
        """
        self.readable(frame.base)
        for column in columns:
            frame = frame.without(column)
        return frame

    def whole(self, frame: Frame, line: int) -> Value:
        """Return the value of a table with the columns that were set in it.

        Raises:
            Left: No feature can give it.
        """
        if not frame.columns and not frame.dropped:
            return self.readable(frame.base)
        key = (frame.base, tuple(frame.columns.items()), frame.dropped)
        if key not in self._wholes:
            line = max([frame.base.line, *(value.line for value in frame.columns.values())])
            self._wholes[key] = Value(
                frame.name,
                line,
                "node",
                "table",
                _assembled(frame),
                origins=Origins((frame,)),
                frame=frame.name,
            )
        return self._wholes[key]

    def readable(self, value: Value) -> Value:
        """Return a value that a feature reads.

        Raises:
            Left: It is made after the features.
        """
        if value.holds:
            return self._with_tables(value)
        if value.made == "left" and value.stage == "after":
            raise Left(
                f"it needs '{value.label}', which line {value.line} makes, and that is left",
                f"Convert line {value.line} first.",
            )
        self.read[value] = None
        return value

    def _with_tables(self, group: Value) -> Value:
        """Return the value of a list or dictionary of tables, each as it is at this moment."""
        assert isinstance(group.statement, ast.Assign)
        body = ("return ", *self._spelled(group, group.statement.value))
        wholes = tuple(piece.value for piece in body if isinstance(piece, Ref))
        key = (group, wholes)
        if key not in self._wholes:
            self._wholes[key] = Value(group.label, group.line, "node", body=body, doc=group.doc)
        return self._wholes[key]

    def _spelled(self, group: Value, node: ast.expr | None) -> list[Piece]:
        match node:
            case ast.Name(id=name):
                held = self.cells[group.holds[name]]
                return [
                    Ref(self.whole(held, node.lineno) if isinstance(held, Frame) else self.readable(held))
                ]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                pieces: list[Piece] = []
                for number, item in enumerate(items):
                    pieces += [", " if number else "", *self._spelled(group, item)]
                only = "," if len(items) == 1 else ""
                is_list = isinstance(node, ast.List)
                return ["[", *pieces, "]"] if is_list else ["(", *pieces, f"{only})"]
            case ast.Dict(keys=keys, values=values):
                pieces = []
                for number, (key, item) in enumerate(zip(keys, values, strict=True)):
                    pieces += [", " if number else "", *self._spelled(group, key), ": "]
                    pieces += self._spelled(group, item)
                return ["{", *pieces, "}"]
        assert isinstance(node, ast.Constant)
        return [quoted(node.value)]

    def held(self, name: str, line: int) -> Value | None:
        """Return the value of a variable, a table with all its columns; None where it is no variable."""
        found = self.get(name)
        if found is None:
            return None
        return self.whole(found, line) if isinstance(found, Frame) else self.readable(found)

    # Expressions

    def expression(self, *nodes: ast.AST, given: Mapping[ast.AST, Frame] | None = None) -> Expression:
        """Read expressions at this moment.

        Args:
            nodes: The expressions.
            given: Parts of them that are tables which the driver script brings in.

        Raises:
            Left: No feature can give one of them.
        """
        known = Known(
            self.source,
            self._get_readable,
            self.column,
            self.whole,
            self.setting,
            self.given_to,
            self.imports,
        )
        found = Expression(known, given or {})
        for node in nodes:
            found.read(node)
        for call in found.calls:
            for name in self._changed_by(call):
                raise Left(
                    f"'{dotted(call.func)}' changes '{name}', which it is given",
                    f"Let it work on a copy, and assign what it returns to '{name}'.",
                )
        if found.impure:
            raise Left(found.impure, _advice(found.impure))
        if unknown := sorted(found.free - set(dir(builtins))) if "*" in self.imports else []:
            raise Left(
                f"'{unknown[0]}' may come from '{self.imports['*']}', of which every name is imported",
                f"Import '{unknown[0]}' by its name.",
            )
        self.free |= found.free | found.hidden
        return found

    def _get_readable(self, name: str) -> Frame | Value | None:
        found = self.get(name)
        return self.readable(found) if isinstance(found, Value) else found

    def in_full(self, name: str) -> str:
        """Return a dotted name with the module as it is called in full."""
        root, _, rest = name.partition(".")
        return self.imports.get(root, root) + (f".{rest}" if rest else "")

    def check_call(self, call: ast.Call) -> list[str]:
        """Return the variables that a call changes as a function of the script that is given them.

        Raises:
            Left: It does more than features may.
        """
        if why := impurity(call, self.in_full(dotted(call.func))):
            raise Left(why, _advice(why))
        return self.changed_by(call)

    def check_name(self, node: ast.Attribute) -> None:
        """Refuse what is another thing each time.

        Raises:
            Left: It is such a thing.
        """
        if why := impure_name(self.in_full(dotted(node))):
            raise Left(why, _advice(why))

    def changed_by(self, call: ast.Call) -> list[str]:
        """Return the tables that a call changes, as one of a function that is given them.

        Raises:
            Left: The function does more than features may.
        """
        return list(self._changed_by(call))

    def reads_data(self, node: ast.AST) -> bool:
        """Tell whether an expression is a call that brings data in."""
        if not isinstance(node, ast.Call) or not (name := dotted(node.func)):
            return False
        return impurity(node, self.in_full(name)) == READS_DATA

    def _changed_by(self, call: ast.Call) -> Iterator[str]:
        told = self.told(dotted(call.func))
        if told is None:
            return
        if told.impure:
            raise Left(f"'{dotted(call.func)}' is called: {told.impure}", _advice(told.impure))
        for argument in told.given_to_changed(call):
            for name in named_in(argument) or ():
                held = self.get(name)
                if isinstance(held, Frame) or (isinstance(held, Value) and held.made in ("node", "left")):
                    yield name

    # Functions of the script

    def told(self, name: str) -> ToldFunction | None:
        """Return what is known of a function; None where nothing is."""
        found, held = self.outline.functions.get(name), self.get(name)
        statement = held.statement if isinstance(held, Value) else None
        if not isinstance(statement, ast.FunctionDef) or (found is not None and found.node is statement):
            return found
        if statement not in self._inner:  # it stands in another function
            self._inner[statement] = functions_of(ast.Module([statement], []))[statement.name]
        return self._inner[statement]

    def given_to(self, name: str) -> dict[str, Value]:
        """Return the variables of the script that a function of it reads, as they are at this moment.

        Raises:
            Left: No feature can give them to it.
        """
        helper, told = self.get(name), self.told(name)
        if not isinstance(helper, Value) or helper.made != "helper" or helper in self._closing:
            return {}
        reads = told.reads if told is not None else effects_of(_definition(helper)).reads
        self._closing.append(helper)
        try:
            found = self._closed_over(reads, told)
        finally:
            self._closing.pop()
        names = tuple(found)
        if told is not None and told.impure:
            raise Left(f"'{name}' is called: {told.impure}", _advice(told.impure))
        if altered := sorted(each for each in told.alters if each in self.env) if told is not None else []:
            raise Left(f"'{name}' changes the variable '{altered[0]}' of the script", _GIVE_BACK)
        if (names and not _may_be_given_more(helper, names)) or helper.closes_over not in (None, names):
            which = sorted({*names, *(helper.closes_over or ())})[0]
            raise Left(
                f"'{name}' reads the variable '{which}' of the script",
                f"Give '{which}' to the function as a parameter.",
            )
        helper.closes_over = names
        return found

    def _closed_over(self, reads: Iterable[str], told: ToldFunction | None) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for each in sorted(reads):
            held = self.get(each)
            if held is None or (isinstance(held, Value) and held.made == "import"):
                continue
            if isinstance(held, Value) and held.made == "helper":
                inner = self.given_to(each)
                if told is not None and told.own & set(inner):
                    raise Left(f"'{each}' reads a variable that is another one where it is called")
                found.update(inner)
            elif isinstance(held, Frame) or held.made != "constant" or each in self.outline.set_often:
                value = self.held(each, 0)
                assert value is not None
                found[each] = value
        return found

    def setting(self, node: ast.expr) -> Value | None:
        """Return the value of an entry of a configuration; None where an expression is none."""
        found = self.outline.setting(node, self._configuration)
        if found is None:
            return None
        root, key, literal = found
        text = " ".join(self.source.text[self.source.start(node) : self.source.end(node)].split())
        shown = re.sub(r"\w+", root, text, count=1)
        place = (root, key, "" if literal is not NO_LITERAL else shown)
        if place not in self.settings:
            self.settings[place] = Value(key, node.lineno, "setting", literal=literal, source=shown)
        return self.settings[place]

    def _configuration(self, name: str) -> str:
        """Return the configuration that a variable stands for, be it a parameter; empty where it is none."""
        held = self.get(name)
        return held.label if isinstance(held, Value) and held.made == "left" else ""


def _definition(helper: Value) -> ast.stmt:
    assert helper.statement is not None
    return helper.statement


def _may_be_given_more(helper: Value, names: Iterable[str]) -> bool:
    """Tell whether a function can have further parameters."""
    statement = helper.statement
    if not isinstance(statement, ast.FunctionDef) or statement.decorator_list or statement.args.kwarg:
        return False
    return all(can_be_keyword(name) for name in names)


_GIVE_BACK: Final = "Let it return what it makes, and assign that."


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, names))}]"


def _assembled(frame: Frame) -> tuple[Piece, ...]:
    pieces: list[Piece] = ["return ", Ref(frame.base)]
    if frame.dropped:
        unsure = ', errors="ignore"' if frame.is_unsure else ""
        pieces.append(f".drop(columns={_listed(frame.dropped)}{unsure})")
    if frame.columns:
        many = len(frame.columns) > _IN_A_LINE
        pieces.append(".assign(" + ("\n    " if many else ""))
        for number, (name, value) in enumerate(frame.columns.items()):
            if number:
                pieces.append(",\n    " if many else ", ")
            is_word = can_be_keyword(name)
            pieces += [f"{name}=", Ref(value)] if is_word else [f"**{{{quoted(name)}: ", Ref(value), "}"]
        pieces.append(",\n)" if many else ")")
    return tuple(pieces)


def _advice(why: str) -> str:
    return next((advice for part, advice in _ADVICE.items() if part in why), "Keep it in the driver script.")


_ADVICE: Final[Mapping[str, str]] = {
    "random": "Give it a seed of its own, such as random_state=0, so that its order does not count.",
    "reads data": "Keep it in the driver script, which gives the data to the features, or make it a source.",
    "the time": "Give the day as an input, so that a run can be made again.",
    "command line": "Keep it in the driver script, and give its values as configuration.",
    "draws": "Keep it in the driver script, or draw from the saved dataset.",
    "prints": "Keep it in the driver script, or make it a check with @check_output.",
    "looks for files": "Keep it in the driver script, which gives what it finds to the features.",
    "writes": "Keep it in the driver script, or declare a sink of the dataflow.",
}
