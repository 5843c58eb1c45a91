"""Tables of several libraries under one set of questions."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater.modifiers.tables import column_type, columns_of, filled, is_table, renamed, taken
from headwater.types import ANY, Type

TABLES = {
    "pandas": pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
    "polars": pl.DataFrame({"a": [1, 2], "b": [3, 4]}),
    "lazy polars": pl.LazyFrame({"a": [1, 2], "b": [3, 4]}),
    "pyarrow": pa.table({"a": [1, 2], "b": [3, 4]}),
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


def rows(table: object) -> dict[str, list[object]]:
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    return {name: (table[name].to_pylist() if isinstance(table, pa.Table) else table[name].to_list()) for name in columns_of(table)}  # fmt: skip


@every_table
def test_columns_are_listed_and_taken(table) -> None:
    assert columns_of(table) == ["a", "b"]
    column = taken("b", "table", table)
    if isinstance(table, pl.LazyFrame):
        column = table.select(column).collect()["b"]
    assert list(map(int, column)) == [3, 4]
    with pytest.raises(KeyError, match=r"'table' has no column 'bb'; it has 'a', 'b'. Did you mean 'b'"):
        taken("bb", "table", table)


@every_table
def test_missing_columns_are_filled_in_a_copy(table) -> None:
    assert rows(filled(("b", "c"), 7, table)) == {"a": [1, 2], "b": [3, 4], "c": [7, 7]}
    assert columns_of(table) == ["a", "b"]
    assert filled(("b",), 7, table) is table


@every_table
def test_columns_are_renamed_in_a_copy(table) -> None:
    assert rows(renamed(("b", "c"), "table", table)) == {"b": [1, 2], "c": [3, 4]}
    assert columns_of(table) == ["a", "b"]
    with pytest.raises(ValueError, match=r"'table' made 2 columns \('a', 'b'\) for 1 names: 'x'"):
        renamed(("x",), "table", table)


class Sales(pd.DataFrame):
    """A table of the user's own."""


@pytest.mark.parametrize(
    ("type_", "table", "column"),
    [
        (Type.of(pd.DataFrame), True, "pandas.Series"),
        (Type.of(Sales), True, "pandas.Series"),
        (Type.of(pa.Table), True, "pyarrow.ChunkedArray"),
        (Type.named("pyspark.pandas.DataFrame"), True, "pyspark.pandas.Series"),
        (Type.named("typing.Annotated", Type("polars.LazyFrame")), True, "polars.Expr"),
        (Type("shop.Frame"), None, str(ANY)),
        (Type("int"), False, str(ANY)),
        (Type.of(pd.DataFrame | None), False, str(ANY)),
        (ANY, False, str(ANY)),
    ],
)
def test_type_tells_whether_there_are_columns_and_of_which_type(type_, table, column) -> None:
    assert is_table(type_) is table
    assert str(column_type(type_)) == column
