"""The text of the driver script: it brings data in, executes the features, and does what was left."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from headwater_catalog.convert.rendering import docstring
from headwater_catalog.convert.source import IN_TEXT, Source
from headwater_catalog.convert.values import Frame, Leftover, Value, quoted

__all__ = ["DriverText"]


_SEARCHED: Final = re.compile(r"^sys\.path\.(?:append|insert|extend)\(")


@dataclass
class DriverText:
    """What the driver script is made of.

    Attributes:
        script: The file name of the script.
        module: The module of the features.
        source: The script.
        names: The names of the values.
        inputs: The values that features read and that are made before them.
        settings: The entries of the configuration.
        taken: What of the module the leftovers use, by the script's names.
        imports: The lines that import what the leftovers use.
        definitions: Texts of functions that only work beside the leftovers.
        words: Names of the script.
    """

    script: str
    module: str
    source: Source
    names: Mapping[Value, str]
    inputs: Collection[Value]
    settings: Sequence[Value]
    taken: Mapping[str, Value]
    imports: Sequence[str]
    definitions: Sequence[str]
    words: Collection[str]
    _lines: list[str] = field(default_factory=list)

    def own(self, name: str) -> str:
        """Return a name of the driver's own that the script does not have."""
        while name in self.words:
            name += "_"
        return name

    def text(
        self,
        leftovers: Sequence[Leftover],
        outputs: Mapping[str, Value],
        wholes: Mapping[tuple[int, str], Value],
    ) -> str:
        """Return the text.

        Args:
            leftovers: The statements that are left, in their order.
            outputs: The variables that are wanted at the end, with their values.
            wholes: The value that each variable has where a leftover reads it, by its place and the name.
        """
        first = _before_imports(leftovers)
        before = [left for left in leftovers if left.stage == "before" and left not in first]
        after = [left for left in leftovers if left.stage == "after"]
        asked: dict[str, None] = {}
        ending: list[str] = []
        kept: dict[Value, str] = {}
        renamed, bound = self._renamed(before, wholes, kept)
        results = self.own("results")
        for left in after:
            for name in left.reads:
                value = wholes.get((id(left), name))
                if value is None or bound.get(name) is value:
                    continue
                if value.made == "left" and value.stage == "before":
                    kept[value] = self.own(f"{name}_of_line_{value.line}")
                    ending.append(f"{name} = {self._copied(value, left, name).format(kept[value])}")
                elif value.made == "left":
                    same = next((each for each, known in bound.items() if known is value), name)
                    ending += [f"{name} = {same}"] if same != name else []
                elif value.made in ("node", "column"):
                    asked[self.names[value]] = None
                    copied = self._copied(value, left, name)
                    ending.append(f"{name} = {copied.format(f'{results}[{quoted(self.names[value])}]')}")
                elif value.made == "constant" and bound.get(name, self.taken.get(name)) is not value:
                    ending.append(f"{name} = {self.module}.{self.names[value]}")
                bound[name] = value
            ending.append(self._text(left))
            bound.update(left.binds)
        for name, value in outputs.items():
            if value.made == "constant":
                if bound.get(name, self.taken.get(name)) is not value:
                    ending.append(f"{name} = {self.module}.{self.names[value]}")
            elif bound.get(name) is not value:
                asked[self.names[value]] = None
                ending.append(f"{name} = {results}[{quoted(self.names[value])}]")
        parts = [
            self._head(first),
            self._before(before, kept, renamed),
            self._driver(list(asked)),
            "\n".join(ending),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _text(self, left: Leftover) -> str:
        return (left.text or self.source.whole(left.statement)).replace(IN_TEXT, "\n")

    def _copied(self, value: Value, left: Leftover, name: str) -> str:
        if name not in left.changes:
            return "{}"
        return "{}.copy()" if value.shape in ("table", "column") else "{}"

    def _head(self, first: Sequence[Leftover]) -> str:
        lines = [docstring(f"Execute the features of {self.script}, and do what was left of it."), ""]
        lines += [line for line in self.imports if line.startswith("from __future__")]
        above = {text for left in first for value in left.reads.values() if (text := _import_of(value))}
        if first:  # where modules are, which the imports below need
            lines += [*sorted(above), *(self._text(left) for left in first)]
        others = [line for line in self.imports if not line.startswith("from __future__")]
        lines += [line for line in others if line not in above]
        lines += ["from headwater import Builder", "", f"import {self.module}"]
        for name, value in sorted(self.taken.items()):
            as_name = "" if self.names[value] == name else f" as {name}"
            lines.append(f"from {self.module} import {self.names[value]}{as_name}")
        return "\n".join([*lines, *(f"\n\n{text}\n" for text in self.definitions)])

    def _renamed(
        self,
        before: Sequence[Leftover],
        wholes: Mapping[tuple[int, str], Value],
        kept: dict[Value, str],
    ) -> tuple[dict[int, list[str]], dict[str, Value]]:
        """Return the lines that give what is left another name, by what reads it, and what the names are."""
        bound: dict[str, Value] = {}
        lines: dict[int, list[str]] = {}
        for left in before:
            for name in left.reads:
                value = wholes.get((id(left), name))
                if value is None or bound.get(name, self.taken.get(name)) is value:
                    continue
                if value.made == "constant":
                    line = f"{name} = {self.module}.{self.names[value]}"
                    lines.setdefault(id(left), []).append(line)
                    bound[name] = value
                if value.made != "left":
                    continue
                same = next((each for each, known in bound.items() if known is value), "")
                same = same or kept.setdefault(value, self.own(f"{name}_of_line_{value.line}"))
                line = f"{name} = {self._copied(value, left, name).format(same)}"
                lines.setdefault(id(left), []).append(line)
                bound[name] = value
            bound.update(left.binds)
        return lines, bound

    def _before(
        self, before: Sequence[Leftover], kept: Mapping[Value, str], renamed: Mapping[int, Sequence[str]]
    ) -> str:
        inputs = self.own("inputs")
        lines = [f"{inputs} = {{}}"] if self.inputs else []
        for left in before:
            lines += [*renamed.get(id(left), ()), self._text(left)]
            for name, value in left.binds.items():
                if value in self.inputs:
                    lines.append(f"{inputs}[{quoted(self.names[value])}] = {name}")
                if value in kept:
                    lines.append(f"{kept[value]} = {name}")
        return "\n".join(lines)

    def _driver(self, asked: Sequence[str]) -> str:
        driver, results = self.own("driver"), self.own("results")
        steps = ["Builder()"]
        if self.settings:
            entries = [f"{quoted(self.names[each])}: {each.source}" for each in self.settings]
            inner = ", ".join(entries)
            if len(inner) > 70:
                inner = "".join(f"\n            {each}," for each in entries) + "\n        "
                inner = f"\n        {{{inner}}}\n    "
            else:
                inner = f"{{{inner}}}"
            steps.append(f".with_config({inner})")
        steps += [f".with_modules({self.module})", ".build()"]
        built = "".join(steps)
        if len(built) > 80:
            inner = "\n".join(f"    {step}" for step in steps)
            built = f"(\n{inner}\n)"
        given = f", inputs={self.own('inputs')}" if self.inputs else ""
        return f"{driver} = {built}\n{results} = {driver}.execute([{', '.join(map(quoted, asked))}]{given})"


def _before_imports(leftovers: Sequence[Leftover]) -> list[Leftover]:
    """Return the statements that say where modules are, as far as they need nothing but imports."""
    return [
        left
        for left in leftovers
        if _SEARCHED.search(ast.unparse(left.statement))
        and isinstance(left.statement, ast.Expr)
        and all(_import_of(value) for value in left.reads.values())
    ]


def _import_of(value: Frame | Value) -> str:
    return str(value.body[0]) if isinstance(value, Value) and value.made == "import" else ""
