"""Columns that the body of a function reads from the tables it is given, or writes to them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from headwater.function import Function
from headwater.types import UNION, Type
from headwater_catalog.read.functions import RawFunction
from headwater_catalog.read.newer import parse_newer
from headwater_catalog.read.syntax import Unreadable
from headwater_catalog.views import ColumnUse

__all__ = ["columns_of"]

_TABLES: Final = frozenset({"DataFrame", "GeoDataFrame", "LazyFrame", "RecordBatch", "Table"})
_LIBRARIES: Final = frozenset(
    {"cudf", "dask", "dask_expr", "geopandas", "modin", "pandas", "pandera", "polars", "pyarrow", "pyspark"}
)
_WITH_EXPRESSIONS: Final = frozenset({"polars", "pyspark"})
"""Libraries in which `col("x")` stands for a column."""

_MOST: Final = 200
"""Columns of one function."""

_LONGEST: Final = 200
_LONGEST_CHAIN: Final = 100

_SAME: Final = frozenset(
    ("abs", "assign", "astype", "bfill", "cache", "clip", "clone", "collect", "compute", "copy", "diff")
    + ("distinct", "drop", "drop_duplicates", "drop_nulls", "dropna", "explode", "ffill", "fill_null")
    + ("fillna", "filter", "groupBy", "group_by", "groupby", "head", "lazy", "limit", "orderBy", "persist")
    + ("query", "repartition", "replace", "round", "sample", "select", "set_index", "shift", "sort")
    + ("sort_index", "sort_values", "tail", "toPandas", "to_pandas", "unique", "where", "withColumn")
    + ("withColumnRenamed", "with_columns")
)
"""Methods whose result has the columns of the table, besides those that the call itself names."""

_MIXING: Final = frozenset({"join", "merge"})
_BY: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {
    "column": (1, ()),
    "drop_duplicates": (1, ("subset",)),
    "dropna": (0, ("subset",)),
    "get_column": (1, ("name",)),
    "groupBy": (_MOST, ()),
    "group_by": (_MOST, ()),
    "groupby": (1, ("by",)),
    "join": (0, ("left_on", "on")),
    "merge": (0, ("left_on", "on")),
    "orderBy": (_MOST, ()),
    "pop": (1, ()),
    "select": (_MOST, ()),
    "set_index": (1, ("keys",)),
    "sort": (_MOST, ("by",)),
    "sort_values": (1, ("by",)),
    "withColumnRenamed": (1, ()),
}
"""Methods that are told columns to read: in how many of their first arguments, and under which keywords."""

_SETTING: Final[Mapping[str, int]] = {"insert": 1, "withColumn": 0, "withColumnRenamed": 1}
"""Methods that are told the column that they set, and in which argument."""

_SETTING_BY_KEYWORD: Final = frozenset({"assign", "with_columns"})
_NAMING: Final = frozenset({"select", "with_columns"})
"""Methods in whose arguments `.alias("x")` names a column of the result."""

_Tables = dict[str, str]
"""The table that each variable holds: the parameter it was made from, or what it is called itself."""


def columns_of(function: Function, raw: RawFunction) -> tuple[ColumnUse, ...]:
    """Return the columns that a function reads from the tables it is given, and those it sets in them.

    Only what the text says for sure is told: columns named by literals, of parameters whose annotation is a
    table and of variables that are made from these. What it sets before reading it, it does not need.

    Args:
        function: The function, whose parameters have types.
        raw: The same function as it stands in the source.
    """
    types = {parameter.name: _table_type(parameter.type) for parameter in function.parameters}
    tables = {name: type_ for name, type_ in types.items() if type_}
    if not tables or raw.unread:
        return ()
    has_expressions = any(type_.partition(".")[0] in _WITH_EXPRESSIONS for type_ in tables.values())
    return _columns(raw.source, tuple(tables), has_expressions)


def _table_type(type_: Type | None) -> str:
    """Return the name of a type that is a table, also where it is optional or annotated further."""
    if type_ is None:
        return ""
    if type_.name in (UNION, "typing.Annotated"):
        return next((found for part in type_.args if (found := _table_type(part))), "")
    library, name = type_.name.partition(".")[0], type_.name.rpartition(".")[2]
    return type_.name if library in _LIBRARIES and name in _TABLES else ""


@lru_cache(maxsize=512)  # the versions of a module share most of their functions
def _columns(source: str, tables: tuple[str, ...], has_expressions: bool) -> tuple[ColumnUse, ...]:
    body = _Body(tables, has_expressions)
    try:
        definition = parse_newer(source).body[0]
        if isinstance(definition, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body.block(definition.body, {name: name for name in tables})
    except (Unreadable, RecursionError):
        pass  # what was found so far is so all the same
    return tuple(body.found)[:_MOST]


class _Within(NamedTuple):
    """What stands around an expression: the variables there, and the method call it is an argument of."""

    tables: _Tables
    table: str
    method: str = ""


class _Body:
    """Goes through the code of one function in its order.

    Attributes:
        found: The columns it has come upon.
    """

    def __init__(self, tables: tuple[str, ...], has_expressions: bool) -> None:
        self.found: dict[ColumnUse, None] = {}
        self._has_expressions = has_expressions
        self._only = tables[0] if len(tables) == 1 else ""
        self._literals: dict[str, ast.expr] = {}
        self._lambdas: dict[ast.Lambda, str] = {}

    def block(self, statements: Iterable[ast.AST], tables: _Tables) -> None:
        """Go through statements; `tables` is changed by them."""
        for statement in statements:
            match statement:
                case (
                    ast.FunctionDef(args=arguments, body=body)
                    | ast.AsyncFunctionDef(args=arguments, body=body)
                ):
                    self.block(body, _without(tables, arguments))
                case ast.ClassDef():
                    continue
                case ast.Assign(targets=targets, value=value):
                    self._assign(targets, value, tables)
                case ast.AnnAssign(target=target, value=value) if value is not None:
                    self._assign([target], value, tables)
                case ast.AugAssign(target=target, value=value):
                    self._expression(value, tables)
                    if isinstance(target, ast.Subscript):
                        self._subscript(target, tables, written=False)
                    self._set(target, None, tables)
                case ast.For(target=target, iter=values) | ast.AsyncFor(target=target, iter=values):
                    self._expression(values, tables)
                    items = values if isinstance(values, (ast.List, ast.Set, ast.Tuple)) else target
                    self._bind(target, items, None, tables)
                    self.block([*statement.body, *statement.orelse], tables)
                case _:
                    self._other(statement, tables)

    def _other(self, statement: ast.AST, tables: _Tables) -> None:
        for part in ast.iter_child_nodes(statement):
            if isinstance(part, ast.expr):
                self._expression(part, tables)
            else:
                self.block([part], tables)

    # What variables hold

    def _assign(self, targets: list[ast.expr], value: ast.expr, tables: _Tables) -> None:
        self._expression(value, tables)
        table = _table(value, tables)
        for target in targets:
            self._bind(target, value, table, tables)

    def _bind(self, target: ast.expr, value: ast.expr, table: str | None, tables: _Tables) -> None:
        if isinstance(target, ast.Name):
            self._literals[target.id] = value
        self._set(target, table, tables)

    def _set(self, target: ast.expr, table: str | None, tables: _Tables) -> None:
        match target:
            case ast.Name(id=name):
                tables.pop(name, None)
                if table is not None:
                    tables[name] = table or name
            case ast.Subscript():
                self._subscript(target, tables, written=True)
            case ast.Attribute(value=ast.Name(id=name), attr="columns"):
                tables.pop(name, None)  # all of its columns have other names from here on
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for part in parts:
                    self._set(part, None, tables)

    def _names(self, node: ast.expr | None) -> list[str]:
        """Return the texts that an expression certainly is, one or several."""
        if isinstance(node, ast.Name):
            node = self._literals.get(node.id)
        parts = node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else [node]
        texts = [part.value for part in parts if isinstance(part, ast.Constant)]
        names = [text for text in texts if isinstance(text, str) and len(text) <= _LONGEST]
        return names if len(names) == len(parts) else []

    def _note(self, table: str, names: Iterable[str], written: bool) -> None:
        for name in names:
            if written or ColumnUse(table, name, True) not in self.found:
                self.found[ColumnUse(table, name, written)] = None

    # Expressions

    def _expression(self, root: ast.expr, tables: _Tables) -> None:
        """Note the columns in an expression, in the order in which it is worked out."""
        stack: list[tuple[ast.AST, _Within, bool]] = [(root, _Within(tables, self._only), False)]
        while stack and len(self.found) < _MOST:
            node, within, is_left = stack.pop()
            if not is_left:
                stack.append((node, within, True))
                inner = self._inside(node, within)
                stack.extend((part, inner, False) for part in reversed(list(ast.iter_child_nodes(node))))
            elif isinstance(node, ast.Subscript):
                self._subscript(node, within.tables, written=False)
            elif isinstance(node, ast.Call):
                self._call(node, within)

    def _inside(self, node: ast.AST, within: _Within) -> _Within:
        """Return what stands around the parts of a node."""
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=method)):
                table = _table(owner, within.tables)
                if table is not None:
                    self._lambdas.update((taker, table) for taker in _takers(node, method))
                    return _Within(within.tables, table, method)
            case ast.Lambda(args=arguments):
                tables = _without(within.tables, arguments)
                if (table := self._lambdas.get(node)) is not None and arguments.args:
                    tables[arguments.args[0].arg] = table
                return within._replace(tables=tables)
            case ast.DictComp() | ast.GeneratorExp() | ast.ListComp() | ast.SetComp():
                tables = _hidden(within.tables, [part.target for part in node.generators])
                return within._replace(tables=tables)
        return within

    def _subscript(self, node: ast.Subscript, tables: _Tables, written: bool) -> None:
        """Note the columns in `table["x"]`, `table[["x", "y"]]` or `table.loc[:, "x"]`."""
        owner, key = node.value, node.slice
        if isinstance(owner, ast.Attribute) and owner.attr in ("at", "loc"):
            table = _table(owner.value, tables)
            keys = key.elts if isinstance(key, ast.Tuple) else []
            names = self._names(keys[1]) if len(keys) == 2 else []
        else:
            table = _table(owner, tables)
            names = [] if isinstance(key, ast.Tuple) else self._names(key)
        if table is not None:
            self._note(table, names, written)

    def _call(self, call: ast.Call, within: _Within) -> None:
        """Note the columns that a call names."""
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        table = _table(function.value, within.tables) if isinstance(function, ast.Attribute) else None
        if table is not None:
            self._method(call, name, table)
        elif name == "col" and self._has_expressions and _is_plain(function):
            for argument in call.args:
                self._note(within.table, self._names(argument), written=False)
        elif name == "alias" and self._has_expressions and within.method in _NAMING and call.args:
            self._note(within.table, self._names(call.args[0]), written=True)

    def _method(self, call: ast.Call, name: str, table: str) -> None:
        """Note the columns that a method of a table is told."""
        given = _given(call)
        positions, keywords = _BY.get(name, (0, ()))
        wanted = [*call.args[:positions], *(given[keyword] for keyword in keywords if keyword in given)]
        for argument in wanted:
            self._note(table, self._names(argument), written=False)
        if name in _SETTING and len(call.args) > _SETTING[name]:
            self._note(table, self._names(call.args[_SETTING[name]]), written=True)
        if name in _SETTING_BY_KEYWORD:
            self._note(table, given, written=True)
        if name == "rename" and isinstance(names := given.get("columns"), ast.Dict):
            for old, new in zip(names.keys, names.values, strict=True):
                self._note(table, self._names(old), written=False)
                self._note(table, self._names(new), written=True)


def _given(call: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def _takers(call: ast.Call, method: str) -> list[ast.Lambda]:
    """Return the functions in the arguments of a method that are given the table, or its rows."""
    given = _given(call)
    axis = given.get("axis")
    by_row = isinstance(axis, ast.Constant) and axis.value in (1, "columns")
    takers: list[ast.expr] = []
    if method == "assign":
        takers = list(given.values())
    elif method == "pipe" or (method == "apply" and by_row):
        takers = call.args[:1]
    return [taker for taker in takers if isinstance(taker, ast.Lambda)]


def _table(node: ast.expr, tables: _Tables) -> str | None:
    """Return the table that an expression is; empty where it is one of several put together."""
    is_mixed = False
    for _ in range(_LONGEST_CHAIN):
        match node:
            case ast.Name(id=name):
                return "" if is_mixed and name in tables else tables.get(name)
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if _keeps(node, method):
                is_mixed = is_mixed or method in _MIXING
                node = owner
            case ast.Subscript(value=owner) if _is_selection(node):
                is_located = isinstance(owner, ast.Attribute) and owner.attr in ("iloc", "loc")
                node = owner.value if is_located and isinstance(owner, ast.Attribute) else owner
            case _:
                return None
    return None


def _keeps(call: ast.Call, method: str) -> bool:
    """Tell whether the result of a method has columns of its table, and others only where it names them."""
    given = _given(call)
    if method == "rename":
        return isinstance(given.get("columns"), ast.Dict)
    if method == "reset_index":
        drop = given.get("drop")
        return isinstance(drop, ast.Constant) and drop.value is True
    return method in _SAME or method in _MIXING


def _is_selection(node: ast.Subscript) -> bool:
    """Tell whether `table[…]` is certainly a table again: some rows of it, or a list of columns."""
    key = node.slice
    if isinstance(node.value, ast.Attribute):
        parts = key.elts if isinstance(key, ast.Tuple) else [key]
        return all(isinstance(part, (ast.Compare, ast.List, ast.Slice)) for part in parts)
    is_mask = isinstance(key, ast.BinOp) and isinstance(key.op, (ast.BitAnd, ast.BitOr, ast.BitXor))
    is_not = isinstance(key, ast.UnaryOp) and isinstance(key.op, ast.Invert)
    return is_mask or is_not or isinstance(key, (ast.Compare, ast.List, ast.Slice))


def _is_plain(function: ast.expr) -> bool:
    """Tell whether a function is called by its name, or by that of a module and its own."""
    return isinstance(function, ast.Name) or isinstance(getattr(function, "value", None), ast.Name)


def _without(tables: _Tables, arguments: ast.arguments) -> _Tables:
    own = {node.arg for node in ast.walk(arguments) if isinstance(node, ast.arg)}
    return {name: table for name, table in tables.items() if name not in own}


def _hidden(tables: _Tables, targets: list[ast.expr]) -> _Tables:
    own = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return {name: table for name, table in tables.items() if name not in own}
