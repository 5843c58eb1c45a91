"""Lists, tuples and dictionaries of tables, written out: whoever has one has the tables themselves."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

__all__ = ["Cell", "items_of", "named_in"]


class Cell(int):
    """The cell of a table, as an item of a list."""


def named_in(node: ast.expr | None) -> list[str] | None:
    """Return the variables that a name, or a list or dictionary that is written out, consists of.

    Returns:
        The names, besides which there are but constants; None where there is anything else.
    """
    match node:
        case ast.Name(id=name):
            return [name]
        case ast.Constant():
            return []
        case ast.List(elts=items) | ast.Tuple(elts=items):
            parts = [named_in(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            parts = [named_in(item) for item in [*keys, *values]]
        case _:
            return None
    found: list[str] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def items_of(node: ast.expr, holds: Mapping[str, int]) -> Any:
    """Return a list or dictionary that is written out, with a `Cell` for each of its tables.

    Args:
        node: It, made of constants and the names of tables.
        holds: The cells of these.
    """
    match node:
        case ast.Name(id=name):
            return Cell(holds[name])
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {items_of(key, holds): items_of(item, holds) for key, item in pairs if key is not None}
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return tuple(items_of(item, holds) for item in items)
    assert isinstance(node, ast.Constant)
    return node.value
