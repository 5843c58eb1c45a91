"""The content of one source file: its functions and names as they stand, nothing imported or run."""

from __future__ import annotations

import ast
import codecs
import hashlib
import io
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise, takewhile

from headwater_catalog.read.bindings import Binding, Class, Constant, bindings_of
from headwater_catalog.read.comments import comment_above
from headwater_catalog.read.diagnostics import Diagnostic
from headwater_catalog.read.drivers import RawDriver, drivers_in
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.notebooks import Cell, cells_of, in_cell, is_notebook
from headwater_catalog.read.pieces import Piece, Pieces
from headwater_catalog.read.syntax import TOO_DEEP, Unreadable, is_literal

__all__ = ["MAX_SIZE", "Content", "ParsedModule", "read_blob"]

MAX_SIZE = 1_000_000
"""Size in bytes above which a file is not read; feature code written by people stays far below."""


_NO_ENCODINGS = frozenset({"idna", "punycode"})
"""What Python takes for encodings, too; the time for the second grows with the square of the text."""


@dataclass(frozen=True, slots=True)
class ParsedModule:
    """What one file says, whatever its path.

    Attributes:
        digest: sha256 of its bytes; equal digests mean equal modules.
        meaning: Hash of all that other modules can take from it, but what is in its functions; equal ones
            link equally to it.
        functions: Its public top-level functions in the order of the source.
        helpers: Its other top-level functions, whose names begin with an underscore.
        bindings: What each top-level name stands for.
        stars: Modules of `from ... import *`, with their level of relative import, in order.
        doc: Its docstring.
        drivers: The drivers that its code constructs.
        cells: The cells that its code is in, if the file is a notebook; lines are those of all together.
        diagnostics: What could not be read as meant, without a path.
    """

    digest: str
    meaning: str = ""
    functions: tuple[RawFunction, ...] = ()
    helpers: tuple[RawFunction, ...] = ()
    bindings: Mapping[str, Binding] = field(default_factory=dict)
    stars: tuple[tuple[str, int], ...] = ()
    doc: str | None = None
    drivers: tuple[RawDriver, ...] = ()
    cells: tuple[Cell, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def _meaning(names: Mapping[str, Binding], stars: Sequence[tuple[str, int]]) -> str:
    said = [(name, repr(bound), _lines(bound)) for name, bound in sorted(names.items())]
    return hashlib.sha256(repr((said, stars)).encode("utf-8", "surrogatepass")).hexdigest()


def _lines(bound: Binding) -> list[int]:
    """Return the lines of constants that may be known in part only: those parts say where they stand."""
    if isinstance(bound, Class):
        return [line + bound.lag for line in bound.raw.open_lines]
    is_open = isinstance(bound, Constant) and not is_literal(bound.expression)
    return [bound.expression.lineno + bound.lag] if isinstance(bound, Constant) and is_open else []


class Content:
    """The content of one source file, fetched and read when somebody asks what it says.

    Args:
        source: The bytes of the file, or what fetches them.
        pieces: Reads the text; kept by the caller for contents that are alike.
        name: Tells contents apart, as git's name of a blob does; all that are compared have such a name, or
            none has. Without it the bytes make one.
    """

    def __init__(
        self, source: bytes | Callable[[], bytes], pieces: Pieces | None = None, name: str = ""
    ) -> None:
        self.name = name if callable(source) else name or hashlib.sha256(source).hexdigest()
        self._source = source
        self._pieces = pieces
        self._size = 0
        if not callable(source) and is_notebook(source):
            _ = self.parsed  # most of a notebook are its outputs, which nobody is to keep

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Content) and self.name == other.name)

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        _ = self.parsed
        return self._size

    @cached_property
    def parsed(self) -> ParsedModule:
        """What the file says."""
        source = self._source() if callable(self._source) else self._source
        self._source, self._size = b"", len(source)
        return read_blob(source, pieces=self._pieces)


def read_blob(source: bytes, path: str = "", pieces: Pieces | None = None) -> ParsedModule:
    """Read the content of a source file.

    Args:
        source: The bytes of the file, which may be a notebook.
        path: Where it stands; only the diagnostics keep it.
        pieces: Reads the text; kept by the caller for contents that are alike.

    Returns:
        What it says. What cannot be read is a diagnostic with the reason; the rest of the file counts.
    """
    digest = hashlib.sha256(source).hexdigest()
    pieces = Pieces() if pieces is None else pieces
    try:
        if is_notebook(source):
            return _notebook(digest, cells_of(source), pieces, path)
        text = _decode(source)
        return _module(digest, text, pieces.read(text), path)
    except Unreadable as error:
        return ParsedModule(digest, diagnostics=(Diagnostic(path, error.line, error.reason),))
    except RecursionError:
        return ParsedModule(digest, diagnostics=(Diagnostic(path, 0, TOO_DEEP),))


def _notebook(digest: str, cells: tuple[Cell, ...], pieces: Pieces, path: str) -> ParsedModule:
    text = "".join(cell.text for cell in cells)
    _refuse_large(len(text.encode("utf-8", "surrogatepass")), "code of the notebook")
    read = [piece.at(piece.offset + cell.offset) for cell in cells for piece in pieces.read(cell.text)]
    module = _module(digest, text, read, path)
    diagnostics = (in_cell(diagnostic, cells) for diagnostic in module.diagnostics)
    return replace(module, cells=cells, diagnostics=tuple(diagnostics))


def _module(digest: str, text: str, pieces: Sequence[Piece], path: str) -> ParsedModule:
    lines = text.split("\n")
    bindings = bindings_of(pieces)
    functions = []
    remarks = list(bindings.remarks)
    for name, function in bindings.functions.items():
        above = bindings.earlier.get(name, [])
        function = _placed(function, bindings.replaced.get(name, 0), lines)
        functions.append(_with_earlier(function, above) if above else function)
        if above and not name.startswith("_"):  # helpers are no features, and `_` is often meant for nobody
            remarks += _unused([*above, function], len(functions[-1].earlier))
    first = [statement.node for piece in pieces[:1] for statement in piece.statements[:1]]
    return ParsedModule(
        digest=digest,
        meaning=_meaning(bindings.names, bindings.stars),
        functions=tuple(function for function in functions if not function.name.startswith("_")),
        helpers=tuple(function for function in functions if function.name.startswith("_")),
        bindings=bindings.names,
        stars=tuple(bindings.stars),
        doc=ast.get_docstring(ast.Module(first, [])),
        drivers=drivers_in(pieces),
        diagnostics=tuple(Diagnostic(path, line, message) for line, message in remarks),
    )


def _placed(function: RawFunction, replaced: int, lines: Sequence[str]) -> RawFunction:
    """Return a function with what the text around it says of it."""
    comment = comment_above(lines, function.line)
    if not replaced and not comment:
        return function
    return function._replace(replaced=replaced, comment=comment)


def _with_earlier(function: RawFunction, above: list[RawFunction]) -> RawFunction:
    """Return a function with the definitions above it that count beside it."""
    standing = [function, *above[::-1]]
    together = list(takewhile(lambda each: each.seems_to_work_on_others, standing))
    return function._replace(earlier=tuple(together[:0:-1]))


def _unused(definitions: list[RawFunction], counting: int) -> Iterator[tuple[int, str]]:
    """Yield what to tell of definitions of one name of which only the last ones count."""
    for earlier, later in pairwise(definitions[: len(definitions) - counting]):
        remedy = "Rename one of them"
        if earlier.seems_conditional and later.seems_conditional:
            remedy = f"Give each variant a suffix of its own, such as '{later.name}__a'"
        yield (
            later.def_line,
            f"'{later.name}' is defined in line {earlier.def_line} and again in line {later.def_line}; only "
            f"the last definition counts. {remedy}.",
        )


def _decode(source: bytes) -> str:
    _refuse_large(len(source), "file")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        if codecs.lookup(encoding).name in _NO_ENCODINGS:
            raise LookupError(f"{encoding} is for names of machines")
        text = source.decode(encoding)
    except (SyntaxError, ValueError, LookupError) as error:
        raise Unreadable(
            0, f"The text cannot be decoded: {error}. Save it as UTF-8, or name its encoding in line 1."
        ) from error
    # Python ends lines at these three only; str.splitlines knows more and would count differently.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_large(size: int, what: str) -> None:
    if size > MAX_SIZE:
        raise Unreadable(0, f"The {what} has more than {MAX_SIZE:,} bytes, which are not read.")
