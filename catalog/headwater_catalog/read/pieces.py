"""Source text cut at its top-level boundaries: the versions of a file share most of their pieces."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import Any, NamedTuple

from headwater_catalog.read.changes import may_change
from headwater_catalog.read.classes import RawClass, raw_class
from headwater_catalog.read.functions import RawFunction, raw_function
from headwater_catalog.read.newer import parsed_lately
from headwater_catalog.read.recovery import Part, parts_of, salvaged
from headwater_catalog.read.signs import aliases_in, imports_library, signs_in
from headwater_catalog.read.syntax import Unreadable, parse

__all__ = ["Piece", "Pieces", "Statement"]

_MOST_KEPT = 10_000  # pieces; a few kB each

_LONGEST_BODY = 20_000
"""Characters of a text whose whole tree is kept; those of hostile ones are large."""

_MOST_UNREAD = 200_000
"""How much of a text may be unreadable before no more of it is tried."""
_PART = 400  # characters that an unreadable part counts for, beside those it has
_DOUBT = "it may stand in a string that is not closed"

_START = re.compile(
    r"\n(?:(?P<decorator>@)|(?P<definition>(?:async[ \t]+def|def|class)\b)"
    r"|(?!(?:else|elif|except|finally)\b)[^\W\d])"
)
"""The beginning of a line that may begin a statement of the module itself, after the end of the one before.

A pattern that begins with a character is looked for ten times as fast as one that begins with `^`.
"""


_NOTHING: list[Any] = []  # what a definition has of which only the outside is kept


class Statement(NamedTuple):
    """A statement of a module.

    Attributes:
        node: Its tree; of a function or a class only the name and the lines.
        function: What it says if it defines a function.
        of_class: What it says if it defines a class, unless that is nothing which others could take.
    """

    node: ast.stmt
    function: RawFunction | None = None
    of_class: RawClass | None = None


class Piece(NamedTuple):
    """Some statements of a module that stand together.

    Attributes:
        text: Its source.
        offset: How many lines stand above it.
        statements: Its statements, with their lines in the text.
        may_change: Whether its code may change a name or what that stands for.
        signs: Lines of the text where its code may construct a driver, or go on with one.
        imports_library: Whether its code may import a library that has drivers.
        aliases: Names that its code may give to classes of drivers.
        body: The whole trees of its statements, with their lines in the text, where it has such signs and is
            no longer than most.
        fault: Line in the text and message of what is wrong in it.
        names: Names that what cannot be read of it may set.
    """

    text: str
    offset: int
    statements: tuple[Statement, ...]
    may_change: bool = False
    signs: tuple[int, ...] = ()
    imports_library: bool = False
    aliases: frozenset[str] = frozenset()
    body: tuple[ast.stmt, ...] = ()
    fault: tuple[int, str] | None = None
    names: frozenset[str] = frozenset()

    def at(self, offset: int) -> Piece:
        """Return the piece with so many lines above it."""
        return self if offset == self.offset else self._replace(offset=offset)


class Pieces:
    """Reads texts piece by piece, each piece only once; the oldest are forgotten.

    Pieces that Python can read one by one are, together, the same statements as the whole text: where a
    piece ends without an error no string and no bracket is open, and the next begins at the left edge with
    what can only begin a statement.
    """

    def __init__(self) -> None:
        self._known: dict[str | Part, Piece] = {}

    def __len__(self) -> int:
        return len(self._known)

    def read(self, text: str) -> list[Piece]:
        """Return the pieces of a source text in order.

        Of a text that Python cannot read those are given that can be read one by one, also where their
        syntax is newer than the host's Python; what is wrong is told in the others.
        """
        for texts in (_cut(text), [text]):
            try:
                return list(self._pieces(texts))
            except Unreadable:  # A cut went through a string or a bracket, or the text is wrong.
                continue
        return list(self._parts(text))

    def _pieces(self, texts: list[str]) -> Iterator[Piece]:
        offset = 0
        for text in texts:
            piece = self._known[text] = self._piece(text).at(offset)
            yield piece
            offset += text.count("\n")
        self._forget()

    def _parts(self, text: str) -> Iterator[Piece]:
        offset = unread = 0
        is_told = False
        for piece in self._mended(parts_of(text)):
            piece = piece.at(offset)
            offset += piece.text.count("\n")
            unread += len(piece.text) + _PART if piece.fault else 0
            # Lines of nonsense in a row are told once.
            yield piece._replace(fault=None) if is_told and not piece.statements else piece
            is_told = piece.fault is not None and not piece.statements
            if unread > _MOST_UNREAD:
                told = "Nothing from here on is read, since too much above cannot be. Correct that first."
                yield Piece("", offset, (), fault=(1, told))
                break
        self._forget()

    def _mended(self, parts: Iterable[Part]) -> Iterator[Piece]:
        for is_plain, group in groupby(parts, lambda part: part.is_plain):
            if is_plain:
                yield from self._plain(list(group))
            else:
                yield from map(self._piece, group)

    def _plain(self, parts: list[Part]) -> Iterator[Piece]:
        """Yield the pieces of statements that define nothing; most of them can be read together."""
        if len(parts) == 1:
            yield self._piece(parts[0])
            return
        together: Piece | None = None
        with suppress(Unreadable):
            together = self._piece("".join(part.text for part in parts))
        if together is not None:
            yield together
            return
        half = len(parts) // 2
        yield from self._plain(parts[:half])
        yield from self._plain(parts[half:])

    def _piece(self, key: str | Part) -> Piece:
        piece = self._known.pop(key, None)
        if piece is None:
            piece = _lenient(key) if isinstance(key, Part) else _strict(key)
        self._known[key] = piece  # the last one used stands last
        return piece

    def _forget(self) -> None:
        while len(self._known) > _MOST_KEPT:
            del self._known[next(iter(self._known))]


def _cut(text: str) -> list[str]:
    """Cut a text before each definition and after it; plain statements stay together."""
    cuts = [0]
    is_plain, is_decorated = True, False
    for start in _START.finditer(f"\n{text}"):
        kind = start.lastgroup
        if not is_decorated and (kind is not None or not is_plain):
            cuts.append(start.start())
        if not is_decorated or kind == "definition":
            is_plain, is_decorated = kind is None, kind == "decorator"
    return [text[start:end] for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True) if start < end]


def _strict(text: str) -> Piece:
    tree = parsed_lately(text, parse)
    lines = text.split("\n")
    statements = tuple([_statement(node, lines) for node in tree.body])
    piece = _piece(text, statements)
    is_kept = piece.signs and len(text) <= _LONGEST_BODY
    return piece._replace(body=tuple(tree.body)) if is_kept else piece


def _lenient(part: Part) -> Piece:
    found = salvaged(part.text)
    unread = found.unread or (_DOUBT if part.is_doubtful else "")
    lines = part.text.split("\n")
    statements = tuple(_statement(node, lines, unread) for node in found.statements)
    return _piece(part.text, statements)._replace(fault=found.fault, names=found.names)


def _piece(text: str, statements: tuple[Statement, ...]) -> Piece:
    signs = may_change(text), signs_in(text), imports_library(text), aliases_in(text)
    return Piece(text, 0, statements, *signs)


def _statement(node: ast.stmt, lines: list[str], unread: str = "") -> Statement:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        function = raw_function(node, lines)
        return Statement(_shell(node), function._replace(unread=unread) if unread else function)
    if isinstance(node, ast.ClassDef):
        return Statement(_shell(node), of_class=None if unread else raw_class(node, lines))
    return Statement(node)


def _shell(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.stmt:
    # Bodies are most of a file, and what they say is known by now. Nothing else is set: a dictionary of more
    # than five is half as large again, and a large repository has tens of thousands of these.
    shell = type(node).__new__(type(node))
    shell.name, shell.body, shell.decorator_list = node.name, _NOTHING, _NOTHING
    shell.lineno, shell.end_lineno = node.lineno, node.end_lineno
    return shell
