"""Comparing values: what is the same passes, and what is not is told by its place."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headwater.testing import assert_same

NAN = float("nan")

SAME = [
    (1.0, 1.0 + 1e-9),
    (2, 2.0),
    (np.float64(2), 2),
    (NAN, NAN),
    (None, NAN),
    (10**400, 10**400),
    (Decimal("1.5"), Decimal("1.50")),
    (1 + 2j, 1 + 2j),
    ("a", "a"),
    (True, True),
    ([1.0, {"a": NAN}], [1.0, {"a": NAN}]),
    ({"a": pd.Series([1.0])}, {"a": pd.Series([1.0])}),
    (pd.Series([1.0, NAN]), pd.Series([1.0 + 1e-9, NAN])),
    (pd.Series([1, pd.NA], dtype="Int64"), pd.Series([1, pd.NA], dtype="Int64")),
    (pd.Series([1], name="a"), pd.Series([1], name="b")),
    (pd.Series([[1, NAN]]), pd.Series([[1, NAN]])),
    (pd.DataFrame({"a": [1], "b": ["x"]}), pd.DataFrame({"a": [1], "b": ["x"]})),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), pd.DataFrame([[1, 2]], columns=["a", "a"])),
    (
        pd.DataFrame({"a": pd.Series([pd.NA], dtype="Int64"), "b": [1]}),
        pd.DataFrame({"a": pd.Series([pd.NA], dtype="Int64"), "b": [1]}),
    ),
    (pd.DataFrame(), pd.DataFrame()),
    (pd.Index([1, 2]), pd.Index([1, 2])),
    (pd.Series(["a", None]).unique(), pd.Series(["a", None]).unique()),
    (pd.Series(["a", "b"], dtype="category").array, pd.Series(["a", "b"], dtype="category").array),
    (pd.to_datetime(pd.Series(["2024-01-01", None])), pd.to_datetime(pd.Series(["2024-01-01", None]))),
    (pl.Series([1.0, None]), pl.Series([1.0, None])),
    (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})),
    (pl.LazyFrame({"a": [1]}), pl.LazyFrame({"a": [1]})),
    (np.array([[1.0, 2.0]]), np.array([[1.0, 2.0 + 1e-9]])),
    (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
]

DIFFERENT = [
    (1.0, 1.1, "1.0, expected 1.1"),
    (True, 1, "True, expected 1"),
    (0.0, NAN, "0.0, expected nan"),
    ("a", "b", "'a', expected 'b'"),
    ("1", 1, "'1', expected 1"),
    ([1, 2], [1, 3], r"\[1\]: 2, expected 3"),
    ([1], [1, 2], "1 items, expected 2"),
    ([1], (1,), "a list, expected a tuple"),
    ({"a": 1}, {"b": 1}, "no key 'b'"),
    ({"a": {"b": [1]}}, {"a": {"b": [2]}}, r"\['a'\]\['b'\]\[0\]: 1, expected 2"),
    (pd.Series(["a"]).unique(), pd.Series(["b"]).unique(), "1 of 1 rows differ"),
    (pd.Series([1, 2]), pd.Series([1, 3]), r"1 of 2 rows differ \(row 1: 2, expected 3\)"),
    (pd.Series([1, 2]), pd.Series([1, 2, 3]), "2 rows, expected 3"),
    (pd.Series([1]), pd.Series([1.0]), "type int64, expected float64"),
    (pd.Series([1]), [1], "expected \\[1\\]"),
    (pd.Series([1]), pl.Series([1]), "a pandas.Series, expected a polars.Series"),
    (
        pd.Series([1], index=["x"]),
        pd.Series([1], index=["y"]),
        r"index: 1 of 1 rows differ \(row 0: 'x', expected 'y'\)",
    ),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), "no column 'b'"),
    (
        pd.DataFrame({"a": [1], "b": [1]}),
        pd.DataFrame({"b": [1], "a": [1]}),
        "in the order a, b, expected b, a",
    ),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 5]}), "column 'a': 1 of 2 rows differ"),
    (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [None]}), "column 'a'"),
    (np.zeros((2, 1)), np.zeros((1, 2)), r"shape \(2, 1\), expected \(1, 2\)"),
    (pd.Series(range(100)), pd.Series(range(1, 101)), r"100 of 100 rows differ .*\.\.\.\)"),
]


@pytest.mark.parametrize(("actual", "expected"), SAME)
def test_same_values_pass(actual: Any, expected: Any) -> None:
    assert_same(actual, expected)


@pytest.mark.parametrize(("actual", "expected", "told"), DIFFERENT)
def test_difference_is_told_by_its_place(actual: Any, expected: Any, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        assert_same(actual, expected)


def test_tolerances_are_wider_where_asked() -> None:
    assert_same(100.0, 101.0, rtol=0.02)
    assert_same(0.0, 0.5, atol=0.5)
    assert_same(pd.Series([100.0]), pd.Series([101.0]), rtol=0.02)


def test_types_index_and_order_may_be_left_out() -> None:
    assert_same(pd.Series([1]), pd.Series([1.0]), types=False)
    assert_same(pd.Series([1], index=["x"]), pd.Series([1], index=["y"]), index=False)
    assert_same(pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [2], "a": [1]}), order=False)


def test_all_that_differs_is_told_at_once() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_same({"a": 1, "b": 2, "c": 3}, {"a": 2, "b": 3, "d": 3})

    assert str(caught.value).splitlines() == [
        "The value is not the expected one:",
        "- no key 'd'",
        "- key 'c' not expected",
        "- ['a']: 1, expected 2",
        "- ['b']: 2, expected 3",
    ]


def test_many_differences_are_cut_short() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_same(list(range(100)), list(range(1, 101)))

    assert len(str(caught.value).splitlines()) == 7
