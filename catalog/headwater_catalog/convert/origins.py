"""Which tables the columns of a table come from, and under which names."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from headwater_catalog.convert.effects import is_in_place
from headwater_catalog.convert.expressions import Expression
from headwater_catalog.convert.known import REDUCTIONS, dotted
from headwater_catalog.convert.static import static_value
from headwater_catalog.convert.values import NO_LITERAL, Frame, Origins

__all__ = ["columns_set_by", "origins_of"]

_KEEPING: Final = frozenset(
    """abs applymap asfreq astype bfill clip convert_dtypes copy cummax cummin cumprod cumsum diff drop
    drop_duplicates dropna explode ffill fillna filter head infer_objects interpolate isin isna isnull
    map mask nlargest notna notnull nsmallest pct_change query rank reindex rename_axis replace round
    sample select_dtypes set_index shift sort_index sort_values tail to_frame truncate where""".split()  # noqa: SIM905
)
"""Methods of a table whose columns come from those of the same names."""

_GROUPED: Final = REDUCTIONS | {"first", "last", "prod"}


def origins_of(value: ast.expr, read: Expression) -> Origins:
    """Return where the columns of a table come from, as far as that is sure; else no table at all.

    Args:
        value: The expression that gives it.
        read: What was read of that.
    """
    if value in read.frames:
        return Origins((read.frames[value],))
    match value:
        case ast.Subscript(value=ast.Name(id=name)) if isinstance(frame := read.known.get(name), Frame):
            return Origins((frame,))
        case (
            ast.Subscript(value=ast.Attribute(value=owner, attr="loc" | "iloc")) | ast.Subscript(value=owner)
        ):
            return origins_of(owner, read)
        case ast.Call(func=ast.Attribute(value=owner, attr="agg" | "aggregate")) if _is_grouped(owner):
            return _aggregated(origins_of(owner, read), value, read)
        case ast.Call(func=ast.Attribute(value=owner, attr=method)) if _is_grouped(owner):
            return origins_of(owner, read) if method in _GROUPED else Origins()
        case ast.Call(func=ast.Attribute(value=owner, attr=method)):
            return _called(owner, method, value, read)
    return Origins()


def _is_grouped(node: ast.expr) -> bool:
    match node:
        case ast.Subscript(value=owner):
            return _is_grouped(owner)
        case ast.Call(func=ast.Attribute(attr="groupby")):
            return True
    return False


def _called(owner: ast.expr, method: str, call: ast.Call, read: Expression) -> Origins:
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    if read.known.imports.get(dotted(owner), "") == "pandas":
        if method == "concat" and call.args and isinstance(call.args[0], (ast.List, ast.Tuple)):
            axis = static_value(given.get("axis", ast.Constant(0)), read.known.get)
            return _together(call.args[0].elts, read, is_stacked=axis in (0, "index"))
        return (
            _together(call.args[:2], read)
            if method in ("merge", "merge_asof", "merge_ordered")
            else Origins()
        )
    found = origins_of(owner, read)
    match method:
        case "groupby":
            return found
        case "merge" | "join" if call.args:
            return _together([owner, call.args[0]], read)
        case "assign" if len(given) == len(call.keywords):
            return found.with_names(dict.fromkeys(given))
        case "rename" if not call.args and set(given) <= {"columns", "inplace"}:
            pairs = _pairs(given.get("columns"), read)
            return found.with_names(pairs) if pairs is not None else Origins()
        case "reset_index" if set(given) <= {"drop", "inplace"}:
            return found.with_names({"index": None, "level_0": None})
    return found if method in _KEEPING else Origins()


def _together(nodes: Iterable[ast.expr], read: Expression, *, is_stacked: bool = False) -> Origins:
    parts = [origins_of(node, read) for node in nodes]
    if any(not part.frames or part.renamed for part in parts):
        return Origins()
    return Origins(tuple(frame for part in parts for frame in part.frames), is_stacked=is_stacked)


def _aggregated(found: Origins, call: ast.Call, read: Expression) -> Origins:
    names: dict[str, str | None] = {}
    for keyword in call.keywords:
        pair = static_value(keyword.value, read.known.get)
        if keyword.arg is None or not isinstance(pair, (list, tuple)) or not pair:
            return Origins()
        names[keyword.arg] = pair[0] if isinstance(pair[0], str) else None
    return found.with_names(names) if call.keywords and not call.args else Origins()


def _pairs(node: ast.expr | None, read: Expression) -> dict[str, str | None] | None:
    """Return the old name of each new one in a dictionary that is written out."""
    if isinstance(node, ast.Name):
        held = static_value(node, read.known.get)
        pairs = list(held.items()) if isinstance(held, dict) else None
    elif isinstance(node, ast.Dict):
        keys = [NO_LITERAL if key is None else static_value(key, read.known.get) for key in node.keys]
        pairs = list(zip(keys, (static_value(each, read.known.get) for each in node.values), strict=True))
    else:
        return None
    if pairs is None or not all(isinstance(part, str) for pair in pairs for part in pair):
        return None
    return {new: old for old, new in pairs}


def columns_set_by(statement: ast.stmt) -> set[str] | None:
    """Return the columns that a statement sets in tables; None where the text does not tell them all."""
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Subscript(slice=key, ctx=ast.Store() | ast.Del()):
                last = key.elts[-1] if isinstance(key, ast.Tuple) and key.elts else key
                parts = last.elts if isinstance(last, ast.List) else [last]
                names = [part.value for part in parts if isinstance(part, ast.Constant)]
                if len(names) < len(parts) or not all(isinstance(name, str) for name in names):
                    return None
                found.update(name for name in names if isinstance(name, str))
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.Call() if is_in_place(node):
                return None
            case ast.Assign(targets=[ast.Name()], value=ast.Name()):  # another name for one of them
                return None
    return found
