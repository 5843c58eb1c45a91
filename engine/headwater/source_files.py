"""Source files of live code: read and parsed once, and again only when they change."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from copy import copy
from functools import cached_property
from typing import Any

from headwater.free_names import FreeNames, arguments_of, free_names
from headwater.normal_form import decorators_that_count, digest, normal_form, tokens

__all__ = ["Definition", "SourceFile", "source_file"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_files: dict[str, SourceFile] = {}


class Definition:
    """A definition or other piece of a file, with its hash and the names it reads."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.nodes = nodes

    @cached_property
    def digest(self) -> str:
        """The hash of its normal form; of a function the annotations count, but not its own name."""
        return digest([token for node in self.nodes for token in _form(node)])

    @cached_property
    def names(self) -> FreeNames:
        """The names that it reads from outside itself."""
        return free_names(*map(_undescribed, self.nodes))

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The names of all attributes that it mentions, and `__file__` if it mentions that."""
        nodes = (node for root in self.nodes for node in ast.walk(root))
        return frozenset(
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in nodes
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id == "__file__")
        )


def _undescribed(node: ast.AST) -> ast.AST:
    """Return a function without the decorators that only describe it, and anything else as it is."""
    if isinstance(node, _Function) and node.decorator_list:
        node = copy(node)
        node.decorator_list = decorators_that_count(node)
    return node


def _form(node: ast.AST) -> list[str]:
    if not isinstance(node, _Function):
        return tokens(node)
    annotations = [argument.annotation for argument in arguments_of(node.args)]
    return normal_form(node) + tokens([*annotations, node.returns])


class SourceFile:
    """A parsed source file, asked by line or by name.

    Args:
        lines: Its lines.

    Raises:
        SyntaxError: It is no Python that this version can read.
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self._tree = ast.parse("".join(lines))
        self._at_line: dict[tuple[str, int], Definition] = {}
        self._classes: dict[str, Definition] = {}
        self._index()

    def _index(self) -> None:
        pending: list[tuple[ast.AST, str]] = [(self._tree, "")]
        while pending:
            node, prefix = pending.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._at_line[node.name, _first_line(node)] = Definition([node])
                prefix = f"{prefix}{node.name}.<locals>."
            elif isinstance(node, ast.ClassDef):
                self._classes[f"{prefix}{node.name}"] = Definition([node])
                prefix = f"{prefix}{node.name}."
            # Pushed in reverse, so that of two classes of one name the later is kept.
            pending += [(child, prefix) for child in reversed(_statements(node))]

    def function(self, name: str, line: int) -> Definition | None:
        """Return the function whose first line, decorators included, is given."""
        return self._at_line.get((name, line))

    def class_(self, qualified_name: str) -> Definition | None:
        """Return the last class of a qualified name."""
        return self._classes.get(qualified_name)

    def text(self, definition: Definition) -> str:
        """Return the source of a definition, from its first decorator to its last line."""
        node: Any = definition.nodes[0]
        text = "".join(self.lines[_first_line(node) - 1 : node.end_lineno])
        return text if text.endswith("\n") else f"{text}\n"

    @cached_property
    def whole(self) -> Definition:
        """The file as one definition."""
        return Definition([self._tree])

    @cached_property
    def bindings(self) -> dict[str, Definition]:
        """The statements that give a module's name its value or change it, by name; imports are left out."""
        found: dict[str, Definition] = {}
        for statement in self._top_level():
            for name in _bound_by(statement):
                found.setdefault(name, Definition([])).nodes.append(statement)
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[int, str, str | None]]:
        """For each name that the module imports: leading dots, module, and name there if any."""
        found: dict[str, tuple[int, str, str | None]] = {}
        for statement in self._top_level():
            if isinstance(statement, ast.ImportFrom):
                source = (statement.level, statement.module or "")
                found |= {alias.asname or alias.name: (*source, alias.name) for alias in statement.names}
            elif isinstance(statement, ast.Import):
                found |= {alias.asname or alias.name: (0, alias.name, None) for alias in statement.names}
        return found

    def _top_level(self) -> Iterator[ast.stmt]:
        """Yield the module's statements, also those inside `if`, `try`, `with` and loops."""
        pending = list(reversed(_statements(self._tree)))
        while pending:
            statement = pending.pop()
            if isinstance(statement, ast.stmt):
                yield statement
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                pending += reversed(_statements(statement))


def _statements(node: ast.AST) -> list[ast.AST]:
    blocks = ("body", "handlers", "orelse", "finalbody", "cases")
    return [child for block in blocks for child in getattr(node, block, ()) if isinstance(child, ast.AST)]


def _bound_by(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines, assigns, or calls a method of."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {name for target in statement.targets for name in _roots(target)}
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        return _roots(statement.target)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        return _roots(called) if isinstance(called, ast.Attribute) else set()
    return set()


def _roots(target: ast.expr) -> set[str]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return {name for element in target.elts for name in _roots(element)}
    while isinstance(target, (ast.Attribute, ast.Subscript, ast.Starred)):
        target = target.value
    return {target.id} if isinstance(target, ast.Name) else set()


def _first_line(node: Any) -> int:
    lines: list[int] = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
    return min(lines)


def source_file(path: str, module: dict[str, Any] | None = None) -> SourceFile | None:
    """Return the source file of code, or None where there is none that can be read.

    Notebook cells and other code that is in no file are found where they are registered with `linecache`.

    Args:
        path: The file name that the code object tells.
        module: The names of the module, whose loader may know the source.
    """
    linecache.checkcache(path)
    lines = linecache.getlines(path, module)
    known = _files.get(path)
    if known is not None and known.lines is lines:
        return known
    try:
        read = SourceFile(lines) if lines else None
    except (SyntaxError, ValueError, RecursionError):
        read = None
    if read is not None:
        _files[path] = read
    return read
