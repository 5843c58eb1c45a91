"""Parameters that a loader fills, and functions that are loaders."""

import json
import pickle

import pytest

from headwater import Driver
from headwater.build import build, expand
from headwater.errors import InvalidModifier
from headwater.function import functions_of, read_function
from headwater.modifiers import load_from
from headwater.node import Role
from headwater.results import DictResult
from headwater.types import ANY, Type

HEAD = """
    import pandas as pd
    from headwater.modifiers import *

"""


def test_parameter_reads_what_a_loader_makes(load) -> None:
    module = load(
        HEAD
        + """
    @load_from.csv(path=source("raw_path"), sep=source("separator"), inject_="orders", header=None)
    def spend(orders: pd.DataFrame, rate: float = 2.0) -> pd.DataFrame:
        '''Spend.'''
        return orders
    """
    )
    spend, loaded, selected = expand(read_function(module.spend))

    assert [(a.parameter, a.node) for a in spend.arguments] == [
        ("orders", "spend.select_data.orders"),
        ("rate", "rate"),
    ]
    assert (spend.doc, spend.tags) == ("Spend.", {"module": "features"})
    assert (loaded.name, str(loaded.type)) == (
        "spend.load_data.orders",
        "tuple[dict[str, typing.Any], pandas.DataFrame]",
    )
    assert [(a.parameter, a.node, a.is_optional) for a in loaded.arguments] == [
        ("path", "raw_path", False),
        ("sep", "separator", True),
        ("header", None, False),
    ]
    assert (selected.name, selected.type.name, selected.dependencies) == (
        "spend.select_data.orders",
        "pandas.DataFrame",
        ("spend.load_data.orders",),
    )
    tags = {
        "hamilton.data_loader": True,
        "hamilton.data_loader.source": "csv",
        "hamilton.data_loader.classname": "PandasCSVReader",
        "hamilton.data_loader.node": "orders",
    }
    assert loaded.tags == {**tags, "hamilton.data_loader.has_metadata": True}
    assert selected.tags == {**tags, "hamilton.data_loader.has_metadata": False}
    assert [(n.role, n.feature) for n in (loaded, selected)] == [(Role.PART, "spend")] * 2


def test_loaded_data_and_what_is_known_of_it_are_values(load, tmp_path) -> None:
    (tmp_path / "orders.csv").write_text("a;b\n1;x\n2;y\n")
    module = load(
        HEAD
        + """
    @load_from.csv(path=source("raw_path"), sep=source("separator"))
    def total(orders: pd.DataFrame) -> int:
        return int(orders["a"].sum())
    """
    )
    driver = Driver({}, module, adapter=DictResult())
    inputs = {"raw_path": str(tmp_path / "orders.csv"), "separator": ";"}

    values = driver.execute(["total", "total.load_data.orders"], inputs=inputs)

    assert values["total"] == 3
    data, known = values["total.load_data.orders"]
    assert data["b"].tolist() == ["x", "y"]
    assert known["file_metadata"]["size"] == 12
    assert known["dataframe_metadata"]["column_names"] == ["a", "b"]


def test_argument_that_no_node_supplies_takes_the_default_of_the_loader(load, tmp_path) -> None:
    (tmp_path / "orders.csv").write_text("a,b\n1,x\n")
    module = load(
        HEAD
        + f"""
    @load_from.csv(path={str(tmp_path / "orders.csv")!r}, sep=source("separator"))
    def columns(orders: pd.DataFrame) -> list:
        return list(orders.columns)
    """
    )

    assert Driver({}, module, adapter=DictResult()).execute(["columns"]) == {"columns": ["a", "b"]}


def test_two_loaders_fill_two_parameters(load, tmp_path) -> None:
    for name, value in (("one", 1), ("two", 2)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"a": value}))
    module = load(
        HEAD
        + f"""
    @load_from.json(path={str(tmp_path / "one.json")!r}, inject_="first")
    @load_from.json(path={str(tmp_path / "two.json")!r}, inject_="second")
    def total(first: dict, second: dict[str, int]) -> int:
        return first["a"] * 10 + second["a"]
    """
    )

    assert Driver({}, module, adapter=DictResult()).execute(["total"]) == {"total": 12}


@pytest.mark.parametrize(
    ("decorator", "signature", "told"),
    [
        ("json()", "data: dict", "'total': @load_from.json needs path= (JSONDataLoader). Give a literal"),
        ("json(paths='x')", "data: dict", "takes no argument 'paths' (JSONDataLoader). Did you mean 'path'?"),
        (
            "parquet(path='x')",
            "data: int",
            "has nothing for int; it has pyarrow.Table, polars.DataFrame, polars.LazyFrame,",
        ),
        (
            "json(path='x')",
            "a: dict, b: dict",
            "'total' has 2 parameters. Say which one @load_from.json fills",
        ),
        (
            "json(path='x', inject_='dat')",
            "data: dict",
            "has no parameter 'dat' for @load_from.json to fill. Did",
        ),
        ("json(path='x', inject_=3)", "data: dict", "inject_=3 is no parameter name"),
    ],
)
def test_wrong_use_is_told(load, decorator, signature, told) -> None:
    with pytest.raises(InvalidModifier) as raised:
        module = load(
            f"{HEAD}    @load_from.{decorator}\n    def total({signature}) -> int:\n        return 1\n"
        )
        expand(read_function(module.total))

    assert told in str(raised.value)


def test_parameter_is_loaded_once(load) -> None:
    module = load(
        HEAD
        + """
    @load_from.json(path="a.json")
    @load_from.json(path="b.json")
    def total(data: dict) -> int:
        return 1
    """
    )

    with pytest.raises(InvalidModifier, match="another modifier already gives it"):
        expand(read_function(module.total))


def test_format_that_is_not_registered_is_no_attribute() -> None:
    with pytest.raises(
        AttributeError, match=r"There is no load_from\.cvs\. Did you mean 'csv'\? There are: avro"
    ):
        load_from.cvs  # noqa: B018
    assert not hasattr(load_from, "_private")
    assert "parquet" in dir(load_from)


def test_graph_with_loaders_can_be_pickled(load) -> None:
    module = load(
        HEAD
        + """
    @load_from.csv(path="orders.csv")
    def spend(orders: pd.DataFrame) -> pd.DataFrame:
        return orders
    """
    )
    nodes = expand(read_function(module.spend))

    load_data, select = pickle.loads(pickle.dumps([node.call for node in nodes[1:]]))

    assert load_data.adapter.__name__ == "PandasCSVReader"
    assert select((1, {})) == 1


LOADER = """
    from typing import Any
    import pandas as pd
    from headwater.modifiers import *

    @config.when(region="UK")
    @tag(owner="growth")
    @dataloader()
    def orders__uk(path: str = "here") -> tuple[{data}, {known}]:
        '''Orders.'''
        return [1, 2], {{"path": path}}
"""


def test_dataloader_splits_the_data_from_what_is_known(load) -> None:
    module = load(LOADER.format(data="list[int]", known="dict[str, Any]"))
    loaded, data = expand(read_function(module.orders__uk))

    assert (loaded.name, loaded.role, loaded.feature) == ("orders.loader", Role.PART, "orders")
    assert (data.name, str(data.type), data.dependencies) == ("orders", "list[int]", ("orders.loader",))
    shared = {
        "hamilton.data_loader": True,
        "hamilton.data_loader.node": "orders",
        "hamilton.data_loader.classname": "orders()",
    }
    assert loaded.tags == {
        **shared,
        "module": "features",
        "hamilton.config": "region",
        "hamilton.data_loader.has_metadata": True,
        "hamilton.data_loader.source": "loader",
    }
    assert data.tags == {
        **shared,
        "owner": "growth",
        "hamilton.data_loader.has_metadata": False,
        "hamilton.data_loader.source": "orders",
    }
    assert (loaded.doc, data.doc) == ("Orders.", "Orders.")
    values = Driver({"region": "UK"}, module, adapter=DictResult()).execute(["orders", "orders.loader"])
    assert values == {"orders": [1, 2], "orders.loader": ([1, 2], {"path": "here"})}


def test_dataloader_takes_columns_from_what_it_loads(load) -> None:
    module = load(
        HEAD
        + """
    @extract_columns("a")
    @dataloader()
    def orders() -> tuple[pd.DataFrame, dict]:
        return pd.DataFrame({"a": [1, 2]}), {}
    """
    )
    graph = build(functions_of(module), {})

    assert graph["a"].dependencies == ("orders",)
    assert Driver({}, module, adapter=DictResult()).execute(["a"])["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "returned",
    ["pd.DataFrame", "tuple[int]", "tuple[int, int]", "tuple[int, dict[int, str]]", "tuple[int, ...]"],
)
def test_dataloader_returns_a_pair(load, returned) -> None:
    module = load(f"{HEAD}    @dataloader()\n    def orders() -> {returned}:\n        return 1\n")

    with pytest.raises(InvalidModifier, match=r"Annotate the result: -> tuple\[pd.DataFrame, dict\]"):
        expand(read_function(module.orders))


def test_dataloader_has_parentheses(load) -> None:
    with pytest.raises(InvalidModifier, match=r"Write it with parentheses: @dataloader\(\)"):
        load(f"{HEAD}    @dataloader\n    def orders() -> tuple[int, dict]:\n        return 1, {{}}\n")


def test_any_type_is_loaded_with_pandas(load) -> None:
    module = load(
        "from typing import Any\nfrom headwater.modifiers import *\n\n"
        "@load_from.csv(path='x.csv')\ndef spend(orders: Any) -> int:\n    return 1\n"
    )
    loaded = expand(read_function(module.spend))[1]

    assert loaded.tags["hamilton.data_loader.classname"] == "PandasCSVReader"
    assert loaded.type == Type("tuple", (Type("dict", (Type("str"), ANY)), ANY))
