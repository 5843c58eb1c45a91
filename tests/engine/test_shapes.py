"""How values are named in messages and records."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headwater.shapes import summary


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
