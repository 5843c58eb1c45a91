"""Several tables of one function, and their columns."""

import pandas as pd
import polars as pl
import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers import ParameterizedExtract, parameterize_extract_columns, parameterize_frame, source
from headwater.results import DictResult

TABLES = """
    import {library} as pd
    from headwater.modifiers import *

    @parameterize_extract_columns(
        ParameterizedExtract(("uk", ("uk_twice", "Twice.")), {{"raw": source("uk_raw"), "factor": value(2)}}),
        ParameterizedExtract(("fr",{fr}), {{"raw": source("fr_raw")}}),
        {more}
    )
    def table(raw: int, factor: int = 3) -> pd.DataFrame:
        '''From {{raw}}.'''
        return pd.DataFrame({{"a": [raw], "b": [raw * factor]}})
"""


def test_each_table_is_a_node_with_columns_of_its_own(load) -> None:
    nodes = expand(read_function(load(TABLES.format(library="pandas", fr='"fr_thrice"', more="")).table))

    assert [(n.name, n.dependencies, n.feature, n.doc) for n in nodes] == [
        ("table__0", ("uk_raw",), "table__0", "From uk_raw."),
        ("uk", ("table__0",), "uk", "From uk_raw."),
        ("uk_twice", ("table__0",), "uk_twice", "Twice."),
        ("table__1", ("fr_raw", "factor"), "table__1", "From fr_raw."),
        ("fr", ("table__1",), "fr", "From fr_raw."),
        ("fr_thrice", ("table__1",), "fr_thrice", "From fr_raw."),
    ]


@pytest.mark.parametrize(("library", "kind"), [("pandas", pd.Series), ("polars", pl.Series)])
def test_columns_get_their_names_by_position(load, library, kind) -> None:
    module = load(TABLES.format(library=library, fr='"fr_thrice"', more=""))
    wanted = ["uk", "uk_twice", "fr", "fr_thrice", "table__1"]
    result = Driver({}, module, adapter=DictResult()).execute(wanted, inputs={"uk_raw": 1, "fr_raw": 5})

    assert list(result.pop("table__1").columns) == ["fr", "fr_thrice"]
    assert {name: list(column) for name, column in result.items()} == {
        "uk": [1],
        "uk_twice": [2],
        "fr": [5],
        "fr_thrice": [15],
    }
    assert all(isinstance(column, kind) for column in result.values())


def test_names_that_are_too_few_are_told_when_run(load) -> None:
    module = load(TABLES.format(library="pandas", fr="", more=""))

    with pytest.raises(ValueError, match=r"'table__1' made 2 columns \('a', 'b'\) for 1 names: 'fr'"):
        Driver({}, module, adapter=DictResult()).execute(["fr"], inputs={"fr_raw": 5})


def test_columns_that_are_not_renamed_must_be_there(load) -> None:
    module = load(TABLES.format(library="pandas", fr='"b"', more="reassign_columns=False"))
    driver = Driver({}, module, adapter=DictResult())

    assert list(driver.execute(["b"], inputs={"fr_raw": 5})["b"]) == [15]
    with pytest.raises(KeyError, match=r"'table__1' has no column 'fr'; it has 'a', 'b'"):
        driver.execute(["fr"], inputs={"fr_raw": 5})


def test_unknown_parameter_is_told(load) -> None:
    more = 'ParameterizedExtract(("de",), {"row": value(1)}),'
    module = load(TABLES.format(library="pandas", fr="", more=more))

    with pytest.raises(InvalidModifier, match=r"'table' has no parameter 'row' to set in 'table__2'.*'raw'"):
        expand(read_function(module.table))


def test_only_extracts_are_taken() -> None:
    with pytest.raises(InvalidModifier, match=r"takes ParameterizedExtract\(outputs, input_mapping\)"):
        parameterize_extract_columns({"uk": source("raw")})
    with pytest.raises(InvalidModifier, match=r"outputs='uk' must be the names of columns: \('uk',\)"):
        parameterize_extract_columns(ParameterizedExtract("uk", {}))


def test_tables_are_told_by_a_table(load) -> None:
    module = load("""
        import pandas as pd
        from headwater.modifiers import parameterize_frame

        TABLES = pd.DataFrame(
            [["uk", "uk_twice", "uk_raw", 2], ["fr", "fr_thrice", "fr_raw", 3]],
            columns=[["one", "two", "raw", "factor"], ["out", "out", "source", "value"]],
        )

        @parameterize_frame(TABLES)
        def table(raw: int, factor: int) -> pd.DataFrame:
            return pd.DataFrame({"a": [raw], "b": [raw * factor]})
    """)

    assert [(n.name, n.dependencies) for n in expand(read_function(module.table))] == [
        ("table__0", ("uk_raw",)),
        ("uk", ("table__0",)),
        ("uk_twice", ("table__0",)),
        ("table__1", ("fr_raw",)),
        ("fr", ("table__1",)),
        ("fr_thrice", ("table__1",)),
    ]
    result = Driver({}, module, adapter=DictResult()).execute(["fr_thrice"], inputs={"fr_raw": 5})
    assert list(result["fr_thrice"]) == [15]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (3, "takes a pandas table whose columns have two levels"),
        (pd.DataFrame([["uk"]], columns=["one"]), "takes a pandas table whose columns have two levels"),
        (pd.DataFrame([["uk"]], columns=[["one"], ["source"]]), 'at least one "out"'),
        (pd.DataFrame([["uk", 1]], columns=[["one", "x"], ["out", "valu"]]), "'valu' is no kind .*'value'"),
    ],
)
def test_table_of_another_shape_is_refused(frame, said) -> None:
    with pytest.raises(InvalidModifier, match=said):
        parameterize_frame(frame)
