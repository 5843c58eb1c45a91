"""What a script makes: its values one after the other, and the state of its tables in between."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

__all__ = [
    "CLOSED",
    "NO_LITERAL",
    "Bind",
    "Frame",
    "Left",
    "Leftover",
    "Note",
    "Origins",
    "Piece",
    "Ref",
    "Shape",
    "Value",
    "Variant",
    "can_be_keyword",
    "closed",
    "keywords",
    "quoted",
    "refs_of",
]

CLOSED: Final = "functools.partial("
"""Begins the text of a function that is given the variables that it reads."""
NO_LITERAL: Any = object()
"""In the place of the literal of a value that has none."""


Shape = Literal["table", "column", "other"]
"""What a value is, as far as the text tells."""


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a statement that did not become a feature function of a column or variable.

    Attributes:
        line: Its line in the script.
        kind: "left" where it stays in the driver script, "whole" where it became one function of a table.
        why: What stands against it.
        what_to_do: How it could be converted.
    """

    line: int
    kind: Literal["left", "whole"]
    why: str
    what_to_do: str

    def as_dict(self) -> dict[str, Any]:
        """Return the note as JSON."""
        return {"line": self.line, "kind": self.kind, "why": self.why, "what_to_do": self.what_to_do}


class Left(Exception):
    """A statement cannot be converted."""

    def __init__(self, why: str, what_to_do: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.what_to_do = what_to_do


@dataclass(eq=False, slots=True)
class Value:
    """One version of a variable or of a column.

    Attributes:
        label: What the script calls it.
        line: The line where it is made.
        made: How: "node" by a feature function; "column" is taken from a table as it is; "left" by a
            statement of the driver script; "setting" is an entry of a configuration; "literal" stands in
            the text itself.
        shape: Whether it is a table, a column or something else.
        body: The text of its function, or the expression of a constant.
        frame: The variable of the table, for a column.
        base: The table whose rows a column has, if it surely has them.
        doc: What the script says of it in a comment.
        stage: Of one that is left: whether it is made before or after the features.
        literal: What it is, where that is written out.
        columns: Of a table: the columns that are taken from it.
        variants: Its functions, where it has one for each configuration.
        parts: The values that a tuple is taken apart into.
        part_of: The tuple that it is taken out of.
        origins: Where the columns of a table come from; of no table where that is not sure.
        source: What in the driver gives a setting, as text.
        is_scalar: Whether it surely is a single value.
        is_container: Whether it surely is a list, a dictionary or a set.
        statement: The definition of a function or class; of a list or dictionary of tables, its assignment.
        is_apart: Of a column that is taken from a table: whether only some configurations need it.
        holds: Of a list or dictionary of tables, written out: the cells of these, by their variables.
        closes_over: Of a function: the variables of the script that it is given, because it reads them; None
            until it is used.
    """

    label: str
    line: int
    made: Literal["import", "helper", "constant", "setting", "node", "column", "left", "literal"]
    shape: Shape = "other"
    body: tuple[Piece, ...] = ()
    frame: str = ""
    base: Value | None = None
    doc: str = ""
    stage: Literal["before", "after"] = "before"
    literal: Any = NO_LITERAL
    columns: dict[str, Value] = field(default_factory=dict)
    variants: list[Variant] = field(default_factory=list)
    parts: list[Value] = field(default_factory=list)
    part_of: Value | None = None
    origins: Origins = field(default_factory=lambda: Origins())
    source: str = ""
    is_scalar: bool = False
    is_container: bool = False
    statement: ast.stmt | None = None
    is_apart: bool = False
    holds: dict[str, int] = field(default_factory=dict)
    closes_over: tuple[str, ...] | None = None

    @property
    def is_beforehand(self) -> bool:
        """Tell whether it is there before the features, and is no data of them."""
        if self.made == "left":
            return self.shape == "other" and self.stage == "before"
        return self.made in ("import", "constant", "helper", "setting")

    def needs(self, contents: bool = False) -> list[Value]:
        """Return the values that its function reads, each once, in their order.

        Args:
            contents: Only those of which more than the rows counts.
        """
        if self.part_of is not None:
            return [self.part_of]
        if self.made == "column":
            return [self.base] if self.base is not None else []
        found: dict[Value, None] = {}
        for body in [self.body, *(variant.body for variant in self.variants)]:
            found.update((ref.value, None) for ref in refs_of(body) if not (contents and ref.rows))
        return list(found)


@dataclass(frozen=True, slots=True)
class Variant:
    """What makes a value under one configuration.

    Attributes:
        suffix: What is put behind the name of the function.
        condition: The modifier.
        body: The text of the function.
    """

    suffix: str
    condition: tuple[Piece, ...]
    body: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """The place of a value in a text.

    Attributes:
        value: The value.
        named: Whether it must have the name of its column there.
        rows: Whether only its rows count there, not what is in them.
    """

    value: Value
    named: bool = False
    rows: bool = False


@dataclass(frozen=True, slots=True)
class Bind:
    """A line that gives a value the name that the script has for it.

    Attributes:
        name: The name.
        value: The value.
        copied: Whether the lines below change it.
    """

    name: str
    value: Value
    copied: bool


Piece = str | Ref | Bind


def refs_of(body: tuple[Piece, ...]) -> Iterator[Ref]:
    """Yield the places of values in a text."""
    for piece in body:
        if isinstance(piece, Ref):
            yield piece
        elif isinstance(piece, Bind):
            yield Ref(piece.value)


def keywords(given: Mapping[str, Piece | Value]) -> tuple[Piece, ...]:
    """Return the text that gives values to parameters by their names."""
    pieces: list[Piece] = []
    for name, value in given.items():
        pieces += [", " if pieces else "", f"{name}=", Ref(value) if isinstance(value, Value) else value]
    return tuple(pieces)


def closed(helper: Value, given: Mapping[str, Piece | Value]) -> tuple[Piece, ...]:
    """Return the text of a function of the script that is given the variables that it reads."""
    return (CLOSED, Ref(helper), ", ", *keywords(given), ")") if given else (Ref(helper),)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a variable that holds a table stands for at a moment.

    Attributes:
        name: The variable.
        base: The table that has its rows.
        columns: The columns that were set since, in the order in which they came.
        dropped: The columns of the base that were taken away.
        is_unsure: Whether the base may lack one of these.
    """

    name: str
    base: Value
    columns: Mapping[str, Value] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    is_unsure: bool = False

    def has(self, column: str) -> bool:
        """Tell whether a column surely is there: it was set, or read."""
        return column in self.columns or (column in self.base.columns and column not in self.dropped)

    def with_column(self, column: str, value: Value) -> Frame:
        """Return the table after a column is set."""
        return replace(self, columns={**self.columns, column: value})

    def without(self, column: str) -> Frame:
        """Return the table after a column is taken away."""
        kept = {name: value for name, value in self.columns.items() if name != column}
        if column in self.dropped:
            return replace(self, columns=kept)
        is_unsure = self.is_unsure or (column in self.columns and column not in self.base.columns)
        return replace(self, columns=kept, dropped=(*self.dropped, column), is_unsure=is_unsure)

    def is_same(self, other: Frame) -> bool:
        """Tell whether two states hold the same values."""
        mine, theirs = list(self.columns.items()), list(other.columns.items())
        return self.base is other.base and mine == theirs and self.dropped == other.dropped


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the columns of a table come from.

    Attributes:
        frames: The tables.
        renamed: The names there of columns that have other ones here; None where it is not known what they
            come from.
        is_stacked: Whether each of the tables has each column, as those have that are put below each other.
    """

    frames: tuple[Frame, ...] = ()
    renamed: Mapping[str, str | None] = field(default_factory=dict)
    is_stacked: bool = False

    def with_names(self, renamed: Mapping[str, str | None]) -> Origins:
        """Return the same with further new names of columns."""
        found = dict(self.renamed)
        for new, old in renamed.items():
            found[new] = old if old is None else self.renamed.get(old, old)
        return replace(self, renamed=found)


@dataclass(eq=False, slots=True)
class Leftover:
    """A statement that stays in the driver script.

    Attributes:
        statement: The statement.
        stage: Whether it comes before or after the features.
        reads: What the variables stand for that it reads, by name.
        changes: The variables that it changes in place.
        binds: The values that it makes, by the names of the variables.
        text: What stands in the driver script, where it is not the statement as the script has it.
    """

    statement: ast.stmt
    stage: Literal["before", "after"]
    reads: dict[str, Frame | Value]
    changes: frozenset[str]
    binds: dict[str, Value] = field(default_factory=dict)
    text: str = ""


def can_be_keyword(name: str) -> bool:
    """Tell whether a column can be given by `assign(name=...)`."""
    return name.isidentifier() and not keyword.iskeyword(name) and name != "self"


def quoted(value: Any) -> str:
    """Return what is written out as Python has it, texts in double quotes."""
    if isinstance(value, str):
        text = repr(value)
        plain = text.startswith("'") and '"' not in text and "\\" not in text
        return f'"{text[1:-1]}"' if plain else text
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    return repr(value)
