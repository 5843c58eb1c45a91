"""The checks of check_output on every kind of data."""

import pickle
import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from headwater.checks import ArgumentCheck, Importance, ValidationResult, label_of
from headwater.errors import InvalidModifier
from headwater.types import ANY, Type
from headwater.validators import VALIDATORS, Range, checks_from
from headwater.values import Reference, Unevaluated

DECLARED = ("model", "schema")  # what pandera and pydantic judge has tests of its own
ARGUMENTS = [check.arg() for check in VALIDATORS if check.arg() not in DECLARED]


def check_of(argument: str, limit: Any) -> ArgumentCheck:
    [check] = checks_from({argument: limit}, "warn")
    return check


def of_all_kinds(values: list[Any]) -> list[Any]:
    columns = [
        pd.Series(values),
        pl.Series(values),
        np.array(values),
        pa.array(values),
        pa.chunked_array([values]),
    ]
    return [*columns, values, tuple(values)]


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
    ("regex", "[a-z]+", ["ab", "b"], True),
    ("regex", re.compile("A.", re.IGNORECASE), ["ab", "aB"], True),
    ("regex", "[a-z]", ["ab", "b"], False),
    ("regex", "[0-9]", [1, 2], False),
    ("unique", True, ["ab", "b"], True),
    ("unique", True, [1.0, 1.0], False),
    ("length", 2, ["ab", "cd"], True),
    ("length", (1, 2), ["ab", "c"], True),
    ("length", (1, 2), ["abc", "c"], False),
    ("length", 1, [1, 2], False),
]


@pytest.mark.parametrize(("argument", "limit", "values", "passes"), TABLE)
def test_check_judges_all_kinds_of_data_alike(
    argument: str, limit: Any, values: list[Any], passes: bool
) -> None:
    check = check_of(argument, limit)

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
        ("regex", "a+", "aa", True),
        ("regex", "a+", None, False),
        ("length", (1, 2), "abc", False),
        ("unique", True, "abc", True),
        ("values_in", ["a"], None, False),
        ("values_in", [1.0], float("nan"), False),
        ("contains", "a", None, False),
        ("range", (0, 1), float("nan"), False),
    ],
)
def test_check_judges_a_single_value(argument: str, limit: Any, value: Any, passes: bool) -> None:
    check = check_of(argument, limit)

    assert check.validate(value).passes is passes


def test_every_check_is_in_the_table() -> None:
    assert {argument for argument, *_ in TABLE} == set(ARGUMENTS)


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
        (
            "max_standard_dev",
            1,
            [1],
            "The standard deviation is nan; wanted: a standard deviation of at most 1.",
        ),
        ("regex", "a+", ["aa", "b"], "1 of 2 values do not fit; wanted: matching 'a+'."),
        ("regex", re.compile("a+"), ["aa"], "All 1 values are matching 'a+'."),
        ("length", 2, ["a"], "1 of 1 values do not fit; wanted: of a length of 2."),
        ("length", (2, 3), ["a"], "1 of 1 values do not fit; wanted: of a length between 2 and 3."),
        ("unique", True, ["a", "a", "a"], "2 of 3 values do not fit; wanted: unique."),
    ],
)
def test_result_says_what_was_found_and_wanted(argument: str, limit: Any, data: Any, message: str) -> None:
    check = check_of(argument, limit)

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
        ("regex", "(", "Give a regular expression"),
        ("regex", 5, "Give a regular expression"),
        ("unique", False, "Give unique=True, or leave it out"),
        ("length", True, "Give one length, or a lowest and a highest"),
        ("length", (1, 2, 3), "Give one length, or a lowest and a highest"),
        ("contains", 5, "Give a text or a list of texts"),
        ("does_not_contain", 5, "Give a text or a list of texts"),
    ],
)
def test_limit_that_means_nothing_is_refused_with_its_cure(argument: str, limit: Any, cure: str) -> None:
    with pytest.raises(InvalidModifier, match=cure) as told:
        check_of(argument, limit)
    assert f"{argument}={limit!r} cannot be used" in str(told.value)


def test_unknown_check_finds_the_nearest() -> None:
    with pytest.raises(
        InvalidModifier, match=r"has no check 'allow_nan'\. Did you mean 'allow_nans'"
    ) as told:
        check_of("allow_nan", False)
    assert all(argument in str(told.value) for argument in ARGUMENTS)


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("limit", [Unevaluated("LIMIT", "it is made by a call"), Reference("shop.LIMIT")])
def test_limit_known_from_source_only_is_named_in_the_description(argument: str, limit: Any) -> None:
    check = check_of(argument, limit)

    if argument not in ("allow_nans", "allow_none", "unique"):
        assert str(limit) in check.description()
    assert check.name() == f"{argument}_validator"


def test_long_list_of_values_is_cut_short() -> None:
    check = check_of("values_in", list(range(15)))

    assert check.description() == "Wanted: one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more."


@pytest.mark.parametrize(
    ("argument", "limit", "data", "figures"),
    [
        (
            "range",
            (0, 1),
            pd.Series([0.5, 2.0]),
            {"threshold": [0, 1], "value": [0.5, 2.0], "offending": 1, "size": 2},
        ),
        (
            "range",
            (0, 1),
            pd.Series([0.5, None]),
            {"threshold": [0, 1], "value": [0.5, 0.5], "offending": 1, "size": 2},
        ),
        (
            "range",
            (0, 1),
            pd.Series([0.5]),
            {"threshold": [0, 1], "value": [0.5, 0.5], "offending": 0, "size": 1},
        ),
        ("values_in", {"b", "a"}, ["c"], {"threshold": ["a", "b"], "value": 1, "offending": 1, "size": 1}),
        (
            "data_type",
            np.float64,
            [1],
            {"threshold": "numpy.float64", "value": "int", "offending": None, "size": 1},
        ),
        ("allow_nans", False, [None, 1], {"threshold": False, "value": 1, "offending": 1, "size": 2}),
        ("max_fraction_nans", 0.1, [None, 1], {"threshold": 0.1, "value": 0.5, "offending": 1, "size": 2}),
        ("mean_in_range", (0, 1), [2, 4], {"threshold": [0, 1], "value": 3.0, "offending": None, "size": 2}),
        ("max_standard_dev", 1, [1], {"threshold": 1, "value": None, "offending": None, "size": 1}),
    ],
)
def test_figures_behind_a_finding_are_plain_data(argument: str, limit: Any, data: Any, figures: Any) -> None:
    assert check_of(argument, limit).validate(data).diagnostics == figures


def test_finding_is_a_validation_result_that_keeps_no_data() -> None:
    finding = check_of("range", (0, 1)).validate([1, 5])

    assert isinstance(finding, ValidationResult)
    assert (finding.passes, finding.offending, finding.size, finding.value) == (False, 1, 2, (1, 5))
    assert pickle.loads(pickle.dumps(finding)).message == finding.message
    assert finding == check_of("range", (0, 1)).validate([1, 5])
    assert set(vars(finding)) == {"check", "passes", "value", "offending", "size", "message", "diagnostics"}


@pytest.mark.parametrize("argument", [row[0] for row in TABLE])
def test_check_is_made_from_its_own_argument_like_one_of_hamilton(argument: str) -> None:
    limit = next(row[1] for row in TABLE if row[0] == argument)
    [cls] = [cls for cls in VALIDATORS if cls.arg() == argument]

    check = cls(**{argument: limit, "importance": "fail"})
    assert (check.importance, label_of(check)) == (Importance.FAIL, argument)
    assert check.applies_to(float)


def test_iterator_of_allowed_values_is_read_once() -> None:
    check = check_of("values_in", iter("ab"))

    assert check.validate(["a"]).passes and check.validate(["a"]).passes


def test_own_class_is_found_by_argument_and_type() -> None:
    assert (
        checks_from({"range": (0, 1)}, "warn", Type.of(float), [OnlyText, Range])[0].name()
        == "range_validator"
    )
    assert checks_from({"range": "a-f"}, "fail", Type.of(str), [OnlyText, Range])[0].name() == "text_range"
    assert (
        checks_from({"range": "a-f"}, "fail", Type.of(str | None), [OnlyText])[0].importance
        is Importance.FAIL
    )
    for type_ in (Type.of(float), Type.of(list[int]), ANY):
        with pytest.raises(InvalidModifier, match=r"none of the checks for range= applies to .*: OnlyText\."):
            checks_from({"range": "a-f"}, "fail", type_, [OnlyText])
    with pytest.raises(InvalidModifier, match="It knows: none"):
        checks_from({"range": (0, 1)}, "fail", Type.of(float), [])


class OnlyText(ArgumentCheck):
    def __init__(self, range: str, importance: str) -> None:
        super().__init__(importance)

    @classmethod
    def applies_to(cls, datatype: Any) -> bool:
        return issubclass(datatype, str)

    @classmethod
    def arg(cls) -> str:
        return "range"

    @classmethod
    def name(cls) -> str:
        return "text_range"

    def description(self) -> str:
        return "Letters in a range."

    def validate(self, dataset: Any) -> ValidationResult:
        return ValidationResult(True, "")
