"""SQL that the code of a feature reads or writes by itself: what stands there, without executing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from headwater_catalog.logical.code_texts import FILLED, Texts

__all__ = ["WORDS", "CodeSql", "constants_in_sql", "may_have_sql", "sql_in"]

WORDS: Final = (
    "sql",
    "_database",
    "spark",
    "Spark",
    "_gbq",
    ".execute",
    ".query",
    "saveAsTable",
    "insertInto",
    "writeTo",
)
"""One of them is in all code that reads SQL or writes to tables, and seldom in other code."""

_MAY: Final = re.compile(
    r"(read|to)_(sql|gbq)|(read|write)_database|(load_from|save_to)\.sql\b|saveAsTable|insertInto|writeTo\b"
    r"|\.\s*(sql|query|execute|table)\s*\("
)
_READS: Final = {
    "read_sql": (("sql",), ("con",)),
    "read_sql_query": (("sql",), ("con", "database")),
    "read_sql_table": (("table_name", "table"), ("con", "database")),
    "read_database": (("query",), ("connection",)),
    "read_database_uri": (("query",), ("uri",)),
    "read_gbq": (("query_or_table", "query"), ("project_id",)),
}
"""Functions that read SQL: the keywords of their first and their second argument."""

_WRITES: Final = {
    "to_sql": (("name",), ("con",)),
    "write_database": (("table_name",), ("connection",)),
    "to_gbq": (("destination_table",), ("project_id",)),
}
_CONNECTORX: Final = (("conn",), ("query",))
"""What it reads SQL with, it gives the address of the database first."""

_SPARK: Final = "spark"
_SPARK_READS: Final = {"sql": ("sqlQuery",), "table": ("tableName",)}
_SPARK_WRITES: Final = {"saveAsTable": ("name",), "insertInto": ("tableName",), "writeTo": ("table",)}
"""Methods of sessions and frames of Spark, with the keyword of their first argument."""

_ASKING: Final = {
    "sql": ("query",),
    "query": ("query",),
    "execute": ("query", "statement", "operation", "sql"),
}
"""Methods of connections, cursors and clients of any kind; other objects have some of the same names."""

_REGISTER: Final = "register"
_VIEWS: Final = frozenset(
    ("createOrReplaceTempView", "createTempView", "createOrReplaceGlobalTempView", "registerTempTable")
    + (_REGISTER, "create_view")
)
"""Methods that give a table of the code a name for queries; texts among what they get may be that."""
_LOADER: Final = (("query_or_table", "sql", "query"), ("db_connection", "con", "connection"))
_SAVER: Final = (("table_name", "name"), ("db_connection", "con", "connection"))
_SPACE: Final = r"(?:\s|--[^\n]*\n|(?>/\*.*?\*/))*+"
_NAME: Final = r"(?:\"[^\"]*\"|`[^`]*`|\[[^]]*\]|[\w.${}]+)"
_SELECT: Final = re.compile(
    rf"(?:{_SPACE}\()*+{_SPACE}(?:select\b|with\b{_SPACE}(?:recursive\b{_SPACE})?"
    rf"{_NAME}{_SPACE}(?:\([^()]*\){_SPACE})?as\b{_SPACE}(?:not\b{_SPACE})?(?:materialized\b{_SPACE})?\()"
    r".*\bfrom\b",
    re.IGNORECASE | re.DOTALL,
)
"""What is a query for sure, whoever is asked; comments match in one way only, however many there are."""

_QUERY: Final = re.compile(r"\s*(\(|--|/\*|select\b|with\b|from\b|[a-z]+\s+\S)", re.IGNORECASE)
"""A text of several words is no name of a table, even if it is no query, as `PRAGMA table_info(users)`."""

_MAKES_ROWS: Final = re.compile(
    r"\s*(\(|--|/\*|(select|with|from|insert|merge|replace)\b|create\s+(\w+\s+){0,4}(table|view)\b)",
    re.IGNORECASE,
)


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

    @property
    def names_tables(self) -> bool:
        """Whether the text names a table, or is a query of some: `SET`, `USE` and `DROP` read nothing."""
        return bool(self.text) and (not self.is_query or _MAKES_ROWS.match(self.text) is not None)


def may_have_sql(source: str) -> bool:
    """Tell whether the code of a function may read SQL or write to tables, for little work."""
    return any(word in source for word in WORDS) and _MAY.search(source) is not None


def sql_in(source: str, constants: Mapping[str, Sequence[str]] | None = None) -> tuple[CodeSql, ...]:
    """Return where the code of a function, decorators included, reads SQL or writes to tables.

    What counts is `@load_from.sql`, `@save_to.sql`, and calls of what pandas and polars read and write SQL
    with, sessions and tables of Spark, `duckdb.sql` and its kin, and a SELECT that any other connection is
    asked. What a query is filled in with as the program runs is `code_texts.FILLED` in it; a text that
    stands elsewhere, or a table's name that is filled in, is none.

    Args:
        source: The code.
        constants: The texts that constants of its module may be.
    """
    # Every feature of a snapshot is asked: most are told apart by words, which are found ten times as fast.
    if may_have_sql(source):
        named = ((name, tuple(texts)) for name, texts in (constants or {}).items() if name in source)
        return _sql_in(source, tuple(named))
    return ()


@lru_cache(maxsize=2_000)
def _sql_in(source: str, constants: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[CodeSql, ...]:
    return _read(source, dict(constants))[0]


def constants_in_sql(source: str, constants: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the names of those constants that the SQL of a function is made of; addresses are no SQL."""
    return _read(source, constants)[1]


def _read(source: str, constants: Mapping[str, Sequence[str]]) -> tuple[tuple[CodeSql, ...], frozenset[str]]:
    try:
        reader = _Reader(ast.parse(source), source, constants)
        return tuple(dict.fromkeys(reader.found())), frozenset(reader.used)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (), frozenset()


_Given = tuple[ast.expr | None, ast.expr | None]


class _Reader:
    """Finds the SQL of one function."""

    def __init__(self, parsed: ast.AST, source: str, constants: Mapping[str, Sequence[str]]) -> None:
        self.used: set[str] = set()
        self._texts = Texts(parsed, constants)
        self._of_function = Texts(parsed)  # addresses of databases may be secrets: constants are none of them
        self._calls = [node for node in ast.walk(parsed) if isinstance(node, ast.Call)]
        self._is_duckdb = "duckdb" in source
        self._asks_frames = "SQLContext" in source  # of polars, which is asked about what it was given
        self._views = frozenset(self._names_of_views())
        self.used |= self._texts.used
        self._own = self._texts.names
        self._own_or_views = self._own | self._views

    def found(self) -> Iterator[CodeSql]:
        for call in self._calls:
            self._texts.used = set()
            found = tuple(self._of(call))
            if any(each.names_tables for each in found):
                self.used |= self._texts.used
            yield from found

    def _names_of_views(self) -> Iterator[str]:
        for call in self._calls:
            if _name(call.func) in _VIEWS and isinstance(call.func, ast.Attribute):
                given = (*call.args, *(keyword.value for keyword in call.keywords))
                # Much is registered that is no table, and what constants say there may be secrets.
                texts = self._of_function if _name(call.func) == _REGISTER else self._texts
                yield from (text.casefold() for each in given for text in texts.of(each) if text)

    def _of(self, call: ast.Call) -> Iterator[CodeSql]:
        name = _name(call.func)
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name == "read_sql" and owner is not None and _name(owner) in ("cx", "connectorx"):
            address, text = _given(call, *_CONNECTORX)
            yield from self._read(call, (text, address))
        elif name in _READS:
            yield from self._read(call, _given(call, *_READS[name]))
        elif owner is None:
            return
        elif name == "sql" and _name(owner) in ("load_from", "save_to"):
            is_loader = _name(owner) == "load_from"
            given = _given(call, *(_LOADER if is_loader else _SAVER), positional=False)
            yield from self._read(call, given) if is_loader else self._written(call, given)
        elif name in _WRITES:
            of_package = "gbq" in _name(owner)  # `pandas_gbq.to_gbq(frame, table)`, not `frame.to_gbq(table)`
            yield from self._written(call, _given(call, *_WRITES[name], begin=int(of_package)))
        elif name in _SPARK_WRITES:
            text, _ = _given(call, _SPARK_WRITES[name], ())
            yield from self._written(call, (text, ast.Name(_SPARK)))
        elif name in _SPARK_READS and _is_spark(owner):
            text, _ = _given(call, _SPARK_READS[name], ())
            yield from self._of_spark(call, text)
        elif name in _ASKING:
            yield from self._asked(call, owner, name)

    def _of_spark(self, call: ast.Call, text: ast.expr | None) -> Iterator[CodeSql]:
        for found in self._read(call, (text, ast.Name(_SPARK)), self._views):
            is_view = not found.is_query and found.text.casefold() in self._views
            if not is_view and (found.names_tables or not found.text):
                yield found

    def _asked(self, call: ast.Call, owner: ast.expr, name: str) -> Iterator[CodeSql]:
        text, _ = _given(call, _ASKING[name], ())
        if _name(owner) == "duckdb":  # which finds tables among the variables of the code
            found = self._read(call, (text, owner), self._own)
            yield from (each for each in found if each.names_tables or not each.text)
        elif not (name == "execute" and self._asks_frames):
            is_own = self._is_duckdb or (name == "sql" and "session" not in _name(owner).casefold())
            own = self._own_or_views if is_own else self._views
            # Who is asked, nobody knows: only what is a query for sure is one.
            found = self._read(call, (text, owner), own)
            yield from (each for each in found if _SELECT.match(each.text))

    def _read(self, call: ast.Call, given: _Given, own: frozenset[str] = frozenset()) -> Iterator[CodeSql]:
        connection = _connection(given[1], self._of_function)
        for text in self._texts.of(given[0]):
            known = CodeSql(call.lineno, text, connection, False, own)
            is_open = FILLED in text and not known.is_query
            yield CodeSql(call.lineno, "", connection) if is_open else known

    def _written(self, call: ast.Call, given: _Given) -> Iterator[CodeSql]:
        connection = _connection(given[1], self._of_function)
        for text in self._texts.of(given[0]):
            yield CodeSql(call.lineno, "" if FILLED in text else text, connection, True)


def _name(node: ast.expr) -> str:
    """Return the last name of what an expression calls something."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_spark(owner: ast.expr) -> bool:
    """Tell whether what is asked is a session of Spark, or its reader, by what the code calls it."""
    while isinstance(owner, (ast.Attribute, ast.Call)):
        if _SPARK in _name(owner).casefold():
            return True
        owner = owner.func if isinstance(owner, ast.Call) else owner.value
    return _SPARK in _name(owner).casefold()


def _given(
    call: ast.Call,
    first: tuple[str, ...],
    second: tuple[str, ...],
    *,
    positional: bool = True,
    begin: int = 0,
) -> _Given:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    found = []
    for place, names in enumerate((first, second), begin):
        by_place = call.args[place] if positional and place < len(call.args) else None
        found.append(by_place or next((keywords[name] for name in names if name in keywords), None))
    return found[0], found[1]


def _connection(node: ast.expr | None, texts: Texts) -> str:
    """Return what the code calls a database: an address without its secrets, or the name of what holds it."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    text = texts.of(node)[0]
    if text and not text.startswith(FILLED):
        scheme, slashes, place = text.partition("//")
        address = f"{scheme}{slashes}{place.rpartition('@')[2]}"
        return address.partition("?")[0].replace(FILLED, "…")
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else "database"
