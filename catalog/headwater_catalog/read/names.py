"""What names stand for in the code of one file, scope by scope, where one assignment tells."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from headwater_catalog.read.changes import changes_in
from headwater_catalog.read.pieces import Piece
from headwater_catalog.read.syntax import shallow, walk

__all__ = ["SELF", "Definition", "Dotted", "Names", "names_of", "own_nodes"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_MOST_STEPS: Final = 20_000  # of all names of a file that are followed, so that none can double for ever
_DEEPEST: Final = 20
_LONGEST: Final = 100
_OWN_NAMES: Final = (ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.ListComp, ast.SetComp)
_SEQUENCES: Final = (ast.List, ast.Set, ast.Tuple)


@dataclass(frozen=True, slots=True)
class Dotted:
    """Something known by where it is imported from.

    Attributes:
        name: Its dotted name.
        level: Leading dots of a relative import.
    """

    name: str
    level: int = 0


SELF: Final = Dotted("__main__")
"""The file itself, as a module."""

_Bound = Dotted | ast.expr | None
"""What a name is set to; None where only running the code would tell."""


_Part = tuple[str | None, Sequence[ast.stmt]]
"""Statements with their text, or without where that is not at hand."""


def names_of(pieces: Sequence[Piece]) -> Names:
    """Return the names at the top level of a file, from its pieces."""
    parts = [(piece.text, [statement.node for statement in piece.statements]) for piece in pieces]
    names = Names(parts, _File([piece.text for piece in pieces if piece.may_change]))
    names.leave_open(name for piece in pieces for name in piece.names)
    return names


def own_nodes(
    body: Iterable[ast.AST], is_passed_over: Callable[[ast.stmt], bool] | None = None
) -> Iterator[ast.AST]:
    """Yield the nodes of a body in the order of the source; of definitions in it only the outside.

    Args:
        body: The statements.
        is_passed_over: Tells of each statement, when its turn comes, whether to leave it out as a whole.
    """
    stack = list(body)[::-1]
    while stack:
        node = stack.pop()
        if is_passed_over is not None and isinstance(node, ast.stmt) and is_passed_over(node):
            continue
        yield node
        if not isinstance(node, Definition):
            stack += _children(node)[::-1]


def _children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node in the order of the source."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
            found.append(value)
    return found


class _File:
    """What all scopes of a file share: the names that its code changes, and the steps that are left."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._left = _MOST_STEPS

    def sets(self, name: str) -> bool:
        """Tell whether functions may set a name of the file by `global`."""
        return any(name in changes_in(text).set for text in self._having(name) if "global" in text)

    def changes(self, name: str) -> bool:
        """Tell whether code may change in place what a name stands for."""
        return any(name in changes_in(text).changed for text in self._having(name))

    def _having(self, name: str) -> Iterator[str]:
        return (text for text in self._texts if _may_have(text, name))

    def may_go_on(self) -> bool:
        """Count a step; tell whether it may be taken."""
        self._left -= 1
        return self._left >= 0


class Names:
    """The names of one scope, and of those around it.

    Args:
        parts: The statements of the scope, in parts that are looked into where somebody asks for a name in
            their text; most never are.
        file: What all scopes share.
        around: The names of the scope around it.
    """

    def __init__(self, parts: Iterable[_Part], file: _File, around: Names | None = None) -> None:
        self._file = file
        self._around = around
        self._is_class = False
        self._bound: dict[str, list[_Bound]] = {}
        self._waiting = list(parts)

    def leave_open(self, names: Iterable[str]) -> None:
        """Note names that something sets of which nothing is known."""
        for name in names:
            self._bound.setdefault(name, []).append(None)

    def inside(self, definition: Definition) -> Names:
        """Return the names inside a function or class of this scope."""
        around = self._around if self._is_class else self
        inner = Names([(None, definition.body)], self._file, around)
        inner._is_class = isinstance(definition, ast.ClassDef)
        if not isinstance(definition, ast.ClassDef):
            inner.leave_open(node.arg for node in walk(definition.args) if isinstance(node, ast.arg))
        return inner

    def dotted(self, expression: ast.expr, depth: int = 0) -> Dotted | None:
        """Return what an expression stands for, if that is known by where it is imported from."""
        found, names = self._followed(expression)
        if isinstance(found, Dotted) or depth > _DEEPEST:
            return found if isinstance(found, Dotted) else None
        match found:
            case ast.Attribute(value=value, attr=attr):
                owner = names.dotted(value, depth + 1)
                return Dotted(f"{owner.name}.{attr}", owner.level) if owner else None
            case ast.Subscript(value=value, slice=key) if names.dotted(value, depth + 1) == _MODULES:
                return names._named(key)
            case ast.Call(func=function, args=[name, *_]) if names.dotted(function, depth + 1) == _IMPORT:
                return names._named(name)
        return None

    def modules(self, argument: ast.expr) -> Iterator[Dotted | str]:
        """Yield the modules that an argument hands over, `*more` too, and the text of what is not known."""
        parts = self._parts(argument.value) if isinstance(argument, ast.Starred) else [(argument, self)]
        for part, names in parts:
            found = names.dotted(part) if part is not None else None
            yield found or _text(part or argument)

    def inlined(self, expression: ast.expr) -> ast.expr:
        """Return an expression with the values in it of the names that are set once and never changed."""
        return self._inlined(expression, 0)

    def _inlined(self, node: ast.expr, depth: int) -> ast.expr:
        found, names = self._followed(node)
        if isinstance(found, Dotted) or depth > _DEEPEST or not self._file.may_go_on():
            return node
        if isinstance(found, _OWN_NAMES):
            return found
        copy = shallow(found)
        for field, value in ast.iter_fields(found):
            if isinstance(value, ast.expr):
                setattr(copy, field, names._inlined(value, depth + 1))
            elif isinstance(value, list):
                inner = [names._inlined(v, depth + 1) if isinstance(v, ast.expr) else v for v in value]
                setattr(copy, field, inner)
        return copy

    def _named(self, name: ast.expr) -> Dotted | None:
        """Return the module that a text names, as `importlib.import_module` takes it."""
        if isinstance(name, ast.Name) and name.id == "__name__":
            return SELF
        found, _ = self._followed(name)
        if not isinstance(found, ast.Constant) or not isinstance(found.value, str):
            return None
        bare = found.value.lstrip(".")
        return Dotted(bare, len(found.value) - len(bare)) if bare else None

    def _find(self, name: str) -> tuple[_Bound, Names] | None:
        """Return the one thing that a name stands for, and the scope where it is set."""
        names: Names | None = self
        while names is not None and not names._binds(name):
            names = names._around
        if names is None:
            return None
        first, *others = names._bound[name]
        if any(other != first for other in others) or not self._file.may_go_on():
            return None, names
        if isinstance(first, ast.expr) and names._around is None and self._file.sets(name):
            return None, names
        return first, names

    def _binds(self, name: str) -> bool:
        """Tell whether a name is set in this very scope."""
        if self._waiting:
            here = [part for part in self._waiting if _may_have(part[0], name)]
            self._waiting = [part for part in self._waiting if not _may_have(part[0], name)]
            for found, bound in _bindings(node for _, body in here for node in body):
                self._bound.setdefault(found, []).append(bound)
        return name in self._bound

    def _followed(self, expression: ast.expr) -> tuple[Dotted | ast.expr, Names]:
        """Follow names and constant keys to what they stand for, as far as that is known."""
        found: Dotted | ast.expr = expression
        names = self
        for _ in range(_DEEPEST):
            match found:
                case ast.Name(id=name):
                    bound, home = names._find(name) or (None, names)
                    if bound is None or (isinstance(bound, ast.expr) and self._changes(name)):
                        break
                    found, names = bound, home
                case ast.Subscript(value=value, slice=ast.Constant(value=key)):
                    part = names._part(value, key)
                    if part is None:
                        break
                    found, names = part
                case _:
                    break
        return found, names

    def _changes(self, name: str) -> bool:
        return self._file.changes(name)

    def _part(self, owner: ast.expr, key: object) -> tuple[ast.expr, Names] | None:
        """Return the part of a literal under a key, or at an index."""
        found, names = self._followed(owner)
        if isinstance(found, ast.Dict):
            same = [
                value
                for at, value in zip(found.keys, found.values, strict=True)
                if isinstance(at, ast.Constant) and at.value == key
            ]
            return (same[-1], names) if same and None not in found.keys else None
        if isinstance(found, (ast.List, ast.Tuple)) and type(key) is int and 0 <= key < len(found.elts):
            has_spread = any(isinstance(item, ast.Starred) for item in found.elts)
            return None if has_spread else (found.elts[key], names)
        return None

    def _parts(self, expression: ast.expr, depth: int = 0) -> Iterator[tuple[ast.expr | None, Names]]:
        """Yield the elements of a sequence with their scopes; None for elements that are not known."""
        if isinstance(expression, ast.Name) and self._changes(expression.id):
            bound, home = self._find(expression.id) or (None, self)
            if isinstance(bound, ast.expr) and depth <= _DEEPEST:
                yield from home._parts(bound, depth + 1)
            yield None, self
            return
        found, names = self._followed(expression)
        if depth > _DEEPEST or not self._file.may_go_on():
            yield None, self
            return
        match found:
            case ast.List(elts=elements) | ast.Set(elts=elements) | ast.Tuple(elts=elements):
                for element in elements:
                    if isinstance(element, ast.Starred):
                        yield from names._parts(element.value, depth + 1)
                    else:
                        yield element, names
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                yield from names._parts(left, depth + 1)
                yield from names._parts(right, depth + 1)
            case ast.Call(func=ast.Name(id="list" | "set" | "tuple"), args=[values], keywords=[]):
                yield from names._parts(values, depth + 1)
            case ast.Call(func=ast.Attribute(value=owner, attr="values"), args=[]):
                yield from names._values(owner)
            case ast.ListComp() | ast.GeneratorExp():
                yield from names._comprehended(found, depth)
            case _:
                yield None, names

    def _values(self, owner: ast.expr) -> Iterator[tuple[ast.expr | None, Names]]:
        found, names = self._followed(owner)
        if isinstance(found, ast.Dict) and None not in found.keys:
            yield from ((value, names) for value in found.values)
        else:
            yield None, names

    def _comprehended(
        self, node: ast.ListComp | ast.GeneratorExp, depth: int
    ) -> Iterator[tuple[ast.expr | None, Names]]:
        first, *others = node.generators
        if others or first.ifs or not isinstance(first.target, ast.Name):
            yield None, self
            return
        for part, names in self._parts(first.iter, depth + 1):
            inner = Names([], self._file, self)
            # The element is followed at once: its name may mean something else inside.
            inner._bound[first.target.id] = [None if part is None else names._followed(part)[0]]
            yield node.elt, inner


def _may_have(text: str | None, name: str) -> bool:
    # Beyond ASCII one name may be written in several ways.
    return text is None or name in text or not text.isascii()


_MODULES: Final = Dotted("sys.modules")
_IMPORT: Final = Dotted("importlib.import_module")


def _bindings(body: Iterable[ast.AST]) -> Iterator[tuple[str, _Bound]]:
    """Yield all that the names of a body are set to."""
    told: set[int] = set()
    for node in own_nodes(body):
        match node:
            case ast.Assign(targets=targets, value=value):
                for name, bound in (pair for target in targets for pair in _pairs(target, value)):
                    told.add(id(name))
                    yield name.id, bound
            case (
                ast.AnnAssign(target=ast.Name() as name, value=value)
                | ast.NamedExpr(target=name, value=value)
            ):
                told.add(id(name))
                if value is not None:
                    yield name.id, value
            case ast.comprehension(target=target):  # its variables are its own
                told.update(id(part) for part in walk(target))
            case ast.Import() | ast.ImportFrom():
                yield from _imported(node)
            case ast.FunctionDef(name=named) | ast.AsyncFunctionDef(name=named) | ast.ClassDef(name=named):
                yield named, None
            case ast.ExceptHandler(name=str() as caught):
                yield caught, None
            case ast.Name(id=named) if not isinstance(node.ctx, ast.Load) and id(node) not in told:
                yield named, None


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.Name, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target, value
    elif isinstance(target, _SEQUENCES) and isinstance(value, _SEQUENCES):
        parts = [*target.elts, *value.elts]
        if len(target.elts) == len(value.elts) and not any(isinstance(p, ast.Starred) for p in parts):
            for one, other in zip(target.elts, value.elts, strict=True):
                yield from _pairs(one, other)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Dotted]]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            top = alias.name.partition(".")[0]
            yield (alias.asname, Dotted(alias.name)) if alias.asname else (top, Dotted(top))
        elif alias.name != "*":
            dotted = f"{node.module}.{alias.name}" if node.module else alias.name
            yield alias.asname or alias.name, Dotted(dotted, node.level)


def _text(expression: ast.expr) -> str:
    try:
        text = re.sub(r"\s+", " ", ast.unparse(expression))
    except RecursionError:
        return "…"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
