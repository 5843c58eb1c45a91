"""Which parameters of a function reach its result through declared anonymising functions alone.

A parameter is guarded if every place that reads it lies inside the arguments of a call of such a function,
as in `hash_email(email)`, or is what such a function is applied to, as in `email.map(hash_email)`. Anything
else that the body does with it lets it through: what cannot be told by reading counts as unguarded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from headwater_catalog.rules import Anonymiser

__all__ = ["guarded_names"]

_APPLIES: Final = frozenset(("agg", "aggregate", "apply", "map", "map_elements", "pipe", "transform"))
"""Methods of series and tables that call the function they are given."""

_SEES_ALL: Final = frozenset(("dir", "eval", "exec", "globals", "locals", "vars"))
"""Functions by which a body reads names that it does not mention."""


@lru_cache(maxsize=20_000)
def guarded_names(source: str, needed: frozenset[str], anonymisers: tuple[Anonymiser, ...]) -> frozenset[str]:
    """Return the names that a feature needs which come out of it anonymised.

    Args:
        source: Its code, decorators included.
        needed: All names that it needs. Where these are not just its parameters, or a decorator mentions
            one of them, a modifier may change what the parameters are, and nothing is guarded.
        anonymisers: What anonymises.
    """
    if not any(each.name in source for each in anonymisers):
        return frozenset()
    try:
        (function,) = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return frozenset()
    is_one = _is_one(function.name, anonymisers)
    if is_one or any(_anonymises(each, anonymisers) for each in function.decorator_list):
        return needed
    arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    names = {each.arg for each in arguments}
    called = {each.name for each in anonymisers}
    if needed != names or called & names:
        return frozenset()
    if any(names & _mentioned(each) for each in function.decorator_list):  # they may change places
        return frozenset()
    covered: set[ast.AST] = set()
    read: dict[str, list[ast.AST]] = {}
    for statement in function.body:
        for node in ast.walk(statement):
            # The first may take it out of a call again; the other makes something else of the name.
            if isinstance(node, ast.NamedExpr) or _bound(node) in called:
                return frozenset()
            if isinstance(node, ast.Call):
                covered.update(_inside(node, anonymisers))
            elif isinstance(node, ast.Name):
                if node.id in _SEES_ALL:
                    return frozenset()
                read.setdefault(node.id, []).append(node)
    return frozenset(name for name in needed if name in read and all(node in covered for node in read[name]))


def _bound(node: ast.AST) -> str:
    """Return the name to which a node gives a meaning; empty where it does that to none."""
    if isinstance(node, ast.alias):
        return node.asname if node.asname and node.asname != node.name else ""
    if isinstance(node, (ast.Name, ast.Attribute)):
        return "" if isinstance(node.ctx, ast.Load) else _last(node)
    if isinstance(node, ast.arg):
        return node.arg
    return getattr(node, "name", None) or getattr(node, "rest", None) or ""


def _mentioned(decorator: ast.expr) -> set[str]:
    """Return the names that a decorator may have to do with: its keywords and texts."""
    nodes = list(ast.walk(decorator))
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return texts | {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}


def _inside(call: ast.Call, anonymisers: tuple[Anonymiser, ...]) -> Iterator[ast.AST]:
    """Yield the nodes of which a call makes something anonymous."""
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    if _anonymises(call, anonymisers):
        for each in given:
            yield from ast.walk(each)
    elif isinstance(call.func, ast.Attribute) and call.func.attr in _APPLIES and call.args:
        applied = call.args[0]
        if _is_one(_last(applied), anonymisers):
            for each in (call.func.value, *(other for other in given if other is not applied)):
                yield from ast.walk(each)


def _anonymises(node: ast.expr, anonymisers: tuple[Anonymiser, ...]) -> bool:
    """Tell whether a call, or a decorator with or without arguments, is that of something that anonymises."""
    if not isinstance(node, ast.Call):
        return _is_one(_last(node), anonymisers)
    name = _last(node.func)
    given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return any(
        each.name == name and all(_is_at_least(given.get(key), least) for key, least in each.at_least)
        for each in anonymisers
    )


def _is_at_least(node: ast.expr | None, least: float) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, (int, float))
        and not isinstance(node.value, bool)
        and node.value >= least
    )


def _is_one(name: str, anonymisers: tuple[Anonymiser, ...]) -> bool:
    """Tell whether a name is that of something that anonymises, whatever arguments it is given."""
    return any(each.name == name and not each.at_least for each in anonymisers)


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
