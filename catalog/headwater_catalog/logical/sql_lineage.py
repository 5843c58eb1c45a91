"""Which columns of which tables the columns of a query come from; what the query leaves open is told."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.logical.sql_parsing import FILLED, TooMuchWork, Work, parsed
from headwater_catalog.logical.sql_parts import (
    GAP,
    around,
    excepted,
    is_certainly_name,
    is_function,
    joined_by,
    read_as_parameter,
    renamed,
    shown,
    shown_text,
    sql_of,
    star_of,
    table_name,
)
from headwater_catalog.logical.sql_units import is_unit, read_as_unit

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

__all__ = ["QueryLineage", "query_lineage"]

_LONGEST: Final = 50_000  # characters of a query
_MOST_TOLD: Final = 20
_MOST_LISTED: Final = 10
_NAMELESS: Final = "\0"
"""How a column is called meanwhile that the query gives no name."""

_PIVOT: Final = "PIVOT"

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

_Candidates = dict[str, set[Column]]
"""What a column is made of, or may be, by what it is of."""


class _Query:
    """Reads one query, from its innermost parts outwards."""

    def __init__(self, known: Mapping[str, Collection[str]], work: Work) -> None:
        self._known = known
        self._folded = {table: frozenset(map(str.casefold, columns)) for table, columns in known.items()}
        self._work = work
        self._told: dict[str, None] = {}
        self._done: dict[int, tuple[_Origins, tuple[str, ...]]] = {}
        self._sources: dict[int, dict[str, Any]] = {}
        self._quotes_names = False
        self._recursive: dict[int, Scope] = {}  # by what it begins with, which stands for it in itself

    def read(self, query: exp.Query) -> QueryLineage:
        from sqlglot import exp
        from sqlglot.optimizer.scope import build_scope

        scope = build_scope(query.unnest())
        if scope is None:
            return QueryLineage(told=("it is no query that could be read",))
        self._quotes_names = any(map(is_certainly_name, query.find_all(exp.Identifier)))
        parts = list(scope.traverse())
        self._recursive = {
            id(part.set_operation_scopes[0].expression): part
            for part in parts
            if part.is_cte and part.set_operation_scopes
        }
        read = [
            source
            for part in parts
            for _, source in part.selected_sources.values()
            if isinstance(source, exp.Table)
        ]
        tables = dict.fromkeys(filter(None, map(table_name, read)))
        for source in read:
            if not table_name(source) and not is_function(source):
                filled = ".".join(part.name for part in source.parts)
                self._tell(
                    f"it is open which table '{filled}' is: what it is filled in with stands elsewhere"
                )
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
            self._done[id(scope)] = {}, ()
            if scope in self._recursive.values():
                self._done[id(scope)] = _called(scope, *self._outputs(scope.set_operation_scopes[0]))
            self._done[id(scope)] = self._settled(scope)
        return self._done[id(scope)]

    def _settled(self, scope: Scope) -> tuple[_Origins, tuple[str, ...]]:
        """Return the columns of a part; one that reads itself is read until that adds nothing."""
        while True:
            known = set(self._done)
            columns, more = _called(scope, *self._found(scope))
            if scope not in self._recursive.values():
                return columns, more
            before, more_before = self._done[id(scope)]
            _add(columns, before)  # so that it only ever grows, and comes to an end
            found = columns, tuple(dict.fromkeys((*more_before, *more)))
            if found == self._done[id(scope)]:
                return found
            self._work.add(len(columns))
            for other in self._done.keys() - known:
                del self._done[other]
            self._done[id(scope)] = found

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
                    columns, more = self._all_of(scope, alias, excepted(selected))
                    names = renamed(selected)
                    _add(found, {names.get(name.casefold(), name): o for name, o in columns.items()})
                    open_tables += more
                for replaced in star_of(selected).args.get("replace") or ():
                    column = next((c for c in found if c.casefold() == replaced.alias.casefold()), None)
                    found[column or replaced.alias] = self._made_of(scope, replaced, {})
            else:
                origins = self._made_of(scope, selected, found)
                name = selected.unnest().alias_or_name
                if name in ("", "*"):  # that of count(*)
                    name = f"{_NAMELESS}{shown(selected)}"
                if GAP not in shown_text(name):
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
        if is_function(source):
            columns, is_more = self._made_by(scope, source)
            if is_more is not None:
                self._tell(f"all columns of {sql_of(source)} are taken, which is no table")
            return {name: o for name, o in columns.items() if name.casefold() not in without}, ()
        if not isinstance(source, exp.Table):
            columns, more = self._outputs(source)
            return {name: o for name, o in columns.items() if name.casefold() not in without}, more
        table = table_name(source)
        if not table:
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
        columns: list[exp.Column] = []
        for node in selected.walk(prune=lambda n: isinstance(n, exp.Query)):
            if isinstance(node, exp.Query):
                part = inner.get(id(node.unnest())) or inner.get(id(node))
                if part is not None:
                    origins.update(*self._outputs(part)[0].values())
            elif isinstance(node, exp.Column):
                if not isinstance(node.this, exp.Star) and not is_unit(node):
                    columns.append(node)
            elif (column := read_as_unit(node) or read_as_parameter(node)) is not None:
                columns.append(column)
            elif (
                isinstance(node, exp.Placeholder)
                and node.name == FILLED
                and not isinstance(node.parent, exp.Column)
            ):
                whole = shown(selected)
                self._tell(f"it is open what '{whole}' is: what it is filled in with stands elsewhere")
        for column in columns:
            found = self._resolved(scope, column, before)
            self._work.add(len(found))
            origins |= found
        return origins

    def _resolved(self, scope: Scope, column: exp.Column, before: Mapping[str, set[Column]]) -> set[Column]:
        """Return what a column in an expression is, or may be."""
        scopes = list(around(scope))
        parts = [part.name for part in column.parts]
        if any(FILLED in part for part in parts):
            self._tell(f"it is open what '{column.sql()}' is: what it is filled in with stands elsewhere")
            return set()
        owners = [(part.casefold(), name) for part, name in pairwise(parts)]
        found = (
            (within, owner, name)
            for owner, name in (*owners[-1:], *owners[:-1])
            for within in scopes
            if owner in self._sources_of(within)
        )
        # Where none is its owner, all but the first are fields of it.
        holder, owner, name = next(found, (None, "", parts[0]))
        if holder is not None:
            sure, possible = self._having(holder, [self._sources_of(holder)[owner]], name)
        else:
            sure, possible = self._unowned(scopes, name)
        if column.this.args.get("quoted") and len(parts) == 1 and not sure and not self._quotes_names:
            self._tell(f"'\"{name}\"' may be a column, or a text: write texts in single quotes")
        is_same = before.get(name, set()) <= set().union(*possible.values())
        if not owner and not sure and name in before and not (possible and is_same):
            if possible:
                told = (
                    f"'{name}' may be of {_listed(possible)}, or what is selected under that name before it"
                )
                self._tell(told)
            possible = {**possible, "": before[name]}
        elif not sure and not any(possible.values()) and not any(map(_is_told, possible)):
            self._tell(f"it is open what '{column.sql()}' is")
        if sure or len(possible) < 2 or "" in possible:
            if len(sure) > 1 and name.casefold() not in joined_by(scope):
                self._tell(f"column '{name}' may be of {_listed(sure)}: write which one")
            return set().union(*(sure or possible).values())
        unsure = f"column '{name}' may be of {_listed(possible)}"
        self._tell(f"{unsure}: write which one, or declare their columns")
        return set().union(*possible.values())

    def _unowned(self, scopes: Sequence[Scope], name: str) -> tuple[_Candidates, _Candidates]:
        """Return what a column without an owner is, or may be: of its own part, or else of one around."""
        possible: _Candidates = {}
        for part in scopes:
            sure, more = self._having(part, self._sources_of(part).values(), name)
            if sure and possible:
                return {}, {**sure, **possible}
            if sure:
                return sure, more
            possible = possible or more
        return {}, possible

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
                found[alias.casefold()] = None if is_turned else self._source(source)
            self._sources[id(scope)] = found
        return self._sources[id(scope)]

    def _source(self, source: exp.Table | Scope) -> exp.Table | Scope:
        """Return what a source really is: of what a query is within LATERAL, that query."""
        from sqlglot import exp

        if isinstance(source, exp.Table):
            return source
        if id(source.expression) in self._recursive:
            return self._recursive[id(source.expression)]
        within = source.expression.this if isinstance(source.expression, exp.Lateral) else None
        if isinstance(within, exp.Query) and source.subquery_scopes:
            source.subquery_scopes[0].outer_columns = source.outer_columns
            return source.subquery_scopes[0]
        return source

    def _having(self, scope: Scope, sources: Iterable[Any], name: str) -> tuple[_Candidates, _Candidates]:
        """Return what a column of some name is in the sources that have it, and in those that may have it.

        Args:
            scope: The part of the query that reads the sources.
            sources: They.
            name: The column.
        """
        from sqlglot import exp

        sure: _Candidates = {}
        possible: _Candidates = {}
        for source in sources:
            self._work.add()
            if source is None:
                possible[_PIVOT] = set()
            elif is_function(source):
                made, others = self._made_by(scope, source)
                same = [origins for each, origins in made.items() if each.casefold() == name.casefold()]
                if same:
                    sure[sql_of(source)] = set().union(*same)
                elif others is not None:
                    possible[sql_of(source)] = others
            elif isinstance(source, exp.Table):
                table = table_name(source)
                columns = self._folded.get(table.casefold(), ())
                if name.casefold() in columns:
                    sure[table] = {(table, name)}
                elif not columns:
                    possible[table or sql_of(source)] = {(table, name)} if table else set()
            else:
                found, more = self._outputs(source)
                self._work.add(len(found))
                same = [origins for each, origins in found.items() if each.casefold() == name.casefold()]
                if same:
                    sure[f"a part of it ({', '.join(found)})"[:80]] = set().union(*same)
                for table in more if not same else ():
                    possible[table] = {(table, name)}
        return sure, possible

    def _made_by(self, scope: Scope, source: Any) -> tuple[_Origins, set[Column] | None]:
        """Return the columns of the rows that a function makes, perhaps for each row of others.

        Args:
            scope: The part of the query that reads it.
            source: The function.

        Returns:
            Those columns that have a name, and what any other one is made of; None where it has no others.
        """
        from sqlglot import exp

        if id(source) in self._done:  # its own arguments, which are none of what it makes
            return {}, None
        self._done[id(source)] = {}, ()
        if isinstance(source, exp.Table):
            called, origins = source, self._made_of(scope, source.this, {})
        else:
            called, parts = source.expression, (*source.subquery_scopes, *source.derived_table_scopes)
            origins = {
                column for part in parts for each in self._outputs(part)[0].values() for column in each
            }
            if not parts:
                origins |= self._made_of(scope, called, {})
        del self._done[id(source)]
        self._work.add(len(origins))
        if isinstance(called, exp.Values) and not called.alias_column_names:
            count = len(called.expressions[0].expressions or [0])
            return {f"{_NAMELESS}{place}": origins for place in range(count)}, None
        place = called.args.get("offset")  # WITH ORDINALITY, WITH OFFSET
        names = [*called.alias_column_names, *([place.name] if isinstance(place, exp.Identifier) else ())]
        if called.alias_column_names:
            return dict.fromkeys(names, origins), None
        named = dict.fromkeys([called.alias, *names] if called.alias else names, origins)
        return named, None if isinstance(called.this, exp.GenerateSeries) else origins

    def _tell(self, what: str) -> None:
        self._told[shown_text(what)] = None


def _is_told(source: str) -> bool:
    """Tell whether it was told already that nobody knows the columns of a source."""
    return source == _PIVOT or GAP in source


def _called(scope: Scope, columns: _Origins, more: tuple[str, ...]) -> tuple[_Origins, tuple[str, ...]]:
    """Return the columns of a part as the query calls them: `WITH named (a, b) AS …`."""
    if scope.outer_columns and not more:
        names = (*scope.outer_columns, *list(columns)[len(scope.outer_columns) :])
        columns = dict(zip(names, columns.values(), strict=False))
    return columns, more


def _add(found: _Origins, more: Mapping[str, set[Column]]) -> None:
    for name, origins in more.items():
        found.setdefault(name, set()).update(origins)


def _listed(names: Iterable[str]) -> str:
    first = [f"'{name}'" for name in names]
    more = [f"{len(first) - _MOST_LISTED:,} others"] if len(first) > _MOST_LISTED else []
    return " or ".join(first[:_MOST_LISTED] + more)
