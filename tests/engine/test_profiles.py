"""Statistics of values as data."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.profiles import ColumnProfile, Histogram, Kind, Profile, profile

NUMBERS = {
    "pandas": pd.Series([1.0, None, 2.0, 4.0, 4.0]),
    "pandas nullable": pd.Series([1, None, 2, 4, 4], dtype="Int64"),
    "polars": pl.Series([1, None, 2, 4, 4]),
    "polars nan": pl.Series([1.0, math.nan, 2.0, 4.0, 4.0]),
    "numpy": np.array([1.0, math.nan, 2.0, 4.0, 4.0]),
    "pyarrow": pa.chunked_array([[1, None, 2], [4, 4]]),
    "list": [1, None, 2, 4, 4],
    "tuple": (1, math.nan, 2, 4, Decimal(4)),
}


def column(value: Any) -> ColumnProfile:
    [only] = profile(value).columns
    return only


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
def test_numbers_of_every_library_have_the_same_statistics(value: Any) -> None:
    found = column(value)

    assert (found.kind, found.nulls, found.distinct) == (Kind.NUMBER, 1, 3)
    assert (found.min, found.max, found.mean) == (1, 4, 2.75)
    assert found.quantiles == pytest.approx({"0.05": 1.15, "0.25": 1.75, "0.5": 3, "0.75": 4, "0.95": 4})
    assert found.histogram is not None
    assert (sum(found.histogram.counts), found.histogram.counts[0], found.histogram.counts[-1]) == (4, 1, 2)
    assert len(found.histogram.edges) == len(found.histogram.counts) + 1
    assert profile(value).rows == 5
    assert profile(value).sample is None


def test_texts_are_described_by_their_lengths_and_never_told() -> None:
    for value in (
        pd.Series(["secret", "is", None]),
        pl.Series(["secret", "is", None]),
        ["secret", "is", None],
    ):
        found = column(value)
        assert (found.kind, found.nulls, found.distinct) == (Kind.TEXT, 1, 2)
        assert (found.min, found.max, found.mean) == (2, 6, 4.0)
        assert "secret" not in json.dumps(profile(value).as_dict())
    assert column(pd.Series(["ab", None], dtype="category")).dtype == "category"


def test_times_are_iso_texts_and_durations_seconds() -> None:
    days = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC)]
    found = column(pd.Series(days))

    assert (found.kind, found.min, found.max) == (
        Kind.TIME,
        "2024-01-01T00:00:00+00:00",
        "2024-01-03T00:00:00+00:00",
    )
    assert found.quantiles["0.5"] == "2024-01-02T00:00:00+00:00"
    assert column([date(2024, 1, 1), date(2024, 1, 3)]).quantiles["0.5"] == "2024-01-02"
    assert column(np.array(["2024-01-01", "NaT"], dtype="datetime64[ns]")).max == "2024-01-01T00:00:00"
    assert column([timedelta(hours=1), timedelta(hours=3)]).max == 10800.0


def test_fraction_of_what_is_true_is_the_mean() -> None:
    for value in (pd.Series([True, False, None]), pl.Series([True, False, None]), np.array([True, False])):
        found = column(value)
        assert (found.kind, found.min, found.max, found.mean) == (Kind.BOOLEAN, False, True, 0.5)
        assert (found.quantiles, found.histogram) == ({}, None)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pa.table({"a": [1, 2], "b": ["x", None]}),
        pa.record_batch({"a": [1, 2], "b": ["x", None]}),
    ],
)
def test_table_is_described_column_by_column(table: Any) -> None:
    found = profile(table)

    assert [(one.name, one.kind, one.nulls) for one in found.columns] == [
        ("a", "number", 0),
        ("b", "text", 1),
    ]
    assert (found.rows, found.columns_left_out) == (2, 0)
    assert found.bytes == sum(one.bytes or 0 for one in found.columns) > 0


def test_columns_of_one_name_and_of_structured_arrays_are_told_apart() -> None:
    twice = profile(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    assert [(one.name, one.max) for one in twice.columns] == [("a", 1), ("a", 2)]
    fields = profile(np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]))
    assert [(one.name, one.max) for one in fields.columns] == [("a", 1), ("b", 2.5)]


def test_long_column_is_sampled_where_each_element_is_looked_at() -> None:
    found = profile(pd.Series(np.arange(100_000.0)))

    assert (found.rows, found.sample) == (100_000, 20_000)
    [only] = found.columns
    assert (only.nulls, only.min, only.max, only.mean) == (0, 0.0, 99_999.0, 49_999.5)
    assert only.distinct == 20_000
    assert only.quantiles["0.5"] == pytest.approx(49_999, abs=10)
    assert profile(list(range(100_000))).sample == 20_000
    assert profile(list(range(100_000))).rows == 100_000


def test_wide_table_is_sampled_more_and_cut() -> None:
    found = profile(pd.DataFrame(np.zeros((2_000, 1_001))))

    assert (len(found.columns), found.columns_left_out) == (1_000, 1)
    assert (found.rows, found.sample) == (2_000, 1_000)


def test_what_has_no_statistics_is_told_as_such() -> None:
    iterator = iter([1, 2])

    assert profile({"a": 1}).rows == 1
    assert profile(frozenset({1, 2})) == Profile("frozenset", 2, profile(frozenset({1, 2})).bytes)
    assert profile(pl.LazyFrame({"a": [1]})) == Profile("polars.LazyFrame")
    assert column(iterator).kind is Kind.OTHER and next(iterator) == 1
    assert column([1, "a"]).kind is Kind.MIXED
    assert column([[1], [2]]).distinct is None
    assert column([datetime(2024, 1, 1), date(2024, 1, 1)]).min is None
    for nothing in ([], None, np.array([math.nan]), pd.Series([], dtype=float), pl.Series([None])):
        assert column(nothing).kind is Kind.EMPTY


def test_single_value_is_a_column_of_one() -> None:
    assert (profile(5).rows, column(5).min, column(5).histogram) == (1, 5, Histogram((5, 5), (1,)))
    assert column(np.float32(0.5)).mean == 0.5


def test_numbers_beyond_floats_are_no_obstacle() -> None:
    assert column([1, 10**400]).max == "about 2**1328"
    assert column([-math.inf, 1.0, math.inf]).histogram == Histogram((1.0, 1.0), (1,))
    assert column([-1e308, 1e308]).quantiles["0.5"] == 0.0
    assert column(np.array([1e308, 1e308])).mean == "inf"


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals()
    | st.fractions()
    | st.builds(Hostile)
    | st.sampled_from([pd.NA, pd.NaT, np.float32("nan"), np.int8(-128), int, pd.Interval(0, 1)]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(ODD)
def test_any_value_has_a_profile_that_json_holds(value: Any) -> None:
    for odd in (
        value,
        [value, value],
        pd.Series([value], dtype=object),
        np.array([value, None], dtype=object),
    ):
        json.dumps(profile(odd).as_dict(), allow_nan=False)
