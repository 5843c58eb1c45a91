"""The same few questions, asked of every kind of column."""

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headwater.columns import column_of, package_of

NUMBERS = [1.0, None, 3.0, 8.0]

NUMERIC = {
    "pandas": pd.Series([1.0, math.nan, 3.0, 8.0]),
    "pandas Float64": pd.Series(NUMBERS, dtype="Float64"),
    "pandas object": pd.Series(NUMBERS, dtype=object),
    "polars": pl.Series(NUMBERS),
    "polars nan": pl.Series([1.0, math.nan, 3.0, 8.0]),
    "numpy": np.array([1.0, math.nan, 3.0, 8.0]),
    "numpy table": np.array([[1.0, math.nan], [3.0, 8.0]]),
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
    "list": TEXTS,
}


@pytest.mark.parametrize("data", NUMERIC.values(), ids=NUMERIC)
def test_numbers_are_counted_alike(data: Any) -> None:
    column = column_of(data)

    assert (column.size, column.missing()) == (4, 1)
    assert column.outside(1, 3) == 2
    assert column.not_in([1.0, 3.0]) == 1
    assert list(column.present()) == [1.0, 3.0, 8.0]
    assert column.mean() == pytest.approx(4.0)
    assert column.standard_deviation() == pytest.approx(3.605551275)


@pytest.mark.parametrize("data", TEXTUAL.values(), ids=TEXTUAL)
def test_texts_are_counted_alike(data: Any) -> None:
    column = column_of(data)

    assert (column.size, column.missing()) == (4, 1)
    assert column.not_in({"ab", "b"}) == 1
    assert list(column.present()) == ["ab", "b", "c"]


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
        ([1, "a"], "int, str"),
        ([], "nothing"),
        (1.5, "float"),
    ],
)
def test_type_of_the_elements_has_a_name(data: Any, name: str) -> None:
    assert column_of(data).type_name() == name


def test_single_value_is_a_column_of_one() -> None:
    assert (column_of(5).size, column_of(5).outside(1, 3), column_of(math.nan).missing()) == (1, 1, 1)
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
