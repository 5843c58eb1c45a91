"""The texts that expressions of a function may be, without executing it: put together, filled in, chosen."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final

__all__ = ["FILLED", "Texts"]

FILLED: Final = "{filled}"
"""What stands in a text for what only running the code tells, as a place of a query that is filled in."""

_MOST: Final = 16  # texts that one expression may be
_LONGEST: Final = 200_000
"""Characters of a text, which a few lines that each double the one before could make endless."""
_WORK: Final = 20_000_000
"""Characters of all texts of a function, or of a module, that are put together."""
_PER_NAME: Final = 16  # characters that a name counts for in what a variable is made of
_DEEPEST: Final = 150
"""Expressions within each other; what is known is not to depend on how deep the calls are of who asks."""
_UNKNOWN: Final = ("",)
_PASSING: Final = ("text", "value", "dedent", "cleandoc")
"""Functions whose text is that of their first argument."""

_SAME: Final = ("strip", "lstrip", "rstrip", "lower", "upper", "casefold")
"""Methods that give the same text, as SQL has it."""

_ASSIGNING: Final = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.NamedExpr)
_BRACES: Final = re.compile(r"\{\{|\}\}|\{[^{}]*\}")
_PERCENT: Final = re.compile(r"%%|%(\(\w+\))?[-#0+ ]*+\d*+(\.\d++)?[a-zA-Z]")


class Texts:
    """Knows the texts of the variables of a function, or of the constants of a module.

    Args:
        parsed: The function, or assignments.
        outer: The texts that names may be which it does not bind itself.

    Attributes:
        used: The names of those that what was asked for is made of; whoever asks may begin it anew.
    """

    def __init__(self, parsed: ast.AST, outer: Mapping[str, Sequence[str]] | None = None) -> None:
        self.used: set[str] = set()
        self._outer = outer or {}
        self._given: dict[str, list[ast.expr | None]] = {}
        self._added: dict[str, list[ast.expr | None]] = {}
        self._asked: set[str] = set()
        self._found: dict[str, tuple[Sequence[str], set[str]]] = {}
        self._left = _WORK
        self._depth = 0
        noted: set[ast.expr] = set()
        statements = [node for node in ast.walk(parsed) if isinstance(node, _ASSIGNING)]
        for node in sorted(statements, key=lambda node: (node.lineno, node.col_offset)):
            is_sum = isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add)
            for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
                if isinstance(target, ast.Name) and (is_sum or not isinstance(node, ast.AugAssign)):
                    noted.add(target)
                    (self._added if is_sum else self._given).setdefault(target.id, []).append(node.value)
        for each in ast.walk(parsed):  # loops, unpacking, `with … as name` give what nobody knows
            if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load) and each not in noted:
                self._given.setdefault(each.id, []).append(None)
            elif (name := _bound(each)) is not None:
                self._given.setdefault(name, []).append(None)

    @property
    def names(self) -> frozenset[str]:
        """The variables and parameters, in small letters."""
        return frozenset(map(str.casefold, (*self._given, *self._added)))

    def of(self, node: ast.expr | None) -> Sequence[str]:
        """Return the texts that an expression may be, at least one; an empty one where that is not known."""
        if self._depth >= _DEEPEST:
            return _UNKNOWN
        self._depth += 1
        try:
            found = self._of(node)
        finally:
            self._depth -= 1
        return found if len(found) <= _MOST else _UNKNOWN

    def _of(self, node: ast.expr | None) -> Sequence[str]:
        if isinstance(node, ast.Constant):
            return (node.value,) if isinstance(node.value, str) else _UNKNOWN
        if isinstance(node, ast.Name):
            return self._of_variable(node.id)
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._piece(each) for each in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            pieces = [self.of(node.left), self.of(node.right)]
            return self._joined(pieces) if any(map(any, pieces)) else _UNKNOWN
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return self._kept([_PERCENT.sub(_filled, each) for each in self.of(node.left)])
        if isinstance(node, ast.IfExp):
            return tuple(dict.fromkeys((*self.of(node.body), *self.of(node.orelse))))
        return self._of_call(node) if isinstance(node, ast.Call) else _UNKNOWN

    def _of_call(self, call: ast.Call) -> Sequence[str]:
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr == "format":
            return self._kept([_BRACES.sub(_filled, each) for each in self.of(function.value)])
        if isinstance(function, ast.Attribute) and function.attr in _SAME:
            return self.of(function.value)
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return self.of(call.args[0]) if name in _PASSING and call.args else _UNKNOWN

    def _of_variable(self, name: str) -> Sequence[str]:
        if name in self._found:
            found, used = self._found[name]
            self.used |= used
            return found
        given = self._given.get(name, ())
        if not given and name not in self._added:
            self.used.update({name} & self._outer.keys())
            return self._outer.get(name, _UNKNOWN)
        if not given or name in self._asked:
            return _UNKNOWN
        self._asked.add(name)
        before, self.used = self.used, set()
        try:
            found = tuple(dict.fromkeys(text for value in given for text in self.of(value)))
            # Whether what is added under a condition is there, nobody knows: a query has rather more columns.
            more = [self.of(value) for value in self._added.get(name, ())]
            found = self._joined([found, *more]) if more and any(found) else found
            self._left -= _PER_NAME * len(self.used)
            if self._left < 0 or not any(found):
                found, self.used = _UNKNOWN, set()
            self._found[name] = found, self.used
            return found
        finally:
            self._asked.discard(name)
            self.used = before | self.used

    def _piece(self, node: ast.expr) -> Sequence[str]:
        return self.of(node.value) if isinstance(node, ast.FormattedValue) else self.of(node)

    def _joined(self, pieces: Sequence[Sequence[str]]) -> Sequence[str]:
        count = 1
        for piece in pieces:
            count *= len(piece)
        if count > _MOST or sum(max(map(len, piece)) for piece in pieces) > _LONGEST:
            return _UNKNOWN
        return self._kept(["".join(each or FILLED for each in some) for some in product(*pieces)])

    def _kept(self, texts: Sequence[str]) -> Sequence[str]:
        self._left -= sum(map(len, texts))
        return texts if self._left >= 0 else _UNKNOWN


def _bound(node: ast.AST) -> str | None:
    """Return the name that something other than an expression binds, to what nobody knows."""
    match node:
        case ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
            return name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            return name
        case ast.alias():
            return node.asname or node.name.partition(".")[0]
    return None


def _filled(found: re.Match[str]) -> str:
    return found[0][0] if found[0] in ("{{", "}}", "%%") else FILLED
