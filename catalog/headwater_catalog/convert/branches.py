"""Branches on configuration, which become variants of features."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from headwater_catalog.convert.blocks import NotInlined, as_block
from headwater_catalog.convert.state import State
from headwater_catalog.convert.values import (
    NO_LITERAL,
    Frame,
    Left,
    Origins,
    Piece,
    Ref,
    Value,
    Variant,
    quoted,
)

__all__ = ["read_branches"]

_COMPLEMENT: Final = {
    "when": "when_not",
    "when_not": "when",
    "when_in": "when_not_in",
    "when_not_in": "when_in",
}


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition on one entry of a configuration."""

    entry: Value
    kind: str
    wanted: Any

    def pieces(self) -> tuple[Piece, ...]:
        return (f"config.{self.kind}(", Ref(self.entry), f"={quoted(self.wanted)})")

    def suffix(self) -> str:
        if self.kind == "when" and self.wanted is True:
            return _word(self.entry.label)
        values = self.wanted if isinstance(self.wanted, list) else [self.wanted]
        named = _word("_or_".join(map(str, values)))
        return named if self.kind in ("when", "when_in") else f"not_{named}"

    def otherwise(self) -> _Condition:
        return _Condition(self.entry, _COMPLEMENT[self.kind], self.wanted)

    def values(self) -> list[Any] | None:
        """Return the values for which it holds, where it is one of some."""
        return {"when": [self.wanted], "when_in": self.wanted}.get(self.kind)


@dataclass(frozen=True, slots=True)
class _Branch:
    """What the variables hold at the end of a branch."""

    suffix: str
    condition: _Condition
    env: dict[str, int]
    cells: dict[int, Frame | Value]
    made: list[Value]

    def get(self, name: str) -> Frame | Value | None:
        cell = self.env.get(name)
        return None if cell is None else self.cells[cell]


def read_branches(state: State, statement: ast.If) -> None:
    """Read an `if`: one on configuration as variants, any other as a whole.

    Raises:
        Left: No feature can do what it does.
    """
    parts = _parts(state, statement)
    if parts is None:
        as_block(
            state,
            statement,
            "it is a branch on data",
            "Choose by row: df['x'].where(condition, other); or let it depend on configuration alone.",
        )
        return
    before = state.snapshot()
    start = len(state.made)
    branches: list[_Branch] = []
    state.strict += 1
    state.branches += 1
    try:
        for suffix, condition, body in parts:
            state.env, state.cells = dict(before[0]), dict(before[1])
            first = len(state.made)
            state.walk(state, body)
            branches.append(
                _Branch(suffix, condition, dict(state.env), dict(state.cells), state.made[first:])
            )
    except NotInlined as stop:
        raise stop.why from None
    finally:
        state.strict -= 1
        state.branches -= 1
    state.env, state.cells = dict(before[0]), dict(before[1])
    _Join(state, statement.lineno, branches, start).join()


def _parts(state: State, statement: ast.If) -> list[tuple[str, _Condition, list[ast.stmt]]] | None:
    """Return the branches with their conditions; None where one does not depend on configuration alone."""
    first = _condition(state, statement.test)
    if first is None:
        return None
    found = [(first.suffix(), first, list(statement.body))]
    rest = list(statement.orelse)
    taken = list(first.values() or [])
    while taken and len(rest) == 1 and isinstance(rest[0], ast.If):
        further = _condition(state, rest[0].test)
        values = further.values() if further is not None and further.entry is first.entry else None
        if further is None or values is None or any(value in taken for value in values):
            break
        found.append((further.suffix(), further, list(rest[0].body)))
        taken += values
        rest = list(rest[0].orelse)
    last = first.otherwise() if len(found) == 1 else _Condition(first.entry, "when_not_in", taken)
    return [*found, ("otherwise", last, rest)]


def _condition(state: State, test: ast.expr) -> _Condition | None:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            found = _condition(state, operand)
            return found.otherwise() if found is not None else None
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            entry, wanted = state.setting(left), _written(right)
            kind = _KINDS.get(type(operator))
            if entry is None or kind is None or wanted is NO_LITERAL:
                return None
            if kind in ("when_in", "when_not_in"):
                return (
                    _Condition(entry, kind, list(wanted)) if isinstance(wanted, (list, tuple, set)) else None
                )
            return _Condition(entry, kind, wanted)
    entry = state.setting(test)
    if entry is None or (entry.literal is not NO_LITERAL and not isinstance(entry.literal, bool)):
        return None
    return _Condition(entry, "when", True)


_KINDS: Final = {
    ast.Eq: "when",
    ast.NotEq: "when_not",
    ast.Is: "when",
    ast.IsNot: "when_not",
    ast.In: "when_in",
    ast.NotIn: "when_not_in",
}


def _written(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return NO_LITERAL


def _word(text: str) -> str:
    return re.sub(r"_+", "_", re.sub(r"\W+", "_", text.lower())).strip("_") or "value"


def _with_those_of_base(frame: Frame, others: Sequence[Frame]) -> Frame:
    """Return a table with the columns of its base that another branch sets, as the base has them."""
    columns = dict(frame.columns)
    for other in others:
        for name in other.columns:
            if name not in columns and name in frame.base.columns and name not in frame.dropped:
                columns[name] = frame.base.columns[name]
    there = sorted(name for name in columns if name in frame.base.columns and name not in frame.dropped)
    # Where these stand among the others does not count: setting them leaves them in their places.
    ordered = {name: columns[name] for name in [*there, *columns]}
    return replace(frame, columns=ordered)


class _Join:
    """Puts together what several branches leave behind."""

    def __init__(self, state: State, line: int, branches: Sequence[_Branch], start: int) -> None:
        self._state = state
        self._line = line
        self._branches = branches
        self._start = start
        self._joined: dict[tuple[Any, ...], Value] = {}

    def join(self) -> None:
        """Let every variable stand for what it is under each configuration."""
        state = self._state
        names = dict.fromkeys(name for branch in self._branches for name in branch.env)
        shared = {cell for cell in state.cells if any(cell in branch.cells for branch in self._branches)}
        for cell in sorted(shared):
            held = [branch.cells[cell] for branch in self._branches]
            state.cells[cell] = self._one_of(held, self._branches)
        for name in names:
            cells = {branch.env.get(name) for branch in self._branches}
            shared_cell = cells.pop() if len(cells) == 1 else None
            if shared_cell is not None and shared_cell in state.cells:
                state.env[name] = shared_cell
                continue
            having = [branch for branch in self._branches if name in branch.env]
            held = [branch.cells[branch.env[name]] for branch in having]
            state.set(name, self._one_of(held, having, name))

    def _one_of(
        self, held: Sequence[Frame | Value], branches: Sequence[_Branch], name: str = ""
    ) -> Frame | Value:
        first = held[0]
        if len(branches) == len(self._branches):
            if all(each is first for each in held):
                return first
            if isinstance(first, Frame) and all(isinstance(o, Frame) and first.is_same(o) for o in held):
                return first
        frames = [each for each in held if isinstance(each, Frame)]
        if len(frames) == len(held):
            return self._frame(frames, branches, name)
        if frames:
            raise Left(f"'{name}' is a table under some configurations alone", "Use two names.")
        return self._value([each for each in held if isinstance(each, Value)], branches)

    def _frame(self, frames: Sequence[Frame], branches: Sequence[_Branch], name: str) -> Frame:
        frames = [_with_those_of_base(each, frames) for each in frames]
        first = frames[0]
        alike = all(
            each.base is first.base
            and list(each.columns) == list(first.columns)
            and each.dropped == first.dropped
            for each in frames
        )
        if alike and len(branches) == len(self._branches):
            columns: dict[str, Value] = {}
            for column in first.columns:
                values = [each.columns[column] for each in frames]
                same = all(value is values[0] for value in values)
                columns[column] = values[0] if same else self._value(values, branches)
            return Frame(first.name, first.base, columns, first.dropped, first.is_unsure)
        wholes = [self._state.whole(each, self._line) for each in frames]
        return Frame(name or first.name, self._value(wholes, branches))

    def _value(self, values: Sequence[Value], branches: Sequence[_Branch]) -> Value:
        key = (tuple(values), tuple(branch.suffix for branch in branches))
        if key in self._joined:
            return self._joined[key]
        first = values[0]
        shape = first.shape if all(each.shape == first.shape for each in values) else "other"
        base = first.base if all(each.base is first.base for each in values) else None
        label = next((each.label for each in values if each.made == "node"), first.label)
        made = Value(label, self._line, "node", shape, frame=first.frame, base=base)
        made.doc = next((each.doc for each in values if each.doc), "")
        for value, branch in zip(values, branches, strict=True):
            body = self._body(value, branch)
            made.variants.append(Variant(branch.suffix, branch.condition.pieces(), body))
        made.origins = Origins(tuple(Frame(label, value) for value in values), is_stacked=True)
        self._joined[key] = self._state.add(made)
        return made

    def _body(self, value: Value, branch: _Branch) -> tuple[Piece, ...]:
        """Return the text of a variant: that of the value itself, where nothing else reads it."""
        if value.made == "constant" and value in branch.made:
            return ("return ", *value.body)
        if value.made in ("import", "helper"):
            raise Left(f"'{value.label}' is imported or defined under a condition", "Define it in any case.")
        alone = value.made == "node" and not value.variants and value.part_of is None and not value.parts
        if alone and value in branch.made and not value.columns and not self._is_read(value, branch):
            self._state.made.remove(value)
            return value.body
        return ("return ", Ref(value, named=False))

    def _is_read(self, value: Value, branch: _Branch) -> bool:
        stack = [need for other in branch.made if other is not value for need in other.needs()]
        stack += [need for other in self._joined.values() for need in other.needs()]
        seen: set[Value] = set()
        while stack:
            found = stack.pop()
            if found is value:
                return True
            if found not in seen:
                seen.add(found)
                stack += found.needs()
        return False
