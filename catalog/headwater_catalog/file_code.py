"""The code of one source file by the names it gives: all statements that bind or change each of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.util import decode_source

from headwater.source_files import Definition
from headwater_catalog.hashing import code_hash
from headwater_catalog.read.changes import changes_in
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.notebooks import cells_of, is_notebook
from headwater_catalog.read.parse import MAX_SIZE
from headwater_catalog.read.pieces import Pieces
from headwater_catalog.read.syntax import Unreadable

__all__ = ["FileCode"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NAMELESS = (ast.Constant, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop)
_UNDECODABLE = (SyntaxError, ValueError, LookupError, Unreadable)


class FileCode:
    """The code of one source file, looked into when somebody asks.

    Top-level statements count as they stand: of an `if`, a `try` or a loop the whole block.

    Args:
        source: The bytes of the file, which may be a notebook.
    """

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._definitions: dict[str, Definition] = {}
        self._hashes: dict[str, str] = {}

    def definition(self, name: str) -> Definition | None:
        """Return the statements that give a name its value or change it; None where only imports do."""
        if name not in self._definitions and name in self._statements:
            self._definitions[name] = Definition([*self._statements[name]])
        return self._definitions.get(name)

    def function_hash(self, name: str) -> str | None:
        """Return the code hash of a function; None where there is none that can be read."""
        if name not in self._hashes and (function := self.function(name)) is not None:
            self._hashes[name] = code_hash(function)
        return self._hashes.get(name)

    def function(self, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the function of a name, the last one where there are several."""
        found = [node for node in self._statements.get(name, ()) if isinstance(node, _FUNCTIONS)]
        return found[-1] if found else None

    @cached_property
    def whole(self) -> Definition:
        """The file as one definition, without what only describes it."""
        return Definition([ast.Module([each for each in self._body[0] if not _is_text(each)], [])])

    @property
    def is_broken(self) -> bool:
        """Tell whether some of it cannot be read, so that what is read may not be all that counts."""
        return self._body[1]

    @cached_property
    def changers(self) -> Mapping[str, str]:
        """The names that functions and classes change when they run, each with one that does."""
        found: dict[str, str] = {}
        for node in (node for node in self._body[0] if isinstance(node, _DEFINITIONS)):
            for name in _changed_by(node):
                found.setdefault(name, node.name)
        return found

    @cached_property
    def _body(self) -> tuple[list[ast.stmt], bool]:
        try:
            text = _text(self._source)
        except _UNDECODABLE:
            return [], True
        finally:
            self._source = b""
        try:
            return parse_newer(text).body, False
        except Unreadable:
            return list(_readable(text)), True

    @cached_property
    def _statements(self) -> dict[str, list[ast.stmt]]:
        bound: dict[str, list[ast.stmt]] = {}
        changing: list[tuple[str, ast.stmt]] = []
        for statement in self._body[0]:
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


def _text(source: bytes) -> str:
    if is_notebook(source):
        return "".join(cell.text for cell in cells_of(source))
    if len(source) > MAX_SIZE:
        raise ValueError("This is not read, as the reader does not read it.")
    return decode_source(source)


def _readable(text: str) -> Iterator[ast.stmt]:
    for piece in Pieces().read(text):
        try:
            yield from parse_newer(piece.text).body
        except Unreadable:
            continue


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
