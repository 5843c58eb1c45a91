"""The text of values, once each has a name."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headwater_catalog.convert.source import IN_TEXT
from headwater_catalog.convert.values import CLOSED, NO_LITERAL, Bind, Piece, Ref, Value, quoted

__all__ = ["Rendering", "docstring", "helper_pieces", "is_given"]

_GIVEN = ("setting", "left", "node", "column")


def docstring(text: str) -> str:
    """Return a text as a docstring in one line, whatever it says."""
    shown = "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
    return '"""' + shown.replace("\\", "\\\\").replace('"""', "'''").removesuffix('"') + '"""'


def is_given(value: Value) -> bool:
    """Tell whether a feature takes a value as a parameter, instead of finding it in its module."""
    return value.made in _GIVEN


@dataclass
class Rendering:
    """Turns what stands for values into text.

    Attributes:
        names: The name of each value.
        imports: What the text needs besides: names of modules and of what `headwater` offers.
        used: Values of the module that the text uses.
    """

    names: Mapping[Value, str]
    imports: set[str] = field(default_factory=set)
    used: set[Value] = field(default_factory=set)

    def text(self, pieces: Iterable[Piece]) -> str:
        """Return pieces as text; the ends of lines within strings stay marked."""
        return "".join(self._piece(piece) for piece in pieces)

    def _piece(self, piece: Piece) -> str:
        if isinstance(piece, str):
            if piece == CLOSED:
                self.imports.add("functools")
            return piece
        if isinstance(piece, Bind):
            return self._bind(piece)
        value = piece.value
        if value.made == "literal":
            return quoted(value.literal)
        self.used.add(value)
        name = self.names[value]
        is_renamed = piece.named and value.made == "node" and value.shape == "column" and value.frame
        return f"{name}.rename({quoted(value.label)})" if is_renamed else name

    def _bind(self, bind: Bind) -> str:
        given = self._piece(Ref(bind.value))
        if bind.copied:
            if bind.value.shape in ("table", "column"):
                return f"{bind.name} = {given}.copy()\n"
            self.imports.add("copy")
            return f"{bind.name} = copy.deepcopy({given})\n"
        return "" if given == bind.name else f"{bind.name} = {given}\n"

    def function(self, name: str, value: Value, body: Iterable[Piece], above: Iterable[str], doc: str) -> str:
        """Return the text of a feature function."""
        inner = self.text(body)
        needed = dict.fromkeys(_values(body))
        parameters = [f"{self.names[each]}: {self.annotation(each)}" for each in needed if is_given(each)]
        head = f"def {name}({', '.join(parameters)}) -> {self.annotation(value)}:"
        if len(head) > 100:
            listed = "".join(f"    {each},\n" for each in parameters)
            head = f"def {name}(\n{listed}) -> {self.annotation(value)}:"
        lines = [*above, head, f"    {docstring(doc)}", *_indented(inner)]
        return "\n".join(lines) + "\n"

    def annotation(self, value: Value) -> str:
        """Return the annotation of a value."""
        if value.shape == "table":
            return "pd.DataFrame"
        if value.shape == "column":
            return "pd.Series"
        if value.parts:
            self.imports.add("Any")
            return f"tuple[{', '.join(self.annotation(part) for part in value.parts)}]"
        if value.made == "setting" and value.literal is not NO_LITERAL:
            kind = type(value.literal)
            if kind in (bool, int, float, str):
                return kind.__name__
        self.imports.add("Any")
        return "Any"


def _values(body: Iterable[Piece]) -> list[Value]:
    return [piece.value for piece in body if isinstance(piece, (Ref, Bind))]


def _indented(text: str) -> list[str]:
    lines = [f"    {line}" if line.strip() else "" for line in text.strip("\n").split("\n")]
    return [line.replace(IN_TEXT, "\n") for line in lines]


def helper_pieces(statement: ast.stmt, named: Mapping[str, Value]) -> list[tuple[ast.AST, Value]]:
    """Return the places in a definition where names of other definitions and constants stand."""
    own = {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    own |= {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    return [
        (node, named[node.id])
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id in named and node.id not in own
    ]
