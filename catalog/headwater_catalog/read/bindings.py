"""What the top-level names of a module stand for, as far as the text alone can tell."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headwater_catalog.read.changes import changes_to
from headwater_catalog.read.classes import RawClass, raw_class
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.pieces import Piece

__all__ = ["Binding", "Bindings", "Class", "Constant", "Definition", "Import", "Opaque", "bindings_of"]


@dataclass(frozen=True, slots=True)
class Import:
    """A name that an import statement binds.

    Attributes:
        module: The module imported, or imported from.
        name: What is taken from it; None where the name stands for the module itself.
        level: Leading dots of a relative import.
    """

    module: str
    name: str | None = None
    level: int = 0


@dataclass(frozen=True, slots=True)
class Constant:
    """A name that is assigned once, at the top level, and never changed.

    Attributes:
        expression: Its value.
        source: The lines of the whole assignment: equal ones give the name an equal value.
        lag: How many lines too far up the expression says that it stands.
    """

    expression: ast.expr = field(compare=False, repr=False)
    source: str
    lag: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Definition:
    """A name that a `def` or a `class` binds."""


_DEFINITION = Definition()


@dataclass(frozen=True, slots=True)
class Class(Definition):
    """A class of which more is known than its name.

    Attributes:
        raw: What it says.
        digest: The hash of the lines that say it: equal ones say the same.
        lag: How many lines too far up its expressions say that they stand.
        doubt: Why its constants cannot be relied on, as a clause; empty where they can.
    """

    raw: RawClass = field(compare=False, repr=False)
    digest: str
    lag: int = field(default=0, compare=False, repr=False)
    doubt: str = ""

    @property
    def source(self) -> str:
        """Return the lines that say what it is."""
        return self.raw.source


@dataclass(frozen=True, slots=True)
class Opaque:
    """A name whose value only running the module would tell.

    The reason is a clause without line numbers: it must not change when something above moves.
    """

    reason: str


Binding = Import | Constant | Definition | Opaque


@dataclass
class Bindings:
    """The top-level names of one module.

    Attributes:
        names: What each name stands for.
        functions: Top-level functions by name, in the order of the source.
        earlier: Definitions above them that had their names, in the order of the source.
        replaced: Functions whose name something else takes later, and the line where.
        stars: Modules of `from ... import *`, with their level of relative import.
        remarks: Lines and messages about what could not be read as meant.
    """

    names: dict[str, Binding] = field(default_factory=dict)
    functions: dict[str, RawFunction] = field(default_factory=dict)
    earlier: dict[str, list[RawFunction]] = field(default_factory=dict)
    replaced: dict[str, int] = field(default_factory=dict)
    stars: list[tuple[str, int]] = field(default_factory=list)
    remarks: list[tuple[int, str]] = field(default_factory=list)


def bindings_of(pieces: Sequence[Piece]) -> Bindings:
    """Collect the top-level names of a module from its pieces."""
    collector = _Collector()
    for piece in pieces:
        collector.piece(piece)
    _unread(collector.found, pieces)
    _change(collector.found.names, pieces)
    return collector.found


class _Collector:
    """Walks the statements that importing the module would run, in their order."""

    def __init__(self) -> None:
        self.found = Bindings()
        self._lines: list[str] = []
        self._offset = 0

    def piece(self, piece: Piece) -> None:
        """Collect the names of one more piece, whose lines count from its own beginning."""
        self._offset = piece.offset
        is_defining = all(statement.function or statement.of_class for statement in piece.statements)
        self._lines = [] if is_defining else piece.text.split("\n")
        for statement in piece.statements:
            if statement.function is not None:
                self._function(statement.function.moved(piece.offset))
            elif statement.of_class is not None:
                self._class(statement.of_class)
            else:
                self._block([statement.node])

    def _block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._conditional([statement], "is set inside another statement", how="inside a block")
                case ast.ClassDef():
                    raw = raw_class(statement, self._lines) if statement.body else None
                    if raw is not None:
                        self._class(raw)
                    else:
                        self._bind(statement.name, _DEFINITION, 0)
                case ast.Import() | ast.ImportFrom():
                    self._import(statement)
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._assign(target, value, self._source(statement))
                case ast.AnnAssign(target=target, value=value):
                    if value is not None:
                        self._assign(target, value, self._source(statement))
                case ast.With() | ast.AsyncWith():
                    self._with(statement)
                case ast.If(test=test, body=body, orelse=orelse):
                    self._if(test, body, orelse)
                case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                    self._try(body, [*handlers, *orelse, *finalbody])
                case ast.Delete():
                    self._conditional([statement], "is deleted")
                case ast.AugAssign():
                    self._conditional([statement], "is changed")
                case _:
                    self._other(statement)

    def _bind(self, name: str, binding: Binding, line: int) -> None:
        before = self.found.names.get(name)
        kind = Definition if isinstance(binding, Definition) else type(binding)
        again = isinstance(before, kind) and not isinstance(binding, Constant)
        if before is None or again:
            self.found.names[name] = binding
        else:
            self.found.names[name] = Opaque("is set more than once")
        if not isinstance(binding, Definition):
            self.found.replaced.setdefault(name, line + self._offset)

    def _function(self, function: RawFunction) -> None:
        name = function.name
        earlier = self.found.functions.pop(name, None)
        if earlier is not None:
            self.found.earlier.setdefault(name, []).append(earlier)
        self.found.functions[name] = function
        self.found.replaced.pop(name, None)
        self._bind(name, _DEFINITION, 0)

    def _class(self, raw: RawClass) -> None:
        doubt = "stands in a class that is set more than once" if raw.name in self.found.names else raw.doubt
        self._bind(raw.name, Class(raw, raw.digest, self._offset, doubt), 0)

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        for name, binding in _imported(statement):
            self._bind(name, binding, statement.lineno)
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            self.found.stars.append((statement.module or "", statement.level))

    def _source(self, statement: ast.stmt) -> str:
        return "\n".join(self._lines[statement.lineno - 1 : statement.end_lineno])

    def _assign(self, target: ast.expr, value: ast.expr, source: str) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, Constant(value, source, self._offset), target.lineno)
            return
        for part, item in _pairs(target, value):
            self._assign(part, item, source)
        if not _pairs(target, value):
            self._conditional([target], "is unpacked from a value that is not known")

    def _with(self, statement: ast.With | ast.AsyncWith) -> None:
        for item in statement.items:
            if item.optional_vars:
                self._conditional([item.optional_vars], "is set by 'with'")
        self._block(statement.body)

    def _if(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> None:
        if isinstance(test, (ast.Name, ast.Attribute)) and _last_name(test) == "TYPE_CHECKING":
            # What only a type checker imports still tells what an annotation means.
            for statement in body:
                if isinstance(statement, (ast.Import, ast.ImportFrom)):
                    self._import(statement)
            self._block(orelse)
        elif isinstance(test, ast.Constant):
            self._block(body if test.value else orelse)
        elif not (isinstance(test, ast.Compare) and _last_name(test.left) == "__name__"):
            # `if __name__ == "__main__"` is passed over: it never runs in an imported module.
            self._conditional([*body, *orelse], "is set under a condition")

    def _try(self, body: list[ast.stmt], rest: list[ast.AST]) -> None:
        # The body is how things are meant; what stands in for a failed import is left aside.
        for statement in body:
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._import(statement)
        imported = {name for name, bound in self.found.names.items() if isinstance(bound, Import)}
        others = [statement for statement in body if not isinstance(statement, (ast.Import, ast.ImportFrom))]
        self._conditional([*others, *rest], "is set inside 'try'", keep=imported)

    def _other(self, statement: ast.stmt) -> None:
        if type(statement).__name__ == "TypeAlias":  # `type X = ...`, from Python 3.12 on
            self._bind(statement.name.id, _DEFINITION, statement.lineno)  # type: ignore[attr-defined]
        else:
            self._conditional([statement], "is set under a condition")

    def _conditional(
        self,
        nodes: Sequence[ast.AST],
        reason: str,
        keep: Collection[str] = frozenset(),
        how: str = "under a condition",
    ) -> None:
        """Note every name that some code binds or changes when it happens to run."""
        for name, node in (found for root in nodes for found in _touched(root)):
            line = getattr(node, "lineno", 0) + self._offset
            if name not in keep:
                self.found.names[name] = Opaque(reason)
                self.found.replaced.setdefault(name, line)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not name.startswith("_"):
                message = (
                    f"'{name}' is defined {how}, so it is not read. Define it at the top level; "
                    "@config.when chooses between variants."
                )
                self.found.remarks.append((line, message))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            if alias.name != "*":
                name = alias.asname or alias.name
                yield name, Import(statement.module or "", alias.name, statement.level)
        elif alias.asname:
            yield alias.asname, Import(alias.name)
        else:
            # `import a.b` binds `a`; that `a.b` was imported too shows when it is asked for.
            top = alias.name.partition(".")[0]
            yield top, Import(top)


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Return the single assignments in `a, b = 1, 2`; empty where the text does not show them."""
    if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(value, (ast.Tuple, ast.List)):
        return []
    both = [*target.elts, *value.elts]
    if len(target.elts) != len(value.elts) or any(isinstance(item, ast.Starred) for item in both):
        return []
    return list(zip(target.elts, value.elts, strict=True))


def _touched(root: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that a piece of code binds or deletes in its own scope, with the place."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((name, node) for name, _ in _imported(node))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node
        if isinstance(node, ast.comprehension):  # its variables are its own
            stack.extend((node.iter, *node.ifs))
        elif not isinstance(node, ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _unread(found: Bindings, pieces: Sequence[Piece]) -> None:
    """Note what lines that cannot be read may set, and what is wrong with them."""
    for piece in pieces:
        if piece.fault:
            line, message = piece.fault
            found.remarks.append((line + piece.offset, message))
        for name in piece.names:
            if name in found.names or not hasattr(builtins, name):
                found.names[name] = Opaque("may be set in lines that cannot be read")
            function = found.functions.get(name)
            if function is not None and function.def_line <= piece.offset:
                found.replaced.setdefault(name, piece.offset + 1)


def _change(names: dict[str, Binding], pieces: Sequence[Piece]) -> None:
    """Note which constants, or constants of which classes, the code of the module changes."""
    constants = {name: bound for name, bound in names.items() if isinstance(bound, Constant)}
    loose = frozenset(name for name, bound in constants.items() if not _is_fixed(bound.expression, names))
    classes = frozenset(name for name, bound in names.items() if isinstance(bound, Class) and not bound.doubt)
    for piece in pieces:
        pending = [*changes_to(loose, piece.text, classes)] if piece.may_change else []
        while pending:
            name = pending.pop()
            match names.get(name):
                case Constant(expression=expression):
                    names[name] = Opaque("is changed after it is set")
                    # A second name for the same list shares its fate.
                    pending += [expression.id] if isinstance(expression, ast.Name) else []
                case Class(raw=raw, doubt="") as bound:
                    names[name] = replace(bound, doubt="may be changed after it is set")
                    # So do the classes that a class has its lists from.
                    pending += [base.id for base in raw.bases if isinstance(base, ast.Name)]


def _is_fixed(expression: ast.expr, names: Mapping[str, Binding]) -> bool:
    """Tell whether a value cannot be changed in place, or would not be known anyway."""
    if isinstance(expression, ast.Tuple):
        return all(isinstance(item, ast.Constant) for item in expression.elts)
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
        # `logging.getLogger(...)`: what functions of other modules return is never known.
        owner = expression.func.value
        bound = names.get(owner.id) if isinstance(owner, ast.Name) else None
        return isinstance(bound, Import) and bound.name is None
    return isinstance(expression, (ast.Constant, ast.UnaryOp, ast.JoinedStr, ast.Compare))
