"""Result builders."""

import logging

import numpy as np
import pandas as pd
import pytest

from headwater.errors import HeadwaterError
from headwater.results import (
    DefaultAdapter,
    DictResult,
    PandasDataFrameResult,
    SimplePythonDataFrameGraphAdapter,
    SimplePythonGraphAdapter,
)

A = pd.Series([1, 2], index=[0, 1])
B = pd.Series([3, 4], index=[1, 2])
TABLE = pd.DataFrame({"u": [5, 6], "v": [7, 8]})


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"a": A}, pd.DataFrame({"a": [1, 2]})),
        ({"a": A, "c": 9}, pd.DataFrame({"a": [1, 2], "c": [9, 9]})),
        ({"c": 9, "t": "text"}, pd.DataFrame({"c": [9], "t": ["text"]})),
        ({"l": [1, 2], "n": np.array([3, 4])}, pd.DataFrame({"l": [1, 2], "n": [3, 4]})),
        ({"i": pd.Index([4, 5]), "a": A}, pd.DataFrame({"i": [4, 5], "a": [1, 2]})),
        ({"table": TABLE}, TABLE),
        ({"table": TABLE, "a": A}, pd.DataFrame({"table.u": [5, 6], "table.v": [7, 8], "a": [1, 2]})),
    ],
)
def test_values_become_columns(outputs, expected) -> None:
    pd.testing.assert_frame_equal(PandasDataFrameResult.build_result(**outputs), expected)


def test_unlike_indexes_are_joined_and_told(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        table = PandasDataFrameResult.build_result(a=A, b=B)

    assert list(table.index) == [0, 1, 2]
    assert int(table.isna().to_numpy().sum()) == 2
    assert "The indexes of 'b' differ from that of 'a'" in caplog.text


def test_like_indexes_are_not_worth_a_word(caplog) -> None:
    PandasDataFrameResult.build_result(a=A, also=A * 2, c=1)

    assert caplog.text == ""


def test_column_made_twice_is_refused() -> None:
    with pytest.raises(HeadwaterError, match=r"Two outputs make the column 't\.u' of the result"):
        PandasDataFrameResult.build_result(**{"t": TABLE, "t.u": A})


def test_dict_keeps_the_values_as_they_are() -> None:
    assert DictResult.build_result(a=A, c=1) == {"a": A, "c": 1}


def test_adapters_build_what_their_names_say() -> None:
    assert DefaultAdapter().build_result(c=1) == {"c": 1}
    assert SimplePythonGraphAdapter().build_result(c=1) == {"c": 1}
    assert SimplePythonGraphAdapter(DictResult()).build_result(c=1) == {"c": 1}
    assert list(SimplePythonGraphAdapter(PandasDataFrameResult()).build_result(c=1).columns) == ["c"]
    assert list(SimplePythonDataFrameGraphAdapter().build_result(c=1).columns) == ["c"]
