"""Columns of a table as features."""

import pandas as pd
import polars as pl
import pytest

from headwater import Driver, extract_columns
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.node import Role
from headwater.results import DictResult
from headwater.types import Type

TABLE = """
    import pandas as pd
    from headwater import check_output, extract_columns, tag

    @tag(owner="growth")
    @extract_columns("spend", ("signups", "How many signed up."){more})
    def table(raw: pd.DataFrame) -> pd.DataFrame:
        '''All columns.'''
        return raw
"""


def driver(module) -> Driver:
    return Driver({}, module, adapter=DictResult())


def test_each_column_is_a_feature_beside_its_table(load) -> None:
    nodes = expand(read_function(load(TABLE.format(more="")).table))

    assert [(n.name, n.feature, n.role, n.dependencies, n.type, n.doc) for n in nodes] == [
        ("table", "table", Role.FEATURE, ("raw",), Type("pandas.DataFrame"), "All columns."),
        ("spend", "spend", Role.FEATURE, ("table",), Type("pandas.Series"), "All columns."),
        ("signups", "signups", Role.FEATURE, ("table",), Type("pandas.Series"), "How many signed up."),
    ]
    assert [node.tags.get("owner") for node in nodes] == [None, "growth", "growth"]


def test_columns_are_taken_from_the_table(load) -> None:
    raw = pd.DataFrame({"spend": [1, 2], "signups": [3, 4]})
    result = driver(load(TABLE.format(more=""))).execute(["signups", "table"], inputs={"raw": raw})

    pd.testing.assert_series_equal(result["signups"], raw["signups"])
    assert result["table"] is raw


def test_missing_column_is_told_with_those_that_are_there(load) -> None:
    raw = pd.DataFrame({"spending": [1, 2], "signups": [3, 4]})

    with pytest.raises(KeyError, match="'table' has no column 'spend'; it has 'spending', 'signups'"):
        driver(load(TABLE.format(more=""))).execute(["spend"], inputs={"raw": raw})


def test_missing_column_is_filled_and_the_input_left_alone(load) -> None:
    raw = pd.DataFrame({"spend": [1, 2]})
    result = driver(load(TABLE.format(more=", fill_with=0"))).execute(
        ["signups", "table"], inputs={"raw": raw}
    )

    assert list(result["signups"]) == [0, 0]
    assert list(result["table"].columns) == ["spend", "signups"]
    assert list(raw.columns) == ["spend"]


def test_polars_tables_have_columns_too(load) -> None:
    module = load(TABLE.format(more=", fill_with='x'").replace("pandas as pd", "polars as pd"))
    result = driver(module).execute(["spend", "signups"], inputs={"raw": pl.DataFrame({"spend": [1, 2]})})

    assert result["spend"].to_list() == [1, 2]
    assert result["signups"].to_list() == ["x", "x"]


def test_lazy_polars_tables_have_expressions(load) -> None:
    source = TABLE.format(more="").replace("pandas as pd", "polars as pd").replace("DataFrame", "LazyFrame")
    frame = pl.LazyFrame({"spend": [1, 2], "signups": [3, 4]})
    result = driver(load(source)).execute(["spend"], inputs={"raw": frame})

    assert frame.select(result["spend"]).collect()["spend"].to_list() == [1, 2]


def test_columns_come_from_the_checked_table_only(load) -> None:
    module = load("""
        import pandas as pd
        from headwater import check_output, extract_columns

        @extract_columns("spend")
        @check_output(allow_none=False)
        def table() -> pd.DataFrame:
            return pd.DataFrame({"spend": [1, 2]})
    """)
    nodes = {node.name: node for node in expand(read_function(module.table))}

    assert list(nodes) == ["table_raw", "table_allow_none_validator", "table", "spend"]
    assert list(driver(module).execute(["spend"])["spend"]) == [1, 2]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((), "names no column. Name at least one."),
        ((["a", "b"],), "Put a star in front of the list to spread it."),
        ((5,), r"takes column names or \(name, documentation\) pairs, not 5"),
    ],
)
def test_columns_are_named_one_by_one(columns, said) -> None:
    with pytest.raises(InvalidModifier, match=said):
        extract_columns(*columns)


def test_result_that_is_no_table_is_told(load) -> None:
    module = load(
        'from headwater import extract_columns\n\n@extract_columns("a")\ndef table(x: int) -> int:\n    return x\n'
    )

    with pytest.raises(
        InvalidModifier, match=r"features\.py:4: 'table' returns int, from which @extract_columns"
    ):
        expand(read_function(module.table))
