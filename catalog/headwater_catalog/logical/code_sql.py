"""SQL that the code of a feature reads or writes by itself: what stands there, without executing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from headwater_catalog.logical.code_texts import FILLED, Texts

__all__ = ["CodeSql", "sql_in"]

_MAY: Final = re.compile(
    r"read_sql|read_database|to_sql|write_database|(load_from|save_to)\.sql\b|duckdb\.(sql|query|execute)\b"
)
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
_DUCKDB: Final = (("query",), ())
"""Of `duckdb.sql` and its kin, which read files, and tables that the code has in its variables."""

_QUERY: Final = re.compile(r"\s*(\(|--|/\*|select\b|with\b|from\b|[a-z]+\s+\S)", re.IGNORECASE)
"""A text of several words is no name of a table, even if it is no query, as `PRAGMA table_info(users)`."""


@dataclass(frozen=True, slots=True)
class CodeSql:
    """A place in the code of a feature that reads SQL, or writes to a table.

    Attributes:
        line: Its line, counted from the first of that code, from 1.
        text: The query, or the name of the table; empty where it does not stand there.
        connection: What the code calls the database.
        is_written: Whether it is written to.
        own: Names that in its queries may be tables of the code itself, in small letters.
    """

    line: int
    text: str
    connection: str
    is_written: bool = False
    own: frozenset[str] = frozenset()

    @property
    def is_query(self) -> bool:
        """Whether the text is a query, and not the name of a table."""
        return _QUERY.match(self.text) is not None


def sql_in(source: str) -> tuple[CodeSql, ...]:
    """Return where the code of a function, decorators included, reads SQL or writes to tables.

    What counts is `@load_from.sql`, `@save_to.sql`, and calls of what pandas and polars read and write SQL
    with, and `duckdb.sql` and its kin. What a query is filled in with as the program runs is
    `code_texts.FILLED` in it; a text that stands elsewhere, or a table's name that is filled in, is none.
    """
    # Every feature of a snapshot is asked: most are told apart by words, which are found ten times as fast.
    if ("sql" in source or "_database" in source or "duckdb" in source) and _MAY.search(source):
        return _sql_in(source)
    return ()


@lru_cache(maxsize=2_000)
def _sql_in(source: str) -> tuple[CodeSql, ...]:
    try:
        parsed = ast.parse(source)
        texts = Texts(parsed)
        calls = [node for node in ast.walk(parsed) if isinstance(node, ast.Call)]
        return tuple(dict.fromkeys(found for call in calls for found in _sql(call, texts)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _sql(call: ast.Call, texts: Texts) -> Iterator[CodeSql]:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = function.value if isinstance(function, ast.Attribute) else None
    own: frozenset[str] = frozenset()
    if name in ("sql", "query", "execute") and isinstance(owner, ast.Name) and owner.id == "duckdb":
        text, connection = _given(call, *_DUCKDB)
        is_written, own = False, texts.names
        connection = owner
    elif name == "sql":
        kind = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if kind not in ("load_from", "save_to"):
            return
        text, connection = _given(call, *(_LOADER if kind == "load_from" else _SAVER), positional=False)
        is_written = kind == "save_to"
    elif name in _READS:
        text, connection = _given(call, *_READS[name])
        is_written = False
    elif name in _WRITES and owner is not None:
        text, connection = _given(call, *_WRITES[name])
        is_written = True
    else:
        return
    for each in texts.of(text):
        known = CodeSql(call.lineno, each, _connection(connection, texts), is_written, own)
        is_open = FILLED in each and (is_written or not known.is_query)
        yield CodeSql(call.lineno, "", known.connection, is_written) if is_open else known


def _given(
    call: ast.Call, first: tuple[str, ...], second: tuple[str, ...], *, positional: bool = True
) -> tuple[ast.expr | None, ast.expr | None]:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    found = []
    for place, names in enumerate((first, second)):
        by_place = call.args[place] if positional and place < len(call.args) else None
        found.append(by_place or next((keywords[name] for name in names if name in keywords), None))
    return found[0], found[1]


def _connection(node: ast.expr | None, texts: Texts) -> str:
    """Return what the code calls a database: an address without its secrets, or the name of what holds it."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    text = texts.of(node)[0]
    if text and not text.startswith(FILLED):
        return re.sub(r"//.*@", "//", text, flags=re.DOTALL).partition("?")[0].replace(FILLED, "…")
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "database"
