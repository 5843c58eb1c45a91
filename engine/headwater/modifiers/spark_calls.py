"""What the nodes of `h_spark.with_columns` call: functions of columns as Spark's own, on a whole table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.errors import HeadwaterError
from headwater.modifiers.spark_passes import added, narrowed
from headwater.modifiers.spark_steps import Step
from headwater.modifiers.spark_types import cells, cells_of_series
from headwater.modifiers.tables import without_annotation
from headwater.node import Argument
from headwater.types import Type

__all__ = ["ColumnCall", "TableCall", "column_added", "dropped", "is_column", "is_table_of_spark", "selected"]

_TABLES = frozenset(
    {
        "pyspark.sql.DataFrame",
        "pyspark.sql.dataframe.DataFrame",
        "pyspark.sql.classic.dataframe.DataFrame",
        "pyspark.sql.connect.dataframe.DataFrame",
    }
)
_COLUMNS = frozenset(
    {
        "pyspark.sql.Column",
        "pyspark.sql.column.Column",
        "pyspark.sql.classic.column.Column",
        "pyspark.sql.connect.column.Column",
    }
)


def is_table_of_spark(of: Type) -> bool:
    """Tell whether a type is a Spark table."""
    return without_annotation(of).name in _TABLES


def is_column(of: Type) -> bool:
    """Tell whether a type is a Spark column."""
    return without_annotation(of).name in _COLUMNS


def selected(columns: Sequence[str], table: Any) -> Any:
    """Return a table of only some columns."""
    return narrowed(table, set(columns).__contains__).select(*columns)


def dropped(columns: Sequence[str], table: Any) -> Any:
    """Return a table without some columns."""
    left = narrowed(table, lambda name: name not in columns)
    present = set(left.columns).intersection(columns) if left is not table else columns
    return left.drop(*present) if present else left


def column_added(name: str, call: Callable[..., Any], position: int, *values: Any) -> Any:
    """Return a table with the column that a function makes of it.

    Args:
        name: Name of the column.
        call: The function.
        position: Which of its arguments is the table.
        *values: Its arguments.
    """
    return values[position].withColumn(name, call(*values))


@dataclass(frozen=True, slots=True)
class TableCall:
    """Calls a function with some of the values of a node; the others only say what comes before it.

    Attributes:
        call: The function.
        positions: Which values it takes, in its order.
    """

    call: Callable[..., Any]
    positions: tuple[int, ...]

    def __call__(self, *values: Any) -> Any:
        """Return what the function makes of its values."""
        return self.call(*[values[position] for position in self.positions])


@dataclass(frozen=True, slots=True)
class ColumnCall:
    """Adds a column to a table that a function computes from other columns, on the cluster.

    The first value is the table. A parameter that names one of its columns takes that column; the others
    take the values that they are given.

    Attributes:
        name: Name of the column.
        call: The function.
        arguments: Its arguments.
        given: For each argument which of the values it takes where it is no column; None for no value.
        returns: The type that it returns.
        where: Place and name of the feature, for messages.
    """

    name: str
    call: Callable[..., Any]
    arguments: tuple[Argument, ...]
    given: tuple[int | None, ...]
    returns: Type
    where: str

    def __call__(self, table: Any, *values: Any) -> Any:
        """Return the table with the column.

        Raises:
            HeadwaterError: An argument is neither a column nor given, or the types are none that Spark has.
        """
        present = Counter(table.columns)
        reads = {
            place: str(argument.node)
            for place, argument in enumerate(self.arguments)
            if argument.node in present
        }
        for name in reads.values():
            if present[name] > 1:
                raise HeadwaterError(
                    f"{self.where} reads '{name}', and the table has {present[name]} columns of this name. "
                    "Rename or drop all but one."
                )
        fixed = {place: self._value(place, values) for place in range(len(self.given)) if place not in reads}
        of_series = {
            without_annotation(self.arguments[place].type).name == "pandas.Series" for place in reads
        }
        if len(of_series) > 1:
            raise HeadwaterError(
                f"{self.where} takes some of its columns as pandas.Series and others not. Annotate all alike."
            )
        is_of_series = of_series == {True}
        returns = (cells_of_series if is_of_series else cells)(self.returns, self.name)
        return added(table, Step(self.name, self.where, self.call, reads, fixed, is_of_series, returns))

    def _value(self, place: int, values: Sequence[Any]) -> Any:
        argument, given = self.arguments[place], self.given[place]
        if given is not None:
            return values[given]
        if argument.node is None or argument.is_optional:
            return argument.value
        raise HeadwaterError(
            f"{self.where} needs '{argument.node}', which is neither a column of the table nor given to it. "
            "Add it to the table, or give it as an input."
        )
