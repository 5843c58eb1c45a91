"""Which column of a script comes from which, without converting it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater_catalog.convert.conversion import read_script
from headwater_catalog.convert.state import State
from headwater_catalog.convert.values import Frame, Leftover, Value

__all__ = ["ColumnStep", "lineage_of"]

_TOLD = ("node", "column", "left")
"""How values are made that a step may come from."""


@dataclass(frozen=True, slots=True)
class ColumnStep:
    """One setting of a column, a table or another variable.

    Attributes:
        name: What is set: `table.column`, or the variable.
        line: Where.
        kind: "column", "table" or "variable".
        needs: What it is made from directly, each with the line where that was set.
        sources: The columns and tables from outside that it comes from in the end.
        is_certain: Whether the text leaves no doubt about these: a column of joined tables may be of either.
    """

    name: str
    line: int
    kind: str
    needs: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]
    is_certain: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the step as JSON."""
        return {
            "name": self.name,
            "line": self.line,
            "kind": self.kind,
            "needs": [{"name": name, "line": line} for name, line in self.needs],
            "sources": list(self.sources),
            "is_certain": self.is_certain,
        }


def lineage_of(text: str, folders: Sequence[Path] = ()) -> list[ColumnStep]:
    """Return what a script sets, in the order in which it does, each with what it comes from.

    Args:
        text: The text of the script.
        folders: Where modules of its own are.

    Raises:
        Unreadable: Python cannot read it.
    """
    state = read_script(text, folders)
    return [_step(state, value) for value in state.made if value.made in ("node", "left") and _is_told(value)]


def _is_told(value: Value) -> bool:
    return value.shape != "other" or value.made == "node"


def _step(state: State, value: Value) -> ColumnStep:
    needs = dict.fromkeys((_name(need), _line(need)) for need in _direct(state, value) if need.made in _TOLD)
    found = _Sources(state)
    found.follow(value)
    kind = "variable" if value.shape == "other" or _is_variable(value) else value.shape
    sources = tuple(sorted(found.names - ({_name(value)} if value.made == "left" and not needs else set())))
    return ColumnStep(_name(value), value.line, kind, tuple(needs), sources, found.is_certain)


def _is_variable(value: Value) -> bool:
    return value.shape == "column" and not value.frame


def _name(value: Value) -> str:
    is_column = value.shape == "column" and value.frame
    return f"{value.frame}.{value.label}" if is_column else value.label


def _line(value: Value) -> int:
    return value.base.line if value.made == "column" and value.base is not None else value.line


def _direct(state: State, value: Value) -> list[Value]:
    if value.made != "left":
        return value.needs(contents=True)
    left = next((each for each in state.leftovers if value in each.binds.values()), None)
    return [] if left is None else list(_read_by(left))


def _read_by(left: Leftover) -> Iterable[Value]:
    for held in left.reads.values():
        if not isinstance(held, Frame):
            yield held
        else:
            yield from held.columns.values() if held.columns else [held.base]


class _Sources:
    """Follows values to where they come into a script."""

    def __init__(self, state: State) -> None:
        self.names: set[str] = set()
        self.is_certain = True
        self._state = state
        self._seen: set[tuple[Value, str]] = set()

    def follow(self, value: Value) -> None:
        """Note where a value comes from."""
        stack = [value]
        while stack:
            found = stack.pop()
            if (found, "") in self._seen:
                continue
            self._seen.add((found, ""))
            if found.made == "column" and found.base is not None:
                stack += self._through(found.base, found.label)
            elif needed := [each for each in _direct(self._state, found) if each.made in (*_TOLD, "setting")]:
                stack += needed
            elif found.made in ("left", "setting"):
                self.names.add(_name(found))

    def _through(self, base: Value, column: str) -> list[Value]:
        """Return where a column of a table is set, or note the table that it comes in with."""
        stack, found = [(base, column)], []
        while stack:
            table, name = stack.pop()
            if (table, name) in self._seen:
                continue
            self._seen.add((table, name))
            told = table.origins
            there = told.renamed.get(name, name)
            origins = [each for each in told.frames if there not in each.dropped or there in each.columns]
            if there is None or not origins:
                needed = [each for each in _direct(self._state, table) if each.made in _TOLD]
                found += needed
                if needed:
                    self.is_certain = False
                else:
                    self.names.add(f"{table.label}.{name}")
                continue
            knowing = [each for each in origins if there in each.columns or there in each.base.columns]
            if told.is_stacked:
                knowing = origins
            elif len(origins) > 1 and len(knowing) != 1:
                self.is_certain, knowing = False, origins
            for frame in knowing or origins:
                if there in frame.columns:
                    found.append(frame.columns[there])
                else:
                    stack.append((frame.base, there))
        return found
