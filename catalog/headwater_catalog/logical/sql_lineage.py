"""Which columns of which tables the columns of a query come from; what the query leaves open is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

__all__ = ["QueryLineage", "query_lineage"]

_LONGEST: Final = 50_000  # characters of a query
_MOST_TOLD: Final = 20

_DIALECTS: Final = ("", "postgres", "bigquery", "snowflake", "tsql", "mysql", "spark", "duckdb", "oracle")
"""What a query may be written in, the usual first: what a connection leads to, no repository says."""

_NAMELESS: Final = "\0"
"""How a column is called meanwhile that the query gives no name."""

Column = tuple[str, str]
"""A table as the query names it, and a column of it; an empty column is the table as a whole."""


@dataclass(frozen=True, slots=True)
class QueryLineage:
    """Where the columns of a query come from.

    Attributes:
        columns: For each column of the result the columns of tables that its values are made of. Those that
            only choose rows, or put them in an order, are none of them.
        open: Tables that the query takes all columns of, and that nobody has declared the columns of.
        tables: All tables that it reads.
        told: What it leaves open, and why.
    """

    columns: Mapping[str, frozenset[Column]] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def query_lineage(query: str, known: Mapping[str, Collection[str]]) -> QueryLineage:
    """Return where the columns of a query come from; nothing is executed.

    Args:
        query: Its text.
        known: The columns of tables whose columns are declared, by the tables' names in small letters.
    """
    named = tuple(sorted((table, tuple(columns)) for table, columns in known.items()))
    return _lineage(query, named)


@lru_cache(maxsize=2_000)
def _lineage(query: str, known: tuple[tuple[str, tuple[str, ...]], ...]) -> QueryLineage:
    if len(query) > _LONGEST:
        return QueryLineage(told=(f"it has more than {_LONGEST:,} characters and is not read",))
    try:
        parsed = _parsed(query)
        if parsed is None:
            return QueryLineage(told=("it is no query that could be read: write one SELECT",))
        return _Query(dict(known)).read(parsed)
    except RecursionError:
        return QueryLineage(told=("it is nested too deeply to be read",))


def _parsed(query: str) -> exp.Query | None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    for dialect in _DIALECTS:
        try:
            statements = sqlglot.parse(query, dialect=dialect)
        except SqlglotError:
            continue
        found = [statement for statement in statements if statement is not None]
        if len(found) == 1 and isinstance(found[0], exp.Query):
            return found[0]
    return None


_Origins = dict[str, set[Column]]
"""Columns of a result, in their order, each with what it is made of."""


class _Query:
    """Reads one query, from its innermost parts outwards."""

    def __init__(self, known: Mapping[str, Collection[str]]) -> None:
        self._known = known
        self._open: dict[str, None] = {}
        self._told: dict[str, None] = {}
        self._done: dict[int, tuple[_Origins, tuple[str, ...]]] = {}

    def read(self, parsed: exp.Query) -> QueryLineage:
        from sqlglot import exp
        from sqlglot.optimizer.scope import build_scope

        own = {cte.alias_or_name.casefold() for cte in parsed.find_all(exp.CTE)}
        tables = dict.fromkeys(
            name
            for table in parsed.find_all(exp.Table)
            if (name := _name(table)) and (table.db or name.casefold() not in own)
        )
        scope = build_scope(parsed.unnest())
        if scope is None:
            return QueryLineage(tables=tuple(tables), told=("it is no query that could be read",))
        columns, open_tables = self._outputs(scope)
        for name in [name for name in columns if name.startswith(_NAMELESS)]:
            self._tell(f"a column has no name: {name.removeprefix(_NAMELESS)}")
            del columns[name]
        return QueryLineage(
            columns={name: frozenset(origins) for name, origins in columns.items()},
            open=tuple(dict.fromkeys(open_tables)),
            tables=tuple(tables),
            told=tuple(self._told)[:_MOST_TOLD],
        )

    def _outputs(self, scope: Scope) -> tuple[_Origins, tuple[str, ...]]:
        """Return the columns of a part of the query, and the tables all of whose columns it takes."""
        if id(scope) not in self._done:
            self._done[id(scope)] = {}, ()  # a part that reads itself adds nothing by that
            columns, more = self._found(scope)
            if scope.outer_columns and not more:  # WITH named (a, b) AS …
                names = (*scope.outer_columns, *list(columns)[len(scope.outer_columns) :])
                columns = dict(zip(names, columns.values(), strict=False))
            self._done[id(scope)] = columns, more
        return self._done[id(scope)]

    def _found(self, scope: Scope) -> tuple[_Origins, tuple[str, ...]]:
        from sqlglot import exp

        if scope.set_operation_scopes:
            return self._united([self._outputs(part) for part in scope.set_operation_scopes])
        found: _Origins = {}
        open_tables: list[str] = []
        if not isinstance(scope.expression, exp.Select):
            return found, ()
        for selected in scope.expression.expressions:
            if selected.is_star:
                for alias in self._starred(scope, selected):
                    columns, more = self._all_of(scope, alias, _excepted(selected))
                    _add(found, columns)
                    open_tables += more
            elif name := selected.alias_or_name:
                _add(found, {name: self._made_of(scope, selected)})
            else:
                _add(found, {f"{_NAMELESS}{selected.sql()[:60]}": self._made_of(scope, selected)})
        return found, tuple(open_tables)

    def _united(self, parts: list[tuple[_Origins, tuple[str, ...]]]) -> tuple[_Origins, tuple[str, ...]]:
        """Put the parts of a union together: the first one names the columns, by their places."""
        open_tables = tuple(table for _, more in parts for table in more)
        first = list(parts[0][0])
        found: _Origins = {name: set() for name in first}
        for columns, more in parts:
            by_place = not more and not open_tables and len(columns) == len(first)
            if not by_place and (columns and set(columns) != set(first)):
                self._tell("the parts of a UNION are put together by the names of their columns")
            for name, (other, origins) in zip(first, columns.items(), strict=False):
                if by_place:
                    found[name] |= origins
                else:
                    found.setdefault(other, set()).update(origins)
        return found, open_tables

    def _starred(self, scope: Scope, selected: exp.Expr) -> list[str]:
        """Return the sources that a star takes all columns of."""
        from sqlglot import exp

        names = list(scope.selected_sources)
        if isinstance(selected, exp.Column) and selected.table:
            return [name for name in names if name.casefold() == selected.table.casefold()]
        return names

    def _all_of(self, scope: Scope, alias: str, without: Collection[str]) -> tuple[_Origins, tuple[str, ...]]:
        from sqlglot import exp

        source = scope.selected_sources[alias][1]
        if not isinstance(source, exp.Table):
            columns, more = self._outputs(source)
            return {name: o for name, o in columns.items() if name.casefold() not in without}, more
        table = _name(source)
        if not table:
            self._tell(f"all columns of {source.sql()[:60]} are taken, which is no table")
            return {}, ()
        if known := self._known.get(table.casefold(), ()):
            return {name: {(table, name)} for name in known if name.casefold() not in without}, ()
        self._tell(f"it takes all columns of '{table}', which nobody has declared")
        return {}, (table,)

    def _made_of(self, scope: Scope, selected: exp.Expr) -> set[Column]:
        """Return the columns of tables that the value of an expression is made of."""
        from sqlglot import exp

        inner = {id(part.expression): part for part in scope.subquery_scopes}
        origins: set[Column] = set()
        for node in selected.walk(prune=lambda n: isinstance(n, exp.Query)):
            if isinstance(node, exp.Query):
                part = inner.get(id(node.unnest())) or inner.get(id(node))
                if part is not None:
                    origins.update(*self._outputs(part)[0].values())
            elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
                origins |= self._resolved(scope, node)
        return origins

    def _resolved(self, scope: Scope, column: exp.Column) -> set[Column]:
        """Return what a column in an expression is, or may be."""
        name, owner = column.name, column.table.casefold()
        sources = {alias.casefold(): source for alias, (_, source) in scope.selected_sources.items()}
        if not sources:  # the part of a recursive query that it reads itself by
            return set()
        if owner and owner not in sources:  # a field of a column: source.column.field, or column.field
            owner, name = (column.db.casefold(), column.table) if column.db else ("", column.table)
        if owner:
            sources = {owner: sources[owner]} if owner in sources else {}
        sure, possible = self._having(sources.values(), name)
        if not sure and not possible:
            self._tell(f"it is open what '{column.sql()}' is")
        if sure or len(possible) < 2:
            if len(sure) > 1:
                self._tell(f"column '{name}' may be of {_listed(sure)}: write which one")
            return set().union(*(sure or possible).values())
        unsure = f"column '{name}' may be of {_listed(possible)}"
        self._tell(f"{unsure}: write which one, or declare their columns")
        return set().union(*possible.values())

    def _having(
        self, sources: Iterable[Any], name: str
    ) -> tuple[dict[str, set[Column]], dict[str, set[Column]]]:
        """Return what a column of some name is in the sources that have it, and in those that may have it."""
        from sqlglot import exp

        sure: dict[str, set[Column]] = {}
        possible: dict[str, set[Column]] = {}
        for source in sources:
            if isinstance(source, exp.Table):
                table = _name(source)
                columns = self._known.get(table.casefold(), ())
                if name.casefold() in (each.casefold() for each in columns):
                    sure[table] = {(table, name)}
                elif table and not columns:
                    possible[table] = {(table, name)}
                continue
            if isinstance(source.expression, exp.UDTF):
                if id(source) in self._done:  # its own arguments are none of what it makes
                    continue
                possible[source.expression.sql()[:60]] = self._unnested(source)
                continue
            found, more = self._outputs(source)
            same = [origins for each, origins in found.items() if each.casefold() == name.casefold()]
            if same:
                sure[f"a part of it ({', '.join(found)})"[:80]] = set().union(*same)
            for table in more if not same else ():
                possible[table] = {(table, name)}
        return sure, possible

    def _unnested(self, scope: Scope) -> set[Column]:
        """Return what the rows that a function makes for each row of others are made of."""
        self._done[id(scope)] = {}, ()
        parts = (*scope.subquery_scopes, *scope.derived_table_scopes)
        origins = {column for part in parts for each in self._outputs(part)[0].values() for column in each}
        if scope.parent is not None and not parts:
            origins |= self._made_of(scope.parent, scope.expression)
        del self._done[id(scope)]
        return origins

    def _tell(self, what: str) -> None:
        self._told[what] = None


def _name(table: exp.Table) -> str:
    """Return the whole name of a table; empty where it is a function that makes one."""
    from sqlglot import exp

    if not isinstance(table.this, exp.Identifier):
        return ""
    return ".".join(part.name for part in table.parts)


def _excepted(selected: exp.Expr) -> frozenset[str]:
    """Return the columns that a star leaves out, in small letters."""
    star = selected.find(type(selected)) if selected.is_star else None
    given = (star.args.get("except_") or star.args.get("except") or ()) if star is not None else ()
    return frozenset(each.name.casefold() for each in given)


def _add(found: _Origins, more: Mapping[str, set[Column]]) -> None:
    for name, origins in more.items():
        found.setdefault(name, set()).update(origins)


def _listed(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)
