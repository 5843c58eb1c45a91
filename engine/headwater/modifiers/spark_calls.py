"""What the nodes of `h_spark.with_columns` call: functions of columns as Spark's own, on a whole table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from headwater.errors import HeadwaterError
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

# What Spark calls the types of cells; text is what its own parser of types reads.
_CELLS = {
    "int": "int",
    "float": "float",
    "bool": "boolean",
    "str": "string",
    "bytes": "binary",
    "numpy.int8": "int",
    "numpy.int16": "int",
    "numpy.int32": "int",
    "numpy.int64": "int",
    "numpy.float16": "float",
    "numpy.float32": "float",
    "numpy.float64": "float",
    "numpy.bool": "boolean",
    "numpy.str_": "string",
    "numpy.bytes_": "binary",
}


def is_table_of_spark(of: Type) -> bool:
    """Tell whether a type is a Spark table."""
    return without_annotation(of).name in _TABLES


def is_column(of: Type) -> bool:
    """Tell whether a type is a Spark column."""
    return without_annotation(of).name in _COLUMNS


def selected(columns: Sequence[str], table: Any) -> Any:
    """Return a table of only some columns."""
    return table.select(*columns)


def dropped(columns: Sequence[str], table: Any) -> Any:
    """Return a table without some columns."""
    return table.drop(*columns)


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
    """

    name: str
    call: Callable[..., Any]
    arguments: tuple[Argument, ...]
    given: tuple[int | None, ...]
    returns: Type

    def __call__(self, table: Any, *values: Any) -> Any:
        """Return the table with the column.

        Raises:
            HeadwaterError: An argument is neither a column nor given, or the types are none that Spark has.
        """
        functions = import_module("pyspark.sql.functions")
        present = set(table.columns)
        places = [place for place, argument in enumerate(self.arguments) if argument.node in present]
        fixed = {place: self._value(place, values) for place in range(len(self.given)) if place not in places}
        function = self._distributed(functions, places, fixed)
        columns = [functions.col(str(self.arguments[place].node)) for place in places]
        return table.withColumn(self.name, function(*columns))

    def _value(self, place: int, values: Sequence[Any]) -> Any:
        argument, given = self.arguments[place], self.given[place]
        if given is not None:
            return values[given]
        if argument.node is None or argument.is_optional:
            return argument.value
        raise HeadwaterError(
            f"'{self.name}' needs '{argument.node}', which is neither a column of the table nor given to it. "
            "Add it to the table, or give it as an input."
        )

    def _distributed(self, functions: ModuleType, places: Sequence[int], fixed: dict[int, Any]) -> Any:
        call, count = self.call, len(self.arguments)

        # Spark takes a plain function along to the workers; what it says of its arguments must be nothing.
        def on_columns(*columns):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN202
            cells = fixed | dict(zip(places, columns, strict=True))
            return call(*[cells[place] for place in range(count)])

        series = [without_annotation(self.arguments[place].type).name == "pandas.Series" for place in places]
        if any(series) and not all(series):
            raise HeadwaterError(
                f"'{self.name}' takes some of its columns as pandas.Series and others not. Annotate all "
                "alike."
            )
        if series and all(series):
            return functions.pandas_udf(on_columns, self._series_cells())
        return functions.udf(on_columns, self._cells(self.returns))

    def _series_cells(self) -> str:
        of = getattr(self.returns.live, "__metadata__", ())
        if not of:
            raise HeadwaterError(
                f"'{self.name}' returns {self.returns}, which does not say what the cells are. Annotate it: "
                "column[pandas.Series, int]."
            )
        return of[0] if isinstance(of[0], str) else self._cells(Type.of(of[0]))

    def _cells(self, of: Type) -> str:
        if of.name in _CELLS:
            return _CELLS[of.name]
        if of.name == "list" and len(of.args) == 1 and of.args[0].name in _CELLS:
            return f"array<{_CELLS[of.args[0].name]}>"
        raise HeadwaterError(
            f"'{self.name}' returns {of}, which is no type of a Spark column. Return one of "
            f"{', '.join(_CELLS)}, or a list of one."
        )
