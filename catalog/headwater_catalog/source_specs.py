"""A source as a dataflow declares it.

Apart from the reader of project files, which every run would import with it and has no use for.
"""

from __future__ import annotations

import ast
import builtins
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater_catalog.locations import Whereabouts

__all__ = ["SourceSpec", "is_frame"]

_FRAMES: Final = frozenset({"DataFrame", "GeoDataFrame", "LazyFrame", "RecordBatch", "Table"})
_KNOWN: Final = sys.stdlib_module_names | {"numpy", "pandas", "polars", "pyarrow"}
"""Packages none of whose types is a table by another name, whoever imports it."""


@lru_cache(maxsize=4096)
def is_frame(type_: str) -> bool | None:
    """Tell whether a type, as text, is that of a table, or of one or None: such an input may be a source.

    A run asks so of the types that Python has found, and lineage of those that reading has.

    Returns:
        True or False, and None where reading does not tell: what is not resolved, and what others call so.
    """
    try:
        return bool(type_) and _is_frame(ast.parse(type_, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_frame(node: ast.expr) -> bool | None:
    match node:
        case ast.BinOp(op=ast.BitOr()):
            verdicts = [_is_frame(each) for each in _members(node) if not _is_none(each)]
            if False in verdicts or not verdicts:
                return False
            return verdicts[0] if len(verdicts) == 1 else None if None in verdicts else False
        case ast.Subscript(value=value, slice=inner):
            name = _dotted(value)
            if name == "typing.Annotated":
                return _is_frame(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
            return None if name in ("typing.Optional", "typing.Union") else _is_called_frame(name)
        case ast.Name() | ast.Attribute():
            return _is_called_frame(_dotted(node))
        case ast.Constant(value=str()) | ast.Call():
            return None
    return False  # a variable for types, or nothing that is a type


def _members(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_members(node.left), *_members(node.right)]
    return [node]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
    return ""


def _is_called_frame(name: str) -> bool | None:
    package, dot, _ = name.partition(".")
    if name.rpartition(".")[2] in _FRAMES:
        return True
    return False if (package in _KNOWN if dot else hasattr(builtins, name)) else None


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Data whose columns are inputs of a dataflow, or which is one as a whole where that has its name.

    Attributes:
        path: The file, relative to the repository; where it is none, the words that name where the data is.
        index: The column that becomes the index.
        dates: Columns that hold dates.
        format: How to read it; None lets the name of the file tell.
        where: Where it is, if not only in that file of the repository.
        table: The logical table that it is declared to be; empty where it only says where it is.
        any_case: Whether its columns are named in letters of any case, as those of databases are.
    """

    path: str
    index: str | None = None
    dates: tuple[str, ...] = ()
    format: str | None = None
    where: Whereabouts | None = None
    table: str = ""
    any_case: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, as the store keeps it."""
        plain = {"path": self.path, "index": self.index, "dates": list(self.dates), "format": self.format}
        if self.table:
            plain["table"] = self.table
        return plain if self.where is None else {**plain, **self.where.as_dict()}
