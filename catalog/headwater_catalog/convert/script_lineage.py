"""Which column of a script comes from which, without converting it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater_catalog.convert.conversion import read_script
from headwater_catalog.convert.state import State
from headwater_catalog.convert.values import Frame, Leftover, Ref, Value, quoted

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
    sources = _Sources(state)
    told = [value for value in state.made if value.made in ("node", "left") and _is_told(value)]
    return [_step(state, value, sources) for value in told]


def _is_told(value: Value) -> bool:
    return value.shape != "other" or value.made == "node"


def _step(state: State, value: Value, sources: _Sources) -> ColumnStep:
    needs = dict.fromkeys((_name(need), _line(need)) for need in _direct(state, value) if need.made in _TOLD)
    found = sources.of(value)
    kind = "variable" if value.shape == "other" or _is_variable(value) else value.shape
    names = tuple(sorted(found.names - ({_name(value)} if value.made == "left" and not needs else set())))
    return ColumnStep(_name(value), value.line, kind, tuple(needs), names, found.is_certain)


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


_Place = tuple[Value, str | None]
"""A value, or a column of a table."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known of a place: where to look further, or the names of what comes from outside."""

    further: tuple[_Place, ...] = ()
    names: frozenset[str] = frozenset()
    is_certain: bool = True


class _Sources:
    """Follows values to where they come into a script, each once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[_Place, _Found] = {}

    def of(self, value: Value) -> _Found:
        """Return the names of what a value comes from in the end."""
        steps: dict[_Place, _Found] = {}
        stack: list[_Place] = [(value, None)]
        while stack:
            place = stack[-1]
            if place not in steps and place not in self._known:
                steps[place] = self._column(*place) if place[1] is not None else self._value(place[0])
                stack += [each for each in steps[place].further if each not in steps]
                continue
            stack.pop()
            if place in self._known:
                continue
            step = steps[place]
            parts = [step, *(self._known[each] for each in step.further if each in self._known)]
            names = frozenset().union(*(part.names for part in parts))
            self._known[place] = _Found((), names, all(part.is_certain for part in parts))
        return self._known[value, None]

    def _value(self, value: Value) -> _Found:
        if value.made == "column" and value.base is not None:
            return _Found(((value.base, value.label),))
        match value.body:
            case ("return ", Ref(value=table), str(key)) if key == f"[{quoted(value.label)}]":
                return _Found(((table, value.label),))
        needed = [each for each in _direct(self._state, value) if each.made in (*_TOLD, "setting")]
        if needed:
            return _Found(tuple((each, None) for each in needed))
        return _Found((), frozenset({_name(value)} if value.made in ("left", "setting") else ()))

    def _column(self, table: Value, name: str | None) -> _Found:
        assert name is not None
        told = table.origins
        there = told.renamed.get(name, name)
        origins = [each for each in told.frames if there not in each.dropped or there in each.columns]
        if there is None or not origins:
            needed = [each for each in _direct(self._state, table) if each.made in _TOLD]
            if needed:
                is_certain = len(needed) == 1 and needed[0].shape == "column"
                return _Found(tuple((each, None) for each in needed), is_certain=is_certain)
            return _Found((), frozenset({f"{table.label}.{name}"}))
        knowing = [each for each in origins if there in each.columns or there in each.base.columns]
        is_open = len(origins) > 1 and len(knowing) != 1 and not told.is_stacked
        frames = origins if told.is_stacked or is_open or not knowing else knowing
        places: list[_Place] = [
            (each.columns[there], None) if there in each.columns else (each.base, there) for each in frames
        ]
        return _Found(tuple(places), is_certain=not is_open)
