"""Which columns of which tables the columns of a query come from; what the query leaves open is told."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.logical.sql_parsing import FILLED, TooMuchWork, Work, parsed

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

__all__ = ["QueryLineage", "query_lineage"]

_LONGEST: Final = 50_000  # characters of a query
_MOST_TOLD: Final = 20
_MOST_LISTED: Final = 10
_NAMELESS: Final = "\0"
"""How a column is called meanwhile that the query gives no name."""

_WORD: Final = re.compile(r"\w+")

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
        work: How many steps it took to find that out.
    """

    columns: Mapping[str, frozenset[Column]] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    work: int = 0


def query_lineage(query: str, known: Mapping[str, Collection[str]]) -> QueryLineage:
    """Return where the columns of a query come from; nothing is executed.

    Args:
        query: Its text.
        known: The columns of tables whose columns are declared, by the tables' names in small letters.
    """
    if len(query) > _LONGEST:
        return QueryLineage(told=(f"it has more than {_LONGEST:,} characters and is not read",))
    words = frozenset(_WORD.findall(query.casefold()))
    named = ((table, tuple(columns)) for table, columns in known.items() if _last_word(table) in words)
    return _lineage(query, tuple(sorted(named)))


@lru_cache(maxsize=20_000)
def _last_word(table: str) -> str:
    """Return what of a table's name certainly stands in a query that reads it."""
    words: list[str] = _WORD.findall(table)
    return words[-1] if words else ""


@lru_cache(maxsize=5_000)
def _lineage(query: str, known: tuple[tuple[str, tuple[str, ...]], ...]) -> QueryLineage:
    from sqlglot.errors import SqlglotError

    work = Work()
    try:
        found = parsed(query, work)
        if found is not None:
            return replace(_Query(dict(known), work).read(found), work=work.done)
        told = "it is no query that could be read: write one SELECT"
    except RecursionError:
        told = "it is nested too deeply to be read"
    except TooMuchWork:
        told = "it would take too long to be read: make it simpler"
    except SqlglotError as error:
        told = f"it is no query that could be read: {' '.join(str(error).split())[:100]}"
    return QueryLineage(told=(told,), work=work.done)


_Origins = dict[str, set[Column]]
"""Columns of a result, in their order, each with what it is made of."""


class _Query:
    """Reads one query, from its innermost parts outwards."""

    def __init__(self, known: Mapping[str, Collection[str]], work: Work) -> None:
        self._known = known
        self._folded = {table: frozenset(map(str.casefold, columns)) for table, columns in known.items()}
        self._work = work
        self._told: dict[str, None] = {}
        self._done: dict[int, tuple[_Origins, tuple[str, ...]]] = {}
        self._sources: dict[int, dict[str, Any]] = {}

    def read(self, query: exp.Query) -> QueryLineage:
        from sqlglot import exp
        from sqlglot.optimizer.scope import build_scope

        scope = build_scope(query.unnest())
        if scope is None:
            return QueryLineage(told=("it is no query that could be read",))
        read = (
            _name(source)
            for part in scope.traverse()
            for _, source in part.selected_sources.values()
            if isinstance(source, exp.Table)
        )
        tables = dict.fromkeys(filter(None, read))
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
            is_union = isinstance(
                scope.expression, exp.Union
            )  # else the others only choose rows of the first
            parts = scope.set_operation_scopes if is_union else scope.set_operation_scopes[:1]
            return self._united([self._outputs(part) for part in parts])
        found: _Origins = {}
        open_tables: list[str] = []
        if not isinstance(scope.expression, exp.Select):
            return found, ()
        for selected in scope.expression.expressions:
            if selected.is_star:
                for alias in self._starred(scope, selected):
                    columns, more = self._all_of(scope, alias, _excepted(selected))
                    renamed = _renamed(selected)
                    _add(found, {renamed.get(name.casefold(), name): o for name, o in columns.items()})
                    open_tables += more
            else:
                origins = self._made_of(scope, selected, found)
                name = selected.unnest().alias_or_name or f"{_NAMELESS}{selected.sql()[:60]}"
                if name != FILLED:
                    _add(found, {name: origins})
        return found, tuple(dict.fromkeys(open_tables))

    def _united(self, parts: list[tuple[_Origins, tuple[str, ...]]]) -> tuple[_Origins, tuple[str, ...]]:
        """Put the parts of a union together: the first one names the columns, by their places."""
        open_tables = tuple(dict.fromkeys(table for _, more in parts for table in more))
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

        source = self._sources_of(scope)[alias.casefold()]
        if source is None:
            return {}, ()
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

    def _made_of(self, scope: Scope, selected: exp.Expr, before: Mapping[str, set[Column]]) -> set[Column]:
        """Return the columns of tables that the value of an expression is made of.

        Args:
            scope: The part of the query that it stands in.
            selected: The expression.
            before: The columns that are selected before it: some databases let it read them.
        """
        from sqlglot import exp

        inner = {id(part.expression): part for part in scope.subquery_scopes}
        origins: set[Column] = set()
        for node in selected.walk(prune=lambda n: isinstance(n, exp.Query)):
            if isinstance(node, exp.Query):
                part = inner.get(id(node.unnest())) or inner.get(id(node))
                if part is not None:
                    origins.update(*self._outputs(part)[0].values())
            elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
                found = self._resolved(scope, node, before)
                self._work.add(len(found))
                origins |= found
            elif isinstance(node, exp.Placeholder) and node.name == FILLED:
                whole = selected.sql()[:60].replace(f":{FILLED}", "{…}")
                self._tell(f"it is open what '{whole}' is: what it is filled in with stands elsewhere")
        return origins

    def _resolved(self, scope: Scope, column: exp.Column, before: Mapping[str, set[Column]]) -> set[Column]:
        """Return what a column in an expression is, or may be."""
        name, owner = column.name, column.table.casefold()
        sources = self._sources_of(scope)
        if not sources:  # the part of a recursive query that it reads itself by
            return set()
        if owner and owner not in sources:  # a field of a column: source.column.field, or column.field
            owner, name = (column.db.casefold(), column.table) if column.db else ("", column.table)
        if owner:
            sources = {owner: sources[owner]} if owner in sources else {}
        sure, possible = self._having(sources.values(), name)
        self._work.add(len(sources))
        if not owner and not sure and name in before:
            if possible:
                told = (
                    f"'{name}' may be of {_listed(possible)}, or what is selected under that name before it"
                )
                self._tell(told)
            possible = {**possible, "": before[name]}
        elif not sure and not possible:
            self._tell(f"it is open what '{column.sql()}' is")
        if sure or len(possible) < 2 or "" in possible:
            if len(sure) > 1 and name.casefold() not in _joined_by(scope):
                self._tell(f"column '{name}' may be of {_listed(sure)}: write which one")
            return set().union(*(sure or possible).values())
        unsure = f"column '{name}' may be of {_listed(possible)}"
        self._tell(f"{unsure}: write which one, or declare their columns")
        return set().union(*possible.values())

    def _sources_of(self, scope: Scope) -> Mapping[str, Any]:
        """Return what a part of the query reads, by what it calls that; None for what PIVOT makes of it."""
        if id(scope) not in self._sources:
            found: dict[str, Any] = {}
            for alias, (node, source) in scope.selected_sources.items():
                is_turned = bool(node.args.get("pivots"))
                if is_turned:
                    self._tell(
                        f"it turns rows of '{alias or 'a part of it'}' into columns, which nothing here tells"
                    )
                found[alias.casefold()] = None if is_turned else source
            self._sources[id(scope)] = found
        return self._sources[id(scope)]

    def _having(
        self, sources: Iterable[Any], name: str
    ) -> tuple[dict[str, set[Column]], dict[str, set[Column]]]:
        """Return what a column of some name is in the sources that have it, and in those that may have it."""
        from sqlglot import exp

        sure: dict[str, set[Column]] = {}
        possible: dict[str, set[Column]] = {}
        for source in sources:
            if source is None:
                possible["PIVOT"] = set()
            elif isinstance(source, exp.Table):
                table = _name(source)
                columns = self._folded.get(table.casefold(), ())
                if name.casefold() in columns:
                    sure[table] = {(table, name)}
                elif table and not columns:
                    possible[table] = {(table, name)}
            elif isinstance(source.expression, exp.UDTF):
                if id(source) not in self._done:  # else its own arguments, which are none of what it makes
                    possible[source.expression.sql()[:60]] = self._unnested(source)
            else:
                found, more = self._outputs(source)
                self._work.add(len(found))
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
            origins |= self._made_of(scope.parent, scope.expression, {})
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


def _renamed(selected: exp.Expr) -> dict[str, str]:
    """Return what a star calls columns that it gives another name, by theirs in small letters."""
    star = selected.find(type(selected)) if selected.is_star else None
    given = (star.args.get("rename") or ()) if star is not None else ()
    return {each.this.name.casefold(): each.alias for each in given}


def _joined_by(scope: Scope) -> frozenset[str]:
    """Return the columns of `JOIN … USING (…)`, which tables have together, in small letters."""
    joins = scope.expression.args.get("joins") or ()
    return frozenset(each.name.casefold() for join in joins for each in join.args.get("using") or ())


def _add(found: _Origins, more: Mapping[str, set[Column]]) -> None:
    for name, origins in more.items():
        found.setdefault(name, set()).update(origins)


def _listed(names: Iterable[str]) -> str:
    first = [f"'{name}'" for name in names]
    more = [f"{len(first) - _MOST_LISTED:,} others"] if len(first) > _MOST_LISTED else []
    return " or ".join(first[:_MOST_LISTED] + more)
