"""What the code of functions is like beside that of others: its hash, its shape, its size and its pieces."""

from __future__ import annotations

import ast
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from headwater.normal_form import decorators_that_count, digest, normal_form
from headwater_catalog.hashing import code_hash
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable
from headwater_catalog.recent import Recent

__all__ = ["PIECE", "Body", "body_of"]

PIECE: Final = 5
"""How many tokens of the normal form a piece has."""

_MOST_KEPT: Final = 100_000
_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
_OPERATIONS: Final = (
    *(ast.Call, ast.BinOp, ast.BoolOp, ast.Compare, ast.Subscript, ast.IfExp, ast.Lambda, ast.comprehension),
    *(ast.JoinedStr, ast.Assign, ast.AugAssign, ast.For, ast.AsyncFor, ast.While, ast.If, ast.With),
    *(ast.AsyncWith, ast.Try, ast.Assert, ast.Delete, ast.Match, ast.FunctionDef, ast.AsyncFunctionDef),
)
_DOES_NOTHING: Final = (ast.Pass, ast.Raise)
# These say when a function is there, or look at what it makes.
_BESIDE: Final = frozenset(
    {"config", "check_output", "check_output_custom", "cache", "schema", "load_from", "save_to"}
)


@dataclass(frozen=True, slots=True)
class Body:
    """The code of one function.

    Attributes:
        code: Its code hash.
        shape: The same where parameters and variables of the function count by their place, not by name.
        size: How many operators, calls, conditions, loops and assignments it has; a function that only
            passes something on, gives a constant, or does nothing has none.
        pieces: Hashes of the runs of tokens that its normal form is made of, each once. They hold for this
            process only.
    """

    code: str
    shape: str
    size: int
    pieces: array[int]


def body_of(source: str, source_digest: str) -> Body | None:
    """Return what the code of a function is like; None where its text cannot be read.

    Args:
        source: Its text, decorators included.
        source_digest: The hash of exactly that text.
    """
    return _KEPT.get(source_digest, lambda: _body(source))


def _body(source: str) -> Body | None:
    try:
        function = parse_newer(source).body[0]
    except (Unreadable, IndexError):
        return None
    if not isinstance(function, _Definition):
        return None
    code, size, form = code_hash(function), _size(function), normal_form(function)
    pieces = {hash(tuple(form[at : at + PIECE])) for at in range(max(1, len(form) - PIECE + 1))}
    _rename(function)
    return Body(code, digest(normal_form(function)), size, array("q", sorted(pieces)))


def _size(function: _Definition) -> int:
    size = sum(_counts(each) for each in decorators_that_count(function))
    statements = [each for each in function.body if not _is_bare(each)]
    if all(isinstance(each, _DOES_NOTHING) for each in statements):
        return size
    return size + sum(isinstance(node, _OPERATIONS) for each in statements for node in ast.walk(each))


def _counts(decorator: ast.expr) -> bool:
    """Tell whether a decorator may be what a function does, rather than its body."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    names = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
    names += [node.attr for node in ast.walk(target) if isinstance(node, ast.Attribute)]
    return _BESIDE.isdisjoint(names)


def _is_bare(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _rename(function: _Definition) -> None:
    """Give the names that a function binds the names of their places."""
    nodes = list(ast.walk(function))
    outside = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    bound = dict.fromkeys(name for node in nodes for name in _binds(node, function) if name not in outside)
    # No name of Python has a space.
    new = {name: f"name {place}" for place, name in enumerate(bound)}
    for node in nodes:
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = new.get(node.arg, node.arg)
        elif isinstance(node, _NAMED) and node is not function and node.name:
            node.name = new.get(node.name, node.name)
        elif isinstance(node, ast.alias) and (node.asname or node.name) in new:
            node.asname = new[node.asname or node.name]


def _binds(node: ast.AST, function: _Definition) -> Iterator[str]:
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, _NAMED) and node is not function and node.name:
        yield node.name
    elif isinstance(node, ast.alias) and (node.asname or "." not in node.name):
        yield node.asname or node.name


_KEPT: Final[Recent[Body | None]] = Recent(lambda _: 1, _MOST_KEPT)
"""What was read lately: of the next commit most of it is the same."""
