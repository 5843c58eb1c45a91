"""Source text to syntax tree, with what cannot be read told in one kind of error."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Final, TypeVar

__all__ = ["TOO_DEEP", "Unreadable", "is_literal", "parse", "shallow", "walk"]

TOO_DEEP = "Python cannot read this: the code is nested too deeply."

_MOST_PARTS: Final = 2_000
"""Parts of one f-string: Python 3.11 looks through all of it for each of them."""

_F_STRING: Final = re.compile(
    r"""\b[rR]?[fF][rR]?(?:\"\"\"(?:[^"\\]++|\\.|"(?!""))*+|'''(?:[^'\\]++|\\.|'(?!''))*+"""
    r"""|"(?:[^"\\\n]++|\\.)*+|'(?:[^'\\\n]++|\\.)*+)""",
    re.DOTALL,
)

_LITERAL: Final = (
    *(ast.Constant, ast.Dict, ast.List, ast.Set, ast.Tuple, ast.UnaryOp),
    *(ast.expr_context, ast.unaryop),
)

N = TypeVar("N", bound=ast.AST)


class Unreadable(Exception):
    """A text that Python cannot read, with the line and the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a text.

    Raises:
        Unreadable: Python cannot read it.
    """
    _refuse_endless(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        end = "" if error.msg.endswith("?") else "."
        raise Unreadable(error.lineno or 0, f"Python cannot read this: {error.msg}{end}") from error
    except ValueError as error:  # null bytes, on older Pythons
        raise Unreadable(0, f"Python cannot read this: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise Unreadable(0, TOO_DEEP) from error


def _refuse_endless(text: str) -> None:
    """Refuse a text that Python would take minutes for."""
    if text.count("{") <= _MOST_PARTS:
        return
    for found in _F_STRING.finditer(text):
        if found[0].count("{") > _MOST_PARTS:
            line = text.count("\n", 0, found.start()) + 1
            raise Unreadable(line, f"An f-string has more than {_MOST_PARTS:,} parts, which are not read.")


def walk(root: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, in no order; several times as fast as `ast.walk`."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                stack.extend(item for item in value if isinstance(item, ast.AST))
            elif isinstance(value, ast.AST):
                stack.append(value)


def is_literal(expression: ast.expr) -> bool:
    """Tell whether an expression is written out, so that all of its value is known."""
    return all(isinstance(node, _LITERAL) for node in walk(expression))


def shallow(node: N) -> N:
    """Return a copy of a node that shares what is below it."""
    kind = type(node)
    copy = kind.__new__(kind)
    vars(copy).update(vars(node))
    return copy
