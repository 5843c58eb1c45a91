"""Checks as nodes of the graph."""

import pytest

from headwater import check_output
from headwater.build import expand
from headwater.checks import Importance, ValidationResult
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers.checked import SOURCE_TAG, VALIDATION_TAG
from headwater.node import Role
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
    assert check.tags == {"module": "features", VALIDATION_TAG: True, SOURCE_TAG: "height"}
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
