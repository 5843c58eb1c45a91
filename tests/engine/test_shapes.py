"""How values are named in messages and records."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headwater.shapes import plain, summary
from headwater.values import Reference


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pd.Series([1.0, 2.0]), "Series[float64] (2 rows)"),
        (pd.DataFrame({"a": [1], "b": [2]}), "DataFrame (1 rows x 2 columns)"),
        (pl.Series([1]), "Series[Int64] (1 rows)"),
        (np.zeros((1000, 2)), "ndarray[float64] (1,000 rows x 2 columns)"),
        ([1, 2], "list (2 items)"),
        ({"secret": 1}, "dict (1 items)"),
        ("secret", "str"),
        (np.float64(1), "float64"),
        (None, "NoneType"),
    ],
)
def test_value_is_named_by_type_and_shape_and_never_shown(value: Any, text: str) -> None:
    assert summary(value) == text


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        (None, None),
        ("text", "text"),
        (True, True),
        (2**63, 2**63),
        (10**30, "about 2**99"),
        (float("nan"), None),
        (-float("inf"), "-inf"),
        (np.int64(5), 5),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (np.datetime64("2024-01-02", "ns"), "2024-01-02T00:00:00"),
        (np.timedelta64(1, "h"), 3600.0),
        (np.datetime64("NaT", "s"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (date(2024, 1, 2), "2024-01-02"),
        (timedelta(seconds=90), 90.0),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
        (Fraction(10**400), None),
        (Decimal("sNaN"), None),
        ((1, [2.0, {"b", "a"}]), [1, [2.0, ["a", "b"]]]),
        ({1: (2,)}, {"1": [2]}),
        (np.float64, "numpy.float64"),
        (Reference("shop.Orders"), "shop.Orders"),
        (pd.Series([1.0]), "Series[float64] (1 rows)"),
        (object(), "object"),
    ],
)
def test_figure_is_plain_enough_for_json(value: Any, figure: Any) -> None:
    assert plain(value) == figure
    json.dumps(plain(value), allow_nan=False)


def test_figures_that_hold_themselves_come_to_an_end() -> None:
    endless: list[Any] = []
    endless.append(endless)

    json.dumps(plain(endless))


def test_value_of_another_library_is_not_asked_for_its_shape() -> None:
    class Remote:
        @property
        def shape(self) -> tuple[int, ...]:
            raise ConnectionError("gone")

    assert summary(Remote()) == "Remote"
