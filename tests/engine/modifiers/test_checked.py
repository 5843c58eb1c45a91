"""Checks as nodes of the graph."""

import logging
import pickle
from typing import Any

import pandas as pd
import pytest

from headwater import Driver, check_output, extract_columns
from headwater.build import expand
from headwater.checks import ArgumentCheck, Check, Importance, ValidationResult
from headwater.errors import CheckFailed, InvalidModifier
from headwater.function import read_function
from headwater.modifiers import check_output_custom
from headwater.modifiers.checked import DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG, IS_DATA_VALIDATOR_TAG
from headwater.node import Node, Role
from headwater.types import Type

HEIGHT = """
    import numpy as np
    import pandas as pd
    from headwater import check_output, extract_columns, tag

    @tag(owner="Data-Science")
    @check_output(data_type=np.float64, range=(-5.0, 5.0), importance="fail")
    def height(raw: pd.Series) -> pd.Series:
        '''Height.'''
        return raw

    @check_output(range=(0, 1){target})
    @extract_columns("a", "b")
    def table(raw: pd.DataFrame) -> pd.DataFrame:
        return raw
"""

STACKED = """
    import pandas as pd
    from headwater import check_output, extract_columns
    from headwater.data_quality.base import DataValidator, ValidationResult
    from headwater.modifiers import check_output_custom

    class Even(DataValidator):
        def __init__(self, importance="warn"):
            super().__init__(importance)

        def applies_to(self, datatype):
            return True

        def description(self):
            return "Even numbers."

        @classmethod
        def name(cls):
            return "even"

        def validate(self, dataset):
            return ValidationResult(dataset % 2 == 0, f"{dataset} is odd.")

    @check_output(range=(0, 10), importance="fail")
    @check_output_custom(Even(), Even("fail"))
    @check_output(range=(0, 5), allow_none=False)
    def x(given: int) -> int:
        '''The x.'''
        return given
"""


def names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


def test_checked_node_becomes_raw_value_checks_and_gate(load) -> None:
    nodes = expand(read_function(load(HEIGHT.format(target="")).height))

    assert [(n.name, n.role, n.feature, n.dependencies) for n in nodes] == [
        ("height_raw", Role.PART, "height", ("raw",)),
        ("height_data_type_validator", Role.PART, "height", ("height_raw",)),
        ("height_range_validator", Role.PART, "height", ("height_raw",)),
        (
            "height",
            Role.FEATURE,
            "height",
            ("height_raw", "height_data_type_validator", "height_range_validator"),
        ),
    ]
    check = nodes[2]
    assert check.type == Type.of(ValidationResult)
    assert check.tags == {
        "module": "features",
        IS_DATA_VALIDATOR_TAG: True,
        DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG: "height",
    }
    assert (check.doc, check.importance) == ("Wanted: between -5.0 and 5.0.", Importance.FAIL)
    assert nodes[3].tags == {"module": "features", "owner": "Data-Science"}
    assert nodes[3].doc == "Height."


@pytest.mark.parametrize(
    ("target", "checked"),
    [("", {"a", "b"}), (', target_="b"', {"b"}), (', target_=["a", "b"]', {"a", "b"})],
)
def test_target_chooses_what_is_checked(load, target, checked) -> None:
    nodes = expand(read_function(load(HEIGHT.format(target=target)).table))

    assert {n.feature for n in nodes if n.check is not None} == checked


def test_whole_table_is_not_checked_like_a_column(load) -> None:
    module = load(HEIGHT.format(target=', target_="table"'))

    with pytest.raises(InvalidModifier) as told:
        expand(read_function(module.table))
    assert str(told.value).replace(module.__file__, "features.py") == (
        "features.py:13: 'table' returns pandas.DataFrame, but range= checks a column or a single value. "
        "Make features of the columns with @extract_columns below @check_output, or check what is made of "
        "the table."
    )


def test_importance_is_warn_or_fail() -> None:
    assert check_output(range=(0, 1)).importance is Importance.WARN
    with pytest.raises(InvalidModifier, match=r"importance='loud' is unknown\. Give 'warn' or 'fail'\."):
        check_output(importance="loud", range=(0, 1))


def test_check_without_arguments_splits_the_node_too() -> None:
    @check_output()
    def x(given: int) -> int:
        return given

    assert names(expand(read_function(x))) == ["x_raw", "x"]


def test_checks_of_several_modifiers_stand_side_by_side(load) -> None:
    nodes = expand(read_function(load(STACKED).x))

    assert names(nodes) == [
        "x_raw",
        "x_range_validator",
        "x_allow_none_validator",
        "x_even",
        "x_even_1",
        "x_range_validator_1",
        "x",
    ]
    assert nodes[-1].dependencies == tuple(names(nodes)[:-1])
    assert [str(node.importance) for node in nodes[1:-1]] == ["warn", "warn", "warn", "fail", "fail"]
    assert [node.doc for node in nodes] == [
        "The x.",
        "Wanted: between 0 and 5.",
        "Wanted: not None.",
        "Even numbers.",
        "Even numbers.",
        "Wanted: between 0 and 10.",
        "The x.",
    ]


def test_all_of_several_checks_run_each_with_its_importance(load, caplog) -> None:
    driver = Driver({}, load(STACKED))

    assert driver.run(["x"], inputs={"given": 4}).values == {"x": 4}
    with caplog.at_level(logging.WARNING):
        assert driver.run(["x"], inputs={"given": 6}).values == {"x": 6}
    assert [record.getMessage() for record in caplog.records] == [
        "'x' did not pass a check. range: 1 of 1 values do not fit; wanted: between 0 and 5."
    ]
    failed = driver.run(["x"], inputs={"given": 11}).error
    assert isinstance(failed, CheckFailed)
    assert [one.validator for one in failed.results] == ["even", "range"]


def test_all_nodes_as_target_are_not_the_parts_of_a_check() -> None:
    @check_output(allow_none=False, target_=...)
    @check_output(range=(0, 5))
    def x(given: int) -> int:
        return given

    assert names(expand(read_function(x))) == [
        "x_raw",
        "x_range_validator",
        "x_allow_none_validator",
        "x",
    ]


def test_checked_column_and_checked_table_keep_apart() -> None:
    @check_output(range=(0, 5))
    @extract_columns("a")
    @check_output(allow_none=False)
    def table(given: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [given]})

    assert sorted(names(expand(read_function(table)))) == [
        "a",
        "a_range_validator",
        "a_raw",
        "table",
        "table_allow_none_validator",
        "table_raw",
    ]


def test_callables_of_checked_nodes_can_be_pickled(load) -> None:
    nodes = expand(read_function(load(HEIGHT.format(target="")).height))
    value = pd.Series([9.0])

    results = [pickle.loads(pickle.dumps(node.call))(value) for node in nodes[1:3]]
    with pytest.raises(CheckFailed, match="'height' did not pass its checks"):
        pickle.loads(pickle.dumps(nodes[3].call))(value, *results)


class Between(ArgumentCheck):
    def __init__(self, between: tuple[int, int], importance: str) -> None:
        super().__init__(importance)
        self.between = between

    @classmethod
    def applies_to(cls, datatype: Any) -> bool:
        return issubclass(datatype, int)

    @classmethod
    def arg(cls) -> str:
        return "between"

    @classmethod
    def name(cls) -> str:
        return "between_check"

    def description(self) -> str:
        return f"Between {self.between}."

    def validate(self, dataset: Any) -> ValidationResult:
        return ValidationResult(self.between[0] <= dataset <= self.between[1], "")


def test_candidates_take_the_place_of_the_known_checks() -> None:
    @check_output(default_validator_candidates=[Between], between=(0, 1))
    def x(given: int) -> int:
        return given

    @check_output("warn", [Between], between=(0, 1))
    def text(given: str) -> str:
        return given

    @check_output(default_validator_candidates=[Between], range=(0, 1))
    def unknown(given: int) -> int:
        return given

    assert names(expand(read_function(x))) == ["x_raw", "x_between_check", "x"]
    with pytest.raises(InvalidModifier, match=r"'text': @check_output: none of the checks for between="):
        expand(read_function(text))
    with pytest.raises(InvalidModifier, match=r"no check 'range'\. It knows: between\."):
        expand(read_function(unknown))


class Even(Check):
    def __init__(self, even: bool, importance: str) -> None:
        super().__init__(importance)
        self.even = even

    @classmethod
    def applies_to(cls, datatype: Any) -> bool:
        return datatype is int

    @classmethod
    def arg(cls) -> str:
        return "even"

    @classmethod
    def name(cls) -> str:
        return "even_check"

    def description(self) -> str:
        return "Even."

    def validate(self, dataset: Any) -> ValidationResult:
        return ValidationResult(dataset % 2 == 0, "")


def test_candidates_may_be_any_checks_that_name_an_argument() -> None:
    @check_output(default_validator_candidates=[Even], even=True)
    def x(given: int) -> int:
        return given

    assert names(expand(read_function(x))) == ["x_raw", "x_even_check", "x"]


def test_custom_checks_are_instances() -> None:
    with pytest.raises(InvalidModifier, match=r"instances of DataValidator, not .*Between.*Call the class"):
        check_output_custom(Between)
    with pytest.raises(InvalidModifier, match="instances of DataValidator, not 5"):
        check_output_custom(5)


def test_range_of_numbers_on_a_text_is_told_when_built(load) -> None:
    module = load("""
        from headwater import check_output

        @check_output(range=(0, 1))
        def name(x: int) -> str:
            return str(x)
    """)

    with pytest.raises(
        InvalidModifier, match=r"'name' returns str, which cannot be held against range=\(0, 1\)"
    ):
        expand(read_function(module.name))
