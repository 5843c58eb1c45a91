"""The code of one source file by the names it gives: all statements that bind or change each of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import decode_source

from headwater.normal_form import decorators_that_count
from headwater.source_files import Definition
from headwater_catalog.hashing import code_hash
from headwater_catalog.read.changes import changes_in
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.notebooks import cells_of, is_notebook
from headwater_catalog.read.parse import MAX_SIZE
from headwater_catalog.read.pieces import Pieces
from headwater_catalog.read.syntax import Unreadable

__all__ = ["FileCode", "FunctionCode", "KnownFunctions", "source_text"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_NAMELESS = (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)
_UNDECODABLE = (SyntaxError, ValueError, LookupError, Unreadable)


class FunctionCode(Definition):
    """One function of one or more files, word for word: what is worked out of it holds for all of them."""

    def __init__(self, function: _Function) -> None:
        super().__init__([function])
        self.function = function

    @cached_property
    def code_hash(self) -> str:
        """The code hash of the function."""
        return code_hash(self.function)

    @cached_property
    def words(self) -> frozenset[str]:
        """The names and texts in its modifiers, any of which may be the key of a configuration."""
        return frozenset(word for each in decorators_that_count(self.function) for word in _words(each))


KnownFunctions = dict[str, FunctionCode]
"""Functions by their text, decorators included."""


class FileCode:
    """The code of one source file, looked into when somebody asks.

    Top-level statements count as they stand: of an `if`, a `try` or a loop the whole block.

    Args:
        source: The bytes of the file, which may be a notebook.
        known: Kept by the caller for files that have functions in common.
    """

    def __init__(self, source: bytes, known: KnownFunctions) -> None:
        self._source = source
        self._known = known
        self._definitions: dict[str, Definition] = {}

    def definition(self, name: str) -> Definition | None:
        """Return the statements that give a name its value or change it; None where only imports do."""
        if name not in self._definitions and (found := self._statements.get(name)):
            alone = self._body.functions.get(found[0]) if len(found) == 1 else None
            self._definitions[name] = alone or Definition([*found])
        return self._definitions.get(name)

    def function(self, name: str) -> FunctionCode | None:
        """Return the function of a name, the last one where there are several."""
        functions = self._body.functions
        found = [functions[node] for node in self._statements.get(name, ()) if node in functions]
        return found[-1] if found else None

    @cached_property
    def whole(self) -> Definition:
        """The file as one definition, without what only describes it."""
        return Definition([ast.Module([each for each in self._body.statements if not _is_text(each)], [])])

    @property
    def is_broken(self) -> bool:
        """Tell whether some of it cannot be read, so that what is read may not be all that counts."""
        return self._body.is_broken

    @cached_property
    def changers(self) -> Mapping[str, str]:
        """The names that functions and classes change when they run, each with one that does."""
        found: dict[str, str] = {}
        for node in (node for node in self._body.statements if isinstance(node, _DEFINITIONS)):
            for name in _changed_by(node):
                found.setdefault(name, node.name)
        return found

    @cached_property
    def _body(self) -> _Body:
        body = _Body([], {})
        text, self._source = source_text(self._source), b""
        if text is None:
            return replace(body, is_broken=True)
        try:
            body.add(text, self._known)
            return body
        except Unreadable:
            for piece in Pieces().read(text):
                with suppress(Unreadable):
                    body.add(piece.text, self._known)
            return replace(body, is_broken=True)

    @cached_property
    def _statements(self) -> dict[str, list[ast.stmt]]:
        bound: dict[str, list[ast.stmt]] = {}
        changing: list[tuple[str, ast.stmt]] = []
        for statement in self._body.statements:
            for name, is_bound in _touched(statement):
                if is_bound:
                    bound.setdefault(name, []).append(statement)
                else:
                    changing.append((name, statement))
        for name, statement in changing:
            # `pandas.options.mode = ...` makes no name of this file.
            if name in bound and statement not in bound[name]:
                bound[name].append(statement)
        return bound


@dataclass(frozen=True, slots=True)
class _Body:
    """The top-level statements of a file.

    Attributes:
        statements: All of them.
        functions: Those that are functions, with what is known of them.
        is_broken: Whether there are others that cannot be read.
    """

    statements: list[ast.stmt]
    functions: dict[ast.stmt, FunctionCode]
    is_broken: bool = False

    def add(self, text: str, known: KnownFunctions) -> None:
        """Add the statements of a text.

        Raises:
            Unreadable: It cannot be read.
        """
        statements = parse_newer(text).body
        lines = text.split("\n")
        for node in statements:
            if isinstance(node, _FUNCTIONS):
                # A function has its lines for itself: two of the same text say the same.
                first = node.decorator_list[0] if node.decorator_list else node
                said = "\n".join(lines[first.lineno - 1 : node.end_lineno])
                if said not in known:
                    known[said] = FunctionCode(node)
                self.functions[node] = known[said]
        self.statements.extend(statements)


def _words(decorator: ast.expr) -> Iterator[str]:
    for node in ast.walk(decorator):
        match node:
            case ast.keyword(arg=str(word)) | ast.arg(arg=word) | ast.Constant(value=str(word)):
                yield word


def source_text(source: bytes) -> str | None:
    """Return the text of a source file, or of the cells of a notebook; None where that cannot be read."""
    try:
        if is_notebook(source):
            return "".join(cell.text for cell in cells_of(source))
        return decode_source(source) if len(source) <= MAX_SIZE else None
    except _UNDECODABLE:
        return None


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _changed_by(definition: ast.stmt) -> frozenset[str]:
    try:
        changes = changes_in(ast.unparse(definition))
    except RecursionError:  # nobody can tell what so deep a function does
        return frozenset(node.id for node in ast.walk(definition) if isinstance(node, ast.Name))
    return changes.set | changes.changed


def _touched(statement: ast.stmt) -> dict[tuple[str, bool], None]:
    """Return the names that a statement of the module touches, and whether it binds or only changes them."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)) or _never_runs(statement):
        return {}
    if isinstance(statement, ast.If) and _last_name(statement.test) == "TYPE_CHECKING":
        return dict.fromkeys(pair for inner in statement.orelse for pair in _touched(inner))
    return dict.fromkeys(_touches(statement))


def _touches(statement: ast.stmt) -> Iterator[tuple[str, bool]]:
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, True
                continue
            case ast.Lambda():
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name, True
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                yield from ((name, False) for name in _root(node))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as called)):
                yield from ((name, False) for name in _root(called))
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name.partition(".")[0], True) for alias in names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name, True
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name, True
            case ast.comprehension(iter=over, ifs=tests):  # its variables are its own
                pending += [over, *tests]
                continue
        if type(node).__name__ == "TypeAlias":  # from Python 3.12 on
            yield node.name.id, True  # type: ignore[attr-defined]
        pending += (child for child in ast.iter_child_nodes(node) if not isinstance(child, _NAMELESS))


def _root(target: ast.AST) -> Iterable[str]:
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return (target.id,) if isinstance(target, ast.Name) else ()


def _never_runs(statement: ast.stmt) -> bool:
    """Tell whether a statement is `if __name__ == "__main__"`, passed over where the module is imported."""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and _last_name(statement.test.left) == "__name__"
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
