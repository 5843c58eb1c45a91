"""SQL that the code of a feature reads or writes by itself: what stands there, without executing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["CodeSql", "sql_in"]

_MAY: Final = re.compile(r"read_sql|read_database|to_sql|write_database|(load_from|save_to)\.sql\b")
_READS: Final = {
    "read_sql": (("sql",), ("con",)),
    "read_sql_query": (("sql",), ("con",)),
    "read_sql_table": (("table_name",), ("con",)),
    "read_database": (("query",), ("connection",)),
    "read_database_uri": (("query",), ("uri",)),
}
"""Functions that read SQL: the keywords of their first and their second argument."""

_WRITES: Final = {
    "to_sql": (("name",), ("con",)),
    "write_database": (("table_name",), ("connection",)),
}
_LOADER: Final = (("query_or_table", "sql", "query"), ("db_connection", "con", "connection"))
_SAVER: Final = (("table_name", "name"), ("db_connection", "con", "connection"))
_QUERY: Final = re.compile(r"^\s*(\(|--|/\*|select\b|with\b|from\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CodeSql:
    """A place in the code of a feature that reads SQL, or writes to a table.

    Attributes:
        line: Its line, counted from the first of that code, from 1.
        text: The query, or the name of the table; empty where it does not stand there.
        connection: What the code calls the database.
        is_written: Whether it is written to.
    """

    line: int
    text: str
    connection: str
    is_written: bool = False

    @property
    def is_query(self) -> bool:
        """Whether the text is a query, and not the name of a table."""
        return _QUERY.match(self.text) is not None


def sql_in(source: str) -> tuple[CodeSql, ...]:
    """Return where the code of a function, decorators included, reads SQL or writes to tables.

    What counts is `@load_from.sql`, `@save_to.sql`, and calls of what pandas and polars read and write SQL
    with. A query that is put together from pieces, or that stands elsewhere, has no text here.
    """
    # Every feature of a snapshot is asked: most are told apart by words, which are found ten times as fast.
    if ("sql" in source or "_database" in source) and _MAY.search(source):
        return _sql_in(source)
    return ()


@lru_cache(maxsize=2_000)
def _sql_in(source: str) -> tuple[CodeSql, ...]:
    try:
        parsed = ast.parse(source)
        literals = dict(_literals(parsed))
        calls = [node for node in ast.walk(parsed) if isinstance(node, ast.Call)]
        return tuple(found for call in calls if (found := _sql(call, literals)) is not None)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _literals(parsed: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the variables that are given one text, and no other, in the function itself."""
    given: dict[str, list[ast.expr | None]] = {}
    for node in ast.walk(parsed):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).append(node.value)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)) and isinstance(
            node.target, ast.Name
        ):
            value = None if isinstance(node, ast.AugAssign) else node.value
            given.setdefault(node.target.id, []).append(value)
    for name, values in given.items():
        if len(values) == 1 and isinstance(values[0], ast.Constant) and isinstance(values[0].value, str):
            yield name, values[0].value


def _sql(call: ast.Call, literals: dict[str, str]) -> CodeSql | None:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = function.value if isinstance(function, ast.Attribute) else None
    if name == "sql":
        kind = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if kind not in ("load_from", "save_to"):
            return None
        text, connection = _given(call, *(_LOADER if kind == "load_from" else _SAVER), positional=False)
        is_written = kind == "save_to"
    elif name in _READS:
        text, connection = _given(call, *_READS[name])
        is_written = False
    elif name in _WRITES and owner is not None:
        text, connection = _given(call, *_WRITES[name])
        is_written = True
    else:
        return None
    return CodeSql(call.lineno, _text(text, literals), _connection(connection, literals), is_written)


def _given(
    call: ast.Call, first: tuple[str, ...], second: tuple[str, ...], *, positional: bool = True
) -> tuple[ast.expr | None, ast.expr | None]:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    found = []
    for place, names in enumerate((first, second)):
        by_place = call.args[place] if positional and place < len(call.args) else None
        found.append(by_place or next((keywords[name] for name in names if name in keywords), None))
    return found[0], found[1]


def _text(node: ast.expr | None, literals: dict[str, str]) -> str:
    """Return the text that an expression certainly is, also in `value("…")` and `text("…")`."""
    if isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        node = node.args[0] if name in ("text", "value", "dedent") else None
    if isinstance(node, ast.Name):
        return literals.get(node.id, "")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _connection(node: ast.expr | None, literals: dict[str, str]) -> str:
    """Return what the code calls a database: an address without its secrets, or the name of what holds it."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    if text := _text(node, literals):
        return re.sub(r"//[^@/]*@", "//", text).partition("?")[0]
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "database"
