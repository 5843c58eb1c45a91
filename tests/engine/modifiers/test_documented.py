"""Columns of a table as documentation."""

import pytest

from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers import schema

COLUMNS = '@schema.output(("spend", "float"), ("country", "str"){target})\n    '
SOURCE = """
    import pandas as pd
    from headwater.modifiers import extract_columns, schema, tag

    {decorators}def table() -> {returns}:
        return pd.DataFrame()
"""


def tags(load, decorators: str, returns: str = "pd.DataFrame") -> dict[str, str | None]:
    module = load(SOURCE.format(decorators=decorators, returns=returns))
    return {
        n.name: n.tags.get("hamilton.internal.schema_output") for n in expand(read_function(module.table))
    }


def test_columns_are_written_as_one_tag(load) -> None:
    assert tags(load, COLUMNS.format(target="")) == {"table": "spend=float,country=str"}


def test_tag_above_or_below_changes_nothing(load) -> None:
    documented = {"table": "spend=float,country=str"}

    assert tags(load, '@tag(owner="a")\n    ' + COLUMNS.format(target="")) == documented
    assert tags(load, COLUMNS.format(target="") + '@tag(owner="a")\n    ') == documented


def test_target_chooses_the_table(load) -> None:
    found = tags(load, COLUMNS.format(target=', target_="table"') + '@extract_columns("spend")\n    ')

    assert found == {"table": "spend=float,country=str", "spend": None}


def test_what_has_no_columns_is_told(load) -> None:
    with pytest.raises(InvalidModifier, match=r"'spend' is pandas.Series, which has no columns"):
        tags(load, COLUMNS.format(target="") + '@extract_columns("spend")\n    ')
    with pytest.raises(InvalidModifier, match=r"'table' is int, which has no columns .* Give target_="):
        tags(load, COLUMNS.format(target=""), returns="int")


def test_columns_are_documented_once(load) -> None:
    with pytest.raises(InvalidModifier, match=r"'table' has its columns documented twice"):
        tags(load, COLUMNS.format(target="") * 2)


def test_field_is_a_pair() -> None:
    with pytest.raises(InvalidModifier, match=r"takes pairs of a column name and its type, .*, not 'spend'"):
        schema.output("spend")
