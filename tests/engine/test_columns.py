"""The same few questions, asked of every kind of column."""

import math
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater.columns import column_of, library_class, package_of

NUMBERS = [1.0, None, 3.0, 8.0]

NUMERIC = {
    "pandas": pd.Series([1.0, math.nan, 3.0, 8.0]),
    "pandas Float64": pd.Series(NUMBERS, dtype="Float64"),
    "pandas object": pd.Series(NUMBERS, dtype=object),
    "polars": pl.Series(NUMBERS),
    "polars nan": pl.Series([1.0, math.nan, 3.0, 8.0]),
    "numpy": np.array([1.0, math.nan, 3.0, 8.0]),
    "numpy table": np.array([[1.0, math.nan], [3.0, 8.0]]),
    "pyarrow": pa.array([1.0, None, 3.0, 8.0]),
    "pyarrow nan": pa.chunked_array([[1.0, math.nan], [3.0, 8.0]]),
    "list": [1.0, math.nan, 3.0, 8.0],
    "list with None": NUMBERS,
    "tuple with NA": (1.0, pd.NA, 3.0, 8.0),
}

TEXTS = ["ab", None, "b", "c"]

TEXTUAL = {
    "pandas object": pd.Series(TEXTS, dtype=object),
    "pandas str": pd.Series(TEXTS, dtype="str"),
    "pandas string": pd.Series(TEXTS, dtype="string"),
    "pandas category": pd.Series(TEXTS, dtype="category"),
    "polars": pl.Series(TEXTS),
    "polars categorical": pl.Series(TEXTS, dtype=pl.Categorical),
    "numpy object": np.array(TEXTS, dtype=object),
    "pyarrow": pa.array(TEXTS),
    "pyarrow dictionary": pa.array(TEXTS).dictionary_encode(),
    "list": TEXTS,
}


@pytest.mark.parametrize("data", NUMERIC.values(), ids=NUMERIC)
def test_numbers_are_counted_alike(data: Any) -> None:
    column = column_of(data)

    assert (column.size, column.missing()) == (4, 1)
    assert column.outside(1, 3) == (2, (1.0, 8.0))
    assert column.outside(0, 9)[0] == 1
    assert column.extremes() == (1.0, 8.0)
    assert column.not_in([1.0, 3.0]) == 1
    assert list(column.present()) == [1.0, 3.0, 8.0]
    assert column.mean() == pytest.approx(4.0)
    assert column.standard_deviation() == pytest.approx(3.605551275)
    assert column.repeated() == 0
    assert column.every(2).present() == [1.0, 3.0]
    assert column.unfit(lambda item: item > 1) == 1


@pytest.mark.parametrize("data", TEXTUAL.values(), ids=TEXTUAL)
def test_texts_are_counted_alike(data: Any) -> None:
    column = column_of(data)

    assert (column.size, column.missing()) == (4, 1)
    assert column.not_in({"ab", "b"}) == 1
    assert list(column.present()) == ["ab", "b", "c"]
    assert column.repeated() == 0
    assert column.unfit(lambda item: len(item) == 1) == 1


@pytest.mark.parametrize(
    ("data", "wanted", "verdict"),
    [
        (pd.Series([1.0]), np.float64, True),
        (pd.Series([1.0]), float, True),
        (pd.Series([1.0]), "float64", True),
        (pd.Series([1.0]), np.number, True),
        (pd.Series([1.0]), int, False),
        (pd.Series([1.0]), object, False),
        (pd.Series([1], dtype="Int64"), np.int64, True),
        (pd.Series([1], dtype="Int64"), int, True),
        (pd.Series([1], dtype="Int64"), float, False),
        (pd.Series([True]), bool, True),
        (pd.Series(["a"], dtype=object), str, True),
        (pd.Series(["a", 1], dtype=object), str, False),
        (pd.Series(["a"], dtype=object), object, True),
        (pd.Series(["a"], dtype="str"), str, True),
        (pd.Series(["a"], dtype="string"), str, True),
        (pd.Series(["a"], dtype="category"), "category", True),
        (pd.Series(["a"], dtype="category"), int, False),
        (pd.Series(pd.to_datetime(["2024-01-01"])), np.datetime64, True),
        (np.array([1.0]), np.float64, True),
        (np.array([1]), float, False),
        (np.array([1], dtype=np.int32), np.integer, True),
        (pl.Series([1.0]), pl.Float64, True),
        (pl.Series([1.0]), float, True),
        (pl.Series([1]), float, False),
        (pl.Series(["a"]), str, True),
        (pa.array([1.0]), pa.float64(), True),
        (pa.array([1.0]), np.float64, True),
        (pa.array(["a"]), str, True),
        (pa.array([[1]]), int, False),
        ([1, 2], int, True),
        ([1, "a"], int, False),
        (1.5, float, True),
        (np.float64(1.5), np.float64, True),
        ("a", str, True),
        ("a", float, False),
    ],
)
def test_type_of_the_elements_is_recognised(data: Any, wanted: Any, verdict: bool) -> None:
    assert column_of(data).has_type(wanted) is verdict


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (pd.Series([1.0]), "float64"),
        (np.array([1]), "int64"),
        (pl.Series([1.0]), "Float64"),
        (pa.array([1.0]), "double"),
        ([1, "a"], "int, str"),
        ([], "nothing"),
        (1.5, "float"),
    ],
)
def test_type_of_the_elements_has_a_name(data: Any, name: str) -> None:
    assert column_of(data).type_name() == name


def test_single_value_is_a_column_of_one() -> None:
    assert (column_of(5).size, column_of(5).outside(1, 3), column_of(math.nan).missing()) == (
        1,
        (1, (5, 5)),
        1,
    )
    assert column_of(math.nan).outside(1, 3) == (1, None)
    assert column_of("text").size == 1
    assert column_of(np.array(5)).size == 1
    assert math.isnan(column_of(5).standard_deviation())


def test_a_table_is_not_a_missing_value() -> None:
    assert column_of(pd.DataFrame({"a": [1, 2]})).missing() == 0
    assert column_of([np.array([1, 2]), None]).missing() == 1


def test_package_of_a_value_is_the_top_level_one() -> None:
    assert [package_of(v) for v in (pd.Series([1]), pl.Series([1]), np.array([1]), 1)] == [
        "pandas",
        "polars",
        "numpy",
        "builtins",
    ]


def test_what_is_missing_in_a_single_value_fits_nothing() -> None:
    assert column_of(None).unfit(lambda item: True) == 1
    assert column_of([None]).unfit(lambda item: True) == 0


@pytest.mark.parametrize(
    "data",
    [
        pd.Series([1.0, 1.0, 1.0, None, None]),
        pl.Series([1.0, 1.0, 1.0, None, None]),
        np.array([1.0, 1.0, 1.0, math.nan, math.nan]),
        pa.array([1.0, 1.0, 1.0, None, None]),
        [1.0, 1.0, 1.0, None, None],
    ],
)
def test_elements_that_were_there_before_are_counted_without_missing_ones(data: Any) -> None:
    assert column_of(data).repeated() == 2


@pytest.mark.parametrize(
    "data",
    [
        pd.Series([1, 2, 5]),
        pd.Series([1, 2, 5], dtype="Int64"),
        pd.Index([1, 2, 5]),
        np.array([1, 2, 5], dtype=np.uint8),
    ],
)
def test_whole_numbers_have_a_range_too(data: Any) -> None:
    assert column_of(data).outside(-1, 3) == (1, (1, 5))
    assert column_of(data).outside(-1, 5)[0] == 0


def test_times_are_counted_and_given_as_those_of_python() -> None:
    days = [datetime(2024, 1, 1), None, datetime(2024, 1, 3)]

    for data in (
        pd.Series(days),
        np.array(days, dtype="datetime64[ns]"),
        pl.Series(days),
        pa.array(days),
        days,
    ):
        column = column_of(data)
        assert (column.size, column.missing()) == (3, 1)
        assert column.present() == [days[0], days[2]]
    assert column_of(pd.Series(days)).outside("2024-01-01", "2024-01-02")[0] == 2


def test_column_of_nothing_has_no_mean_and_no_deviation() -> None:
    for data in (pd.Series([], dtype=float), pl.Series([], dtype=pl.Float64), pa.array([], pa.float64()), []):
        column = column_of(data)
        assert math.isnan(column.mean()) and math.isnan(column.standard_deviation())
        assert column.outside(0, 1) == (0, None)


def test_subclass_of_a_column_is_a_column() -> None:
    class Money(pd.Series):  # type: ignore[type-arg]
        pass

    assert column_of(Money([1, 2])).size == 2
    assert library_class(Money, ("pandas.Series",)) == "pandas.Series"
    assert library_class(int, ("pandas.Series",)) is None
