"""Units of time in SQL, which stand like columns: `DATEDIFF(day, a, b)`, `DATE_TRUNC(a, MONTH)`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["is_unit", "read_as_unit"]

_WEEKDAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_LONG: Final = 3  # letters of a unit that is no abbreviation such as `d` or `mm`


def is_unit(column: exp.Column) -> bool:
    """Tell whether what is read as a column is a unit of time: where no other argument can be one."""
    from sqlglot import exp

    function = column.parent
    if isinstance(function, exp.Week):
        return column.name.upper() in _WEEKDAYS
    if column.table or column.this.args.get("quoted") or column.name.upper() not in _units():
        return False
    if isinstance(function, exp.Anonymous):
        is_of_time = function.name.lower().startswith(("date", "time"))
        return is_of_time and len(function.expressions) > 1 and function.expressions[0] is column
    if function is None or function.this is not column or function.args.get("unit") is None:
        return False
    return not isinstance(function.args["unit"], (exp.Var, exp.Literal)) or read_as_unit(function) is not None


def read_as_unit(function: exp.Expr) -> exp.Column | None:
    """Return the column that a function has where other dialects have the unit, if the unit is its first.

    So it is by the dialect that read it. The letters are small: it does not keep them.
    """
    from sqlglot import exp

    unit, first = function.args.get("unit"), function.this
    if not isinstance(unit, (exp.Var, exp.Literal)):
        return None
    if isinstance(first, exp.Week):
        return exp.column(unit.name.lower())
    if not isinstance(first, (exp.Column, exp.Literal)) or not _is_likelier(first.name, unit.name):
        return None
    return exp.column(unit.name.lower())


def _is_likelier(name: str, other: str) -> bool:
    """Tell whether a name is rather a unit than another is: few columns are called `month`, many are `d`."""
    units = [each.upper() in _units() and len(each) >= _LONG for each in (name, other)]
    return units[0] > units[1] or (name.upper() in _units() and other.upper() not in _units())


@cache
def _units() -> frozenset[str]:
    from sqlglot.dialects.dialect import Dialect

    return frozenset((*Dialect.DATE_PART_MAPPING, *Dialect.DATE_PART_MAPPING.values()))
