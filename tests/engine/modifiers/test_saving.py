"""Nodes that save what a function returns, and functions that are savers."""

import json

import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import InvalidModifier
from headwater.function import read_function
from headwater.modifiers import save_to
from headwater.node import Role
from headwater.results import DictResult

HEAD = """
    import pandas as pd
    from headwater.modifiers import *

"""


def test_saver_is_a_node_beside_the_one_it_saves(load) -> None:
    module = load(
        HEAD
        + """
    @save_to.json(path=source("where"))
    def settings(n: int) -> dict:
        '''Settings.'''
        return {"n": n}
    """
    )
    settings, saver = expand(read_function(module.settings))

    assert settings.tags == {"module": "features"}
    assert (saver.name, str(saver.type)) == ("save.settings", "dict[str, typing.Any]")
    assert [(a.parameter, a.node) for a in saver.arguments] == [("path", "where"), ("settings", "settings")]
    assert saver.tags == {
        "hamilton.data_saver": True,
        "hamilton.data_saver.sink": "json",
        "hamilton.data_saver.classname": "JSONDataSaver",
    }
    assert (saver.role, saver.feature) == (Role.PART, "settings")


def test_nothing_is_saved_unless_asked_for(load, tmp_path) -> None:
    module = load(
        HEAD
        + """
    @save_to.json(path=source("where"), output_name_="saved")
    def settings() -> dict:
        return {"n": 1}
    """
    )
    driver = Driver({}, module, adapter=DictResult())
    file = tmp_path / "out.json"

    assert driver.execute(["settings"]) == {"settings": {"n": 1}}
    assert not file.exists()
    known = driver.execute(["saved"], inputs={"where": str(file)})["saved"]
    assert json.loads(file.read_text()) == {"n": 1}
    assert known["file_metadata"]["path"] == str(file)


def test_target_says_which_node_is_saved(load, tmp_path) -> None:
    module = load(
        HEAD
        + f"""
    @save_to.pickle(path={str(tmp_path / "a.pickle")!r}, target_="a")
    @save_to.csv(path={str(tmp_path / "t.csv")!r}, output_name_="as_csv", target_="table")
    @extract_columns("a", "b")
    def table() -> pd.DataFrame:
        return pd.DataFrame({{"a": [1], "b": [2]}})
    """
    )

    values = Driver({}, module, adapter=DictResult()).execute(["save.a", "as_csv"])

    assert (tmp_path / "t.csv").read_text() == "a,b\n1,2\n"
    assert values["as_csv"]["dataframe_metadata"]["rows"] == 1
    assert (tmp_path / "a.pickle").exists()


@pytest.mark.parametrize(
    ("decorator", "returned", "told"),
    [
        (
            "parquet(path='x')",
            "int",
            "save_to.parquet has nothing for int; it has pyarrow.Table, polars.DataFrame,",
        ),
        ("csv(path='x')", "pd.Series", "save_to.csv has nothing for pandas.Series"),
        ("json(where='x')", "dict", "takes no argument 'where' (JSONDataSaver)"),
        ("json(path='x', target_='nope')", "dict", "makes no node 'nope' for target_ to mean"),
        ("json(path='x', output_name_=3)", "dict", "output_name_=3 is no name of a node"),
    ],
)
def test_wrong_use_is_told(load, decorator, returned, told) -> None:
    with pytest.raises(InvalidModifier) as raised:
        module = load(f"{HEAD}    @save_to.{decorator}\n    def made() -> {returned}:\n        return 1\n")
        expand(read_function(module.made))

    assert told in str(raised.value)


def test_one_of_several_nodes_has_to_be_named(load) -> None:
    module = load(
        HEAD
        + """
    @save_to.pickle(path="x")
    @extract_columns("a", "b")
    def table() -> pd.DataFrame:
        return pd.DataFrame()
    """
    )

    with pytest.raises(
        InvalidModifier, match=r"makes 'a', 'b', but @save_to.pickle saves one of them.*target_="
    ):
        expand(read_function(module.table))


def test_format_that_is_not_registered_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"There is no save_to\.jsn\. Did you mean 'json'"):
        save_to.jsn  # noqa: B018


def test_datasaver_is_tagged(load) -> None:
    module = load(
        HEAD
        + """
    @datasaver()
    def saved(n: int, path: str) -> dict:
        return {"path": path, "n": n}
    """
    )
    [node] = expand(read_function(module.saved))

    assert node.tags == {
        "module": "features",
        "hamilton.data_saver": True,
        "hamilton.data_saver.sink": "saved",
        "hamilton.data_saver.classname": "saved()",
    }
    made = Driver({}, module, adapter=DictResult()).execute(["saved"], inputs={"n": 1, "path": "here"})
    assert made == {"saved": {"path": "here", "n": 1}}


def test_datasaver_returns_a_dictionary(load) -> None:
    module = load(f"{HEAD}    @datasaver()\n    def saved(n: int) -> int:\n        return n\n")

    with pytest.raises(InvalidModifier, match="Annotate the result: -> dict"):
        expand(read_function(module.saved))
    with pytest.raises(InvalidModifier, match="Write it with parentheses"):
        load(f"{HEAD}    @datasaver\n    def saved(n: int) -> dict:\n        return {{}}\n", "other")
