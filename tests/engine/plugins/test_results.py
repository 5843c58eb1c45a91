"""Result builders of the frames that are not pandas'."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater.errors import InvalidInput
from headwater.plugins.h_polars import PolarsDataFrameResult
from headwater.plugins.h_polars_lazyframe import PolarsLazyFrameResult
from headwater.plugins.h_pyarrow import PyarrowTableResult

A = pl.Series("a", [1, 2])
TABLE = pl.DataFrame({"u": [1, 2]})


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"a": A, "b": A * 2}, pl.DataFrame({"a": [1, 2], "b": [2, 4]})),
        ({"a": A}, pl.DataFrame({"a": [1, 2]})),
        ({"a": A, "n": 7}, pl.DataFrame({"a": [1, 2], "n": [7, 7]})),
        ({"n": 7}, pl.DataFrame({"n": [7]})),
        ({"t": TABLE}, TABLE),
        ({"t": TABLE.lazy()}, TABLE),
    ],
)
def test_outputs_become_a_polars_frame(outputs, expected) -> None:
    assert PolarsDataFrameResult().build_result(**outputs).equals(expected)


def test_lazy_frame_is_not_collected() -> None:
    lazy = TABLE.lazy()

    assert PolarsLazyFrameResult().build_result(t=lazy) is lazy
    assert PolarsLazyFrameResult().build_result(a=A, b=A).collect().equals(pl.DataFrame({"a": A, "b": A}))


@pytest.mark.parametrize(
    "table", [pd.DataFrame({"u": [1, 2]}, index=["x", "y"]), TABLE, pa.table({"u": [1, 2]})]
)
def test_table_becomes_an_arrow_table(table) -> None:
    assert PyarrowTableResult().build_result(t=table).to_pydict() == {"u": [1, 2]}


def test_several_tables_are_no_arrow_table() -> None:
    with pytest.raises(InvalidInput, match="made of one output, not of 2"):
        PyarrowTableResult().build_result(a=TABLE, b=TABLE)
