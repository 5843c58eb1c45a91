"""Source text cut at its top-level boundaries: the versions of a file share most of their pieces."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headwater_catalog.read.changes import may_change
from headwater_catalog.read.functions import RawFunction, raw_function
from headwater_catalog.read.syntax import Unreadable, moved, parse, shallow

__all__ = ["Piece", "Pieces", "Statement"]

_MOST_KEPT = 20_000  # pieces; a few kB each

_START = re.compile(
    r"^(?:(?P<decorator>@)|(?P<definition>(?:async[ \t]+def|def|class)\b)"
    r"|(?!(?:else|elif|except|finally)\b)[^\W\d])",
    re.MULTILINE,
)
"""The beginning of a line that may begin a statement of the module itself."""


_NO_ARGUMENTS = ast.arguments(
    posonlyargs=[], args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a module.

    Attributes:
        node: Its tree; of a function only the name and the lines, and of a class, too, unless all that its
            body does is to annotate names.
        function: What it says if it defines a function.
    """

    node: ast.stmt
    function: RawFunction | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some statements of a module that stand together.

    Attributes:
        text: Its source.
        offset: How many lines stand above it.
        statements: Its statements, with their lines in the file.
        may_change: Whether its code may change a name or what that stands for.
    """

    text: str
    offset: int
    statements: tuple[Statement, ...]
    may_change: bool

    def at(self, offset: int) -> Piece:
        """Return the piece with so many lines above it."""
        by = offset - self.offset
        if not by:
            return self
        statements = (
            Statement(moved(known.node, by), known.function.moved(by) if known.function else None)
            for known in self.statements
        )
        return replace(self, offset=offset, statements=tuple(statements))


class Pieces:
    """Reads texts piece by piece, each piece only once; the oldest are forgotten.

    Pieces that Python can read one by one are, together, the same statements as the whole text: where a
    piece ends without an error no string and no bracket is open, and the next begins at the left edge with
    what can only begin a statement.
    """

    def __init__(self) -> None:
        self._known: dict[str, Piece] = {}

    def read(self, text: str) -> list[Piece]:
        """Return the pieces of a source text in order.

        Raises:
            Unreadable: Python cannot read the text.
        """
        try:
            return list(self._pieces(_cut(text)))
        except Unreadable:  # A cut went through a string or a bracket, or the text is wrong.
            return list(self._pieces([text]))

    def _pieces(self, texts: list[str]) -> Iterator[Piece]:
        offset = 0
        for text in texts:
            piece = self._known.pop(text, None)
            piece = _piece(text, offset) if piece is None else piece.at(offset)
            self._known[text] = piece  # the last one used stands last
            offset += text.count("\n")
            yield piece
        while len(self._known) > _MOST_KEPT:
            del self._known[next(iter(self._known))]


def _cut(text: str) -> list[str]:
    """Cut a text before each definition and after it; plain statements stay together."""
    cuts = [0]
    is_plain, is_decorated = True, False
    for start in _START.finditer(text):
        kind = start.lastgroup
        if not is_decorated and (kind is not None or not is_plain):
            cuts.append(start.start())
        if not is_decorated or kind == "definition":
            is_plain, is_decorated = kind is None, kind == "decorator"
    return [text[start:end] for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True) if start < end]


def _piece(text: str, offset: int) -> Piece:
    tree = parse(text)
    lines = text.split("\n")
    statements = tuple(_statement(node, lines) for node in tree.body)
    return Piece(text, 0, statements, may_change(text)).at(offset)


def _statement(node: ast.stmt, lines: list[str]) -> Statement:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Statement(_shell(node), raw_function(node, lines))
    return Statement(_shell(node) if isinstance(node, ast.ClassDef) and not _is_annotations(node) else node)


def _is_annotations(node: ast.ClassDef) -> bool:
    """Tell whether a class may be one of typed fields."""
    return bool(node.bases) and all(
        isinstance(item, ast.Pass)
        or (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))
        or (isinstance(item, ast.AnnAssign) and item.value is None)
        for item in node.body
    )


def _shell(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.stmt:
    # Bodies are most of a file, and what they say is known by now.
    shell = shallow(node)
    shell.body = []
    shell.decorator_list = []
    if isinstance(shell, ast.ClassDef):
        shell.bases, shell.keywords = [], []
    else:
        shell.args, shell.returns = _NO_ARGUMENTS, None
    return shell
