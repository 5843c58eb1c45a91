"""Tables and columns of any library, looked at as named columns of Python values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Column", "Table", "as_table"]


@dataclass(frozen=True, slots=True, eq=False)  # values may not know whether they are equal
class Column:
    """A column: its name, the type of its values and the values."""

    name: str
    dtype: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, a column or an array.

    Attributes:
        kind: What it is: the library and the class.
        columns: Its columns; one where it is a column itself.
        index: The labels of its rows; None where rows are only counted.
        shape: The shape of an array; None for everything else.
    """

    kind: str
    columns: Sequence[Column]
    index: Sequence[Any] | None = None
    shape: tuple[int, ...] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.columns[0].values) if self.columns else len(self.index or ())


def as_table(value: Any) -> Table | None:
    """Return how a value looks as a table; None where it is none."""
    library, name = type(value).__module__.partition(".")[0], type(value).__name__
    if (library == "pandas" and name in ("DataFrame", "Series")) or (
        library == "pandas" and name.endswith("Index")
    ):
        return _pandas(value, f"pandas.{name}")
    if library == "pandas" and (
        name.endswith("Array") or name == "Categorical"
    ):  # what unique() gives of texts
        return Table(f"pandas.{name}", [Column("", str(value.dtype), value.tolist())])
    if library == "polars" and name in ("DataFrame", "Series", "LazyFrame"):
        return _polars(value)
    if library == "numpy" and hasattr(value, "shape") and value.shape != ():
        column = Column("", str(value.dtype), value.ravel().tolist())
        return Table("numpy.ndarray", [column], shape=tuple(value.shape))
    return None


def _pandas(value: Any, kind: str) -> Table:
    if kind == "pandas.DataFrame":
        # By position, since names may be repeated.
        columns = [_column(str(name), value.iloc[:, at]) for at, name in enumerate(value.columns)]
        return Table(kind, columns, value.index.tolist())
    if kind == "pandas.Series":
        return Table(kind, [_column("", value)], value.index.tolist())
    return Table("pandas.Index", [_column("", value)])


def _polars(value: Any) -> Table:
    name = type(value).__name__
    if name == "Series":
        return Table("polars.Series", [_column("", value)])
    table = value.collect() if name == "LazyFrame" else value
    return Table(f"polars.{name}", [_column(column.name, column) for column in table.get_columns()])


def _column(name: str, column: Any) -> Column:
    return Column(name, str(column.dtype), column.to_list())
