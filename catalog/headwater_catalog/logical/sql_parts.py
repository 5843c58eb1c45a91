"""What the parts of a parsed query are called, read and leave out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from headwater_catalog.logical.sql_parsing import FILLED

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

__all__ = [
    "GAP",
    "around",
    "excepted",
    "is_certainly_name",
    "is_function",
    "joined_by",
    "read_as_parameter",
    "renamed",
    "shown",
    "shown_text",
    "sql_of",
    "star_of",
    "table_name",
]

GAP: Final = "{…}"
"""How a place of a query is shown that is filled in before it is asked."""

_LONGEST: Final = 60  # characters of what is shown of a part


def table_name(table: exp.Table) -> str:
    """Return the whole name of a table; empty where it is a function that makes one, or filled in.

    A file that a function reads, as `read_csv('orders.csv')`, is a table by its name.
    """
    from sqlglot import exp

    if isinstance(table.this, exp.Func):
        called = table.this.name if isinstance(table.this, exp.Anonymous) else table.this.sql_name()
        first = next(table.this.iter_expressions(), None)
        is_file = called.lower().startswith("read_") or called.lower().endswith("_scan")
        return first.name if is_file and first is not None and first.is_string else ""
    parts = table.parts
    is_name = all(isinstance(part, exp.Identifier) and FILLED not in part.name for part in parts)
    return ".".join(part.name for part in parts) if is_name else ""


def is_function(source: Any) -> bool:
    """Tell whether a source is no table and no query, but a function that makes rows."""
    from sqlglot import exp

    if isinstance(source, exp.Table):
        return isinstance(source.this, exp.Func) and not table_name(source)
    return source is not None and isinstance(source.expression, exp.UDTF)


def sql_of(source: Any) -> str:
    """Return the beginning of the text of a source, to tell it by."""
    from sqlglot import exp

    made = source if isinstance(source, exp.Table) else source.expression
    return shown(made)


def shown(part: exp.Expr) -> str:
    """Return the beginning of the text of a part of a query."""
    return shown_text(part.sql())[:_LONGEST]


def shown_text(text: str) -> str:
    """Return a text with a gap for each place that is filled in before the query is asked."""
    return text.replace(f":{FILLED}", GAP).replace(FILLED, GAP)


def is_certainly_name(word: exp.Identifier) -> bool:
    """Tell whether a word in double quotes is a name for sure, and no text, as some databases have it."""
    from sqlglot import exp

    if not word.args.get("quoted"):
        return False
    column = word.parent
    if not isinstance(column, exp.Column) or column.table:
        return True
    return isinstance(column.parent, (exp.Select, exp.Group, exp.Ordered))


def read_as_parameter(node: exp.Expr) -> exp.Column | None:
    """Return the column of `f(column -> 'key')`, which is read as a function that has it as its parameter."""
    from sqlglot import exp

    if not isinstance(node, exp.Lambda) or len(node.expressions) != 1 or node.this.find(exp.Literal) is None:
        return None
    name = node.expressions[0].name
    is_used = any(each.name == name for each in node.this.find_all(exp.Identifier))
    return None if is_used else exp.column(name)


def around(scope: Scope) -> Iterator[Scope]:
    """Yield a part of a query, and those around it whose sources it may read: not what it stands beside."""
    yield scope
    while scope.parent is not None and not scope.is_cte:
        is_beside = scope.is_derived_table
        scope = scope.parent
        if not is_beside:
            yield scope


def star_of(selected: exp.Expr) -> exp.Star:
    """Return the star of what a query selects with one."""
    from sqlglot import exp

    found = selected if isinstance(selected, exp.Star) else selected.find(exp.Star)
    return found if found is not None else exp.Star()


def excepted(selected: exp.Expr) -> frozenset[str]:
    """Return the columns that a star leaves out, in small letters."""
    star = star_of(selected)
    given = star.args.get("except_") or star.args.get("except") or ()
    return frozenset(each.name.casefold() for each in given)


def renamed(selected: exp.Expr) -> dict[str, str]:
    """Return what a star calls columns that it gives another name, by theirs in small letters."""
    given = star_of(selected).args.get("rename") or ()
    return {each.this.name.casefold(): each.alias for each in given}


def joined_by(scope: Scope) -> frozenset[str]:
    """Return the columns of `JOIN … USING (…)`, which tables have together, in small letters."""
    joins = scope.expression.args.get("joins") or ()
    return frozenset(each.name.casefold() for join in joins for each in join.args.get("using") or ())
