"""A script of pandas as feature functions, a driver, and what was left of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater_catalog.convert.driver_text import DriverText
from headwater_catalog.convert.effects import effects_of
from headwater_catalog.convert.known import WRITERS
from headwater_catalog.convert.module_text import definition_text, module_text
from headwater_catalog.convert.naming import built_in, names_of, word
from headwater_catalog.convert.outline import outline_of
from headwater_catalog.convert.project_text import ScriptFlow, flow_of
from headwater_catalog.convert.rendering import Rendering
from headwater_catalog.convert.source import Source
from headwater_catalog.convert.state import State
from headwater_catalog.convert.statements import walk
from headwater_catalog.convert.told_functions import sets_columns
from headwater_catalog.convert.values import Frame, Note, Value, refs_of
from headwater_catalog.read.syntax import TOO_DEEP, Unreadable, parse

__all__ = ["Conversion", "convert_script", "read_script"]


_LARGEST: Final = 2**20
"""Bytes of a module beside a script that is read."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a script becomes.

    Attributes:
        module: The name of the module of features.
        module_text: Its text; empty where nothing became a feature.
        driver: The file name of the driver script, without its ending.
        driver_text: Its text.
        notes: What was left or kept whole, with the reasons, by line.
        features: The names of the features, each with the line of the script that it comes from.
        finals: The feature for each variable of the script as it is at its end.
        variables: The variables that count at the end of the script: not those of loops that nobody reads.
        main: The function that does what the script does; empty where its own statements do.
        uncalled: Where nothing became a feature: functions that set columns of what they are given.
        flow: The dataflow that has them; None where nothing became a feature.
    """

    module: str
    module_text: str
    driver: str
    driver_text: str
    notes: tuple[Note, ...]
    features: Mapping[str, int]
    finals: Mapping[str, str]
    variables: tuple[str, ...] = ()
    main: str = ""
    uncalled: tuple[str, ...] = ()
    flow: ScriptFlow | None = None


def read_script(text: str, folders: Sequence[Path] = ()) -> State:
    """Read a script into the values that it makes.

    Args:
        text: Its text.
        folders: Where modules of its own are.

    Raises:
        Unreadable: Python cannot read it.
    """
    source = Source(text)
    try:
        outline = outline_of(source.tree, lambda module: _module_in(folders, module))
        source.written.update(outline.written)
        state = State(source, outline, walk)
        walk(state, state.outline.statements)
    except RecursionError as error:
        raise Unreadable(0, TOO_DEEP) from error
    return state


def _module_in(folders: Sequence[Path], module: str) -> ast.Module | None:
    for folder in folders:
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        try:
            if path.is_file() and path.stat().st_size < _LARGEST:
                return parse(path.read_text("utf-8"))
        except (OSError, ValueError, Unreadable):
            continue
    return None


def convert_script(text: str, name: str, folders: Sequence[Path] = ()) -> Conversion:
    """Convert a script.

    Args:
        text: Its text.
        name: Its file name.
        folders: Where modules of its own are; what their functions do is read, and none is converted.

    Raises:
        Unreadable: Python cannot read it.
    """
    state = read_script(text, folders)
    try:
        return _Writing(state, name).conversion()
    except RecursionError as error:
        raise Unreadable(0, TOO_DEEP) from error


class _Writing:
    """Writes what was read of a script."""

    def __init__(self, state: State, script: str) -> None:
        self._state = state
        self._script = script
        stem = word(re.sub(r"\.(py|ipynb)$", "", script))
        self._module, self._driver = f"{stem}_features", f"run_{stem}"
        self._finals = self._final_values()
        self._reads = self._read_by_leftovers()
        self._ordered = self._order()
        self._names = names_of(self._ordered, self._taken())

    def conversion(self) -> Conversion:
        state, names = self._state, self._names
        features = {names[v]: v.line for v in self._ordered if v.made in ("node", "column")}
        notes = tuple(sorted(state.notes, key=lambda note: note.line))
        if not any(value.made == "node" for value in self._ordered):
            own = {name: told.node for name, told in state.outline.functions.items() if told.is_own}
            uncalled = tuple(name for name, node in own.items() if node.args.args and sets_columns(node))
            return Conversion(self._module, "", self._driver, "", notes, {}, {}, uncalled=uncalled)
        fixed = {
            name: held
            for name in state.env
            if isinstance(held := state.get(name), Value) and held.made in ("constant", "helper", "import")
        }
        beside, taken, imports = self._beside_driver(fixed)
        read = {name for _, name in self._reads}
        ending = {name: held for name, held in fixed.items() if held.made == "constant" and name in read}
        module = module_text(
            self._script,
            state.source,
            self._ordered,
            names,
            fixed,
            [*taken.values(), *ending.values(), *(v for v in self._reads.values() if v.made == "constant")],
        )
        inputs = [v for v in self._ordered if v.made == "left" and v.stage == "before"]
        settings = [v for v in self._ordered if v.made == "setting"]
        driver = DriverText(
            self._script,
            self._module,
            state.source,
            names,
            inputs,
            settings,
            taken,
            imports,
            beside,
            state.outline.words,
        ).text(state.leftovers, {**self._outputs(), **ending}, self._reads)
        finals = {name: names[value] for name, value in self._finals.items()}
        return Conversion(
            self._module,
            module,
            self._driver,
            driver,
            notes,
            features,
            finals,
            tuple(state.env),
            state.outline.main,
            flow=flow_of(
                self._module.removesuffix("_features"),
                self._module,
                names,
                inputs,
                settings,
                state.leftovers,
                self._saved(),
            ),
        )

    # Which values there are

    def _final_values(self) -> dict[str, Value]:
        """Return the values that the variables have at the end and that features make."""
        found: dict[str, Value] = {}
        for name in self._state.env:
            held = self._state.get(name)
            if isinstance(held, Frame) and held.base.made == "left" and held.base.stage == "after":
                continue
            value = self._state.whole(held, 0) if isinstance(held, Frame) else held
            is_made = value is not None and value.made in ("node", "column")
            if value is not None and is_made and not value.holds:  # the tables of a list count themselves
                found[name] = value
        return found

    def _outputs(self) -> dict[str, Value]:
        """Return the variables that the driver gives at its end: the tables, or else whatever there is.

        Also those that would else be what statements that are left made of them, or read, before.
        """
        before = {name for left in self._state.leftovers for name in left.binds}
        before |= {name for _, name in self._reads}
        wanted = {
            name: value for name, value in self._finals.items() if value.shape == "table" or name in before
        }
        return wanted or self._finals

    def _saved(self) -> list[Value]:
        """Return what a dataset is made of: what the script writes last, the last table, or columns."""
        made = sorted(self._outputs().values(), key=lambda value: value.line)
        tables = self._written() or [value for value in made if value.shape == "table"]
        return tables[-1:] or [value for value in made if value.shape == "column"]

    def _written(self) -> list[Value]:
        """Return what features make and the script writes out as a whole, as in `df.to_csv(...)`."""
        calls = (
            (left, call.func)
            for left in self._state.leftovers
            for call in ast.walk(left.statement)
            if isinstance(call, ast.Call)
        )
        found = (
            self._reads.get((id(left), called.value.id))
            for left, called in calls
            if isinstance(called, ast.Attribute)
            and called.attr in WRITERS
            and isinstance(called.value, ast.Name)
        )
        return [value for value in found if value is not None and value.made == "node"]

    def _read_by_leftovers(self) -> dict[tuple[int, str], Value]:
        found: dict[tuple[int, str], Value] = {}
        for left in self._state.leftovers:
            for name, held in left.reads.items():
                if isinstance(held, Frame):
                    is_after = held.base.made == "left" and held.base.stage == "after"
                    found[id(left), name] = held.base if is_after else self._state.whole(held, 0)
                else:
                    found[id(left), name] = held
        return found

    def _order(self) -> list[Value]:
        """Return all values that are wanted, upstream before downstream."""
        wanted = [*self._state.made, *self._finals.values()]
        wanted += [value for value in self._reads.values() if value.made in ("node", "column")]
        made = [v for v in wanted if v.made in ("node", "column")]
        ordered: dict[Value, None] = {}
        seen: set[Value] = set()
        stack = [(value, False) for value in reversed(made)]
        while stack:
            value, is_left = stack.pop()
            if is_left:
                ordered[value] = None
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                needs = [*value.needs(), *value.parts]
                stack += [(need, False) for need in reversed(needs)]
        for value in self._state.made:
            if value.made in ("constant", "helper", "import"):
                ordered.setdefault(value)
        for entry in self._state.settings.values():
            if any(entry is ref for v in list(ordered) for ref in _conditions(v)):
                ordered.setdefault(entry)
        return [value for value in ordered if value.made != "literal"]

    def _taken(self) -> set[str]:
        """Return the names that no feature may have."""
        state = self._state
        imported = {value.label for value in state.made if value.made == "import"}
        return {*imported, *built_in(state.outline.words), *state.free, self._module, self._driver}

    # What the driver needs

    def _beside_driver(self, fixed: Mapping[str, Value]) -> tuple[list[str], dict[str, Value], list[str]]:
        """Return definitions, names of the module, and imports that the leftovers use."""
        used: dict[str, None] = {}
        for left in self._state.leftovers:
            effects = effects_of(left.statement)
            used.update(dict.fromkeys([*effects.reads, *effects.changes]))
        sources = [ast.parse(entry.source) for entry in self._state.settings.values()]
        used.update((n.id, None) for tree in sources for n in ast.walk(tree) if isinstance(n, ast.Name))
        own: dict[str, str] = {}
        stack = list(used)
        rendering = Rendering(_Own(self._names))
        while stack:
            name = stack.pop()
            told = self._state.outline.functions.get(name)
            held = fixed.get(name)
            if held is None or held.made != "helper" or name in own:
                continue
            reads = told.reads if told is not None else set(effects_of(_statement(held)).reads)
            if any(self._is_of_driver(each, fixed) for each in reads):
                own[name] = definition_text(rendering, self._state.source, held, {})
                used.update(dict.fromkeys(reads))
                stack += reads
        taken = {
            name: fixed[name]
            for name in used
            if name in fixed and name not in own and fixed[name].made in ("constant", "helper")
        }
        for (_, name), value in self._reads.items():  # one that is set again later is another one at the end
            if value.made == "constant":
                taken.setdefault(name, value)
        imports = [
            str(fixed[name].body[0]) for name in used if name in fixed and fixed[name].made == "import"
        ]
        return list(own.values()), taken, sorted(set(imports))

    def _is_of_driver(self, name: str, fixed: Mapping[str, Value]) -> bool:
        """Tell whether a variable is another one in the driver than in the module, at least at times."""
        state = self._state
        return name in state.env and (name not in fixed or name in state.outline.set_often)


class _Own(dict[Value, str]):
    """Names under which definitions stand beside the leftovers: their own."""

    def __missing__(self, value: Value) -> str:
        return value.label

    def __init__(self, names: Mapping[Value, str]) -> None:
        super().__init__({value: value.label for value in names})


def _statement(value: Value) -> ast.stmt:
    assert value.statement is not None
    return value.statement


def _conditions(value: Value) -> Iterable[Value]:
    return [ref.value for variant in value.variants for ref in refs_of(variant.condition)]
