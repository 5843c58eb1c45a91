"""The checks of check_output on every kind of data."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from headwater.checks import CHECKS, checks_from
from headwater.errors import InvalidModifier
from headwater.values import Reference, Unevaluated


def of_all_kinds(values: list[Any]) -> list[Any]:
    return [pd.Series(values), pl.Series(values), np.array(values), values]


TABLE = [
    ("range", (0, 1), [0.0, 0.5, 1.0], True),
    ("range", (0, 1), [0.0, 1.5], False),
    ("range", (0, 1), [0.5, float("nan")], False),
    ("range", [0, 1], [0.5], True),
    ("values_in", ["a", "b"], ["a", "b", "a"], True),
    ("values_in", {"a"}, ["a", "b"], False),
    ("values_in", (1.0, 2.0), [1.0, float("nan")], True),
    ("data_type", float, [1.0, 2.0], True),
    ("data_type", str, ["a"], True),
    ("data_type", str, [1.0], False),
    ("allow_nans", False, [1.0, 2.0], True),
    ("allow_nans", False, [1.0, float("nan")], False),
    ("max_fraction_nans", 0.5, [1.0, float("nan")], True),
    ("max_fraction_nans", 0.4, [1.0, float("nan")], False),
    ("max_standard_dev", 1.0, [1.0, 1.5], True),
    ("max_standard_dev", 1.0, [1.0, 5.0], False),
    ("mean_in_range", (0, 1), [0.0, 1.0], True),
    ("mean_in_range", (0, 1), [0.0, 3.0], False),
    ("allow_none", False, [1.0], True),
    ("contains", "a", ["ab", "ba"], True),
    ("contains", ["a", "b"], ["ab", "a"], False),
    ("does_not_contain", "x", ["ab", "b"], True),
    ("does_not_contain", ["x", "b"], ["ab", "a"], False),
]


@pytest.mark.parametrize(("argument", "limit", "values", "passes"), TABLE)
def test_check_judges_all_kinds_of_data_alike(
    argument: str, limit: Any, values: list[Any], passes: bool
) -> None:
    [check] = checks_from({argument: limit})

    for data in of_all_kinds(values):
        result = check.validate(data)
        assert result.passes is passes, type(data)
        assert result.message.endswith(".")
        assert result.diagnostics


@pytest.mark.parametrize(
    ("argument", "limit", "value", "passes"),
    [
        ("range", (0, 1), 1, True),
        ("range", (0, 1), 2, False),
        ("range", (0, 1), None, False),
        ("values_in", ["a"], "a", True),
        ("values_in", ["a"], "b", False),
        ("data_type", int, True, True),
        ("data_type", int, "a", False),
        ("allow_none", False, None, False),
        ("allow_none", True, None, True),
        ("allow_none", False, pd.DataFrame({"a": [1]}), True),
        ("contains", ["a", "b"], "ab", True),
        ("contains", ["a", "b"], "a", False),
        ("does_not_contain", "a", "abc", False),
    ],
)
def test_check_judges_a_single_value(argument: str, limit: Any, value: Any, passes: bool) -> None:
    [check] = checks_from({argument: limit})

    assert check.validate(value).passes is passes


def test_every_check_is_in_the_table() -> None:
    assert {argument for argument, *_ in TABLE} == set(CHECKS)


@pytest.mark.parametrize(
    ("argument", "limit", "data", "message"),
    [
        ("range", (0, 1), [0, 2, 3], "2 of 3 values do not fit; wanted: between 0 and 1."),
        ("range", (0, 1), [0, 1], "All 2 values are between 0 and 1."),
        ("allow_nans", False, [None, 1], "1 of 2 values do not fit; wanted: not missing."),
        ("values_in", ["a", "b"], ["c"], "1 of 1 values do not fit; wanted: one of a, b."),
        ("data_type", np.float64, ["c"], "The values are of type str; wanted: numpy.float64."),
        (
            "max_fraction_nans",
            0.2,
            [None, 1],
            "1 of 2 values are missing; wanted: at most a fraction of 0.2 missing.",
        ),
        ("mean_in_range", (0, 1), [2, 4], "The mean is 3; wanted: a mean between 0 and 1."),
        ("contains", ["a", "b"], "c", "1 of 1 values do not fit; wanted: containing 'a' and 'b'."),
    ],
)
def test_result_says_what_was_found_and_wanted(argument: str, limit: Any, data: Any, message: str) -> None:
    [check] = checks_from({argument: limit})

    assert check.validate(data).message == message


@pytest.mark.parametrize(
    ("argument", "limit", "cure"),
    [
        ("range", (0,), "Give a lowest and a highest value"),
        ("range", 5, "Give a lowest and a highest value"),
        ("mean_in_range", 5, "Give a lowest and a highest mean"),
        ("values_in", 5, "Give a list of values"),
        ("values_in", "abc", "Give a list of values"),
        ("allow_nans", True, "Give allow_nans=False, or leave it out"),
        ("max_fraction_nans", 2, "Give a fraction from 0 to 1"),
        ("allow_none", "no", "Give True or False"),
        ("contains", 5, "Give a text or a list of texts"),
        ("does_not_contain", 5, "Give a text or a list of texts"),
    ],
)
def test_limit_that_means_nothing_is_refused_with_its_cure(argument: str, limit: Any, cure: str) -> None:
    with pytest.raises(InvalidModifier, match=cure) as told:
        checks_from({argument: limit})
    assert f"{argument}={limit!r} cannot be used" in str(told.value)


def test_unknown_check_finds_the_nearest() -> None:
    with pytest.raises(
        InvalidModifier, match=r"has no check 'allow_nan'\. Did you mean 'allow_nans'"
    ) as told:
        checks_from({"allow_nan": False})
    assert all(argument in str(told.value) for argument in CHECKS)


@pytest.mark.parametrize("argument", CHECKS)
@pytest.mark.parametrize("limit", [Unevaluated("LIMIT", "it is made by a call"), Reference("shop.LIMIT")])
def test_limit_known_from_source_only_is_named_in_the_description(argument: str, limit: Any) -> None:
    [check] = checks_from({argument: limit})

    if argument not in ("allow_nans", "allow_none"):
        assert str(limit) in check.description
    assert check.name == f"{argument}_validator"


def test_long_list_of_values_is_cut_short() -> None:
    [check] = checks_from({"values_in": list(range(15))})

    assert check.description == "one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more."
