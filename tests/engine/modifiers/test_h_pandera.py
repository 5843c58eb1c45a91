"""Checks by the pandera schema that an annotation names."""

from dataclasses import replace

import pandas as pd
import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import CheckFailed, InvalidModifier
from headwater.function import read_function
from headwater.modifiers import static
from headwater.types import Type

ORDERS = """
    import pandas as pd
    import {pandera} as pa
    from headwater.modifiers import h_pandera
    from pandera.typing.pandas import DataFrame

    class Orders(pa.DataFrameModel):
        price: float = pa.Field(gt=0, coerce=True)

    @h_pandera.check_output(importance="fail")
    def orders(prices: pd.Series) -> DataFrame[Orders]:
        return pd.DataFrame({{"price": prices}})

    @h_pandera.check_output()
    def plain(prices: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({{"price": prices}})
"""


@pytest.mark.filterwarnings("ignore::FutureWarning")  # pandera's top module says that it will move
@pytest.mark.parametrize("pandera", ["pandera", "pandera.pandas"])
def test_table_is_checked_by_the_model_of_its_annotation(load, pandera) -> None:
    nodes = expand(read_function(load(ORDERS.format(pandera=pandera)).orders))

    assert [node.name for node in nodes] == ["orders_raw", "orders_pandera_schema_validator", "orders"]
    assert nodes[1].doc == "Wanted: as the schema features.Orders says."
    assert nodes[1].check.validate(pd.DataFrame({"price": [1.0]})).passes


def test_coerced_table_is_passed_on_and_the_failing_one_stopped(load) -> None:
    module = load(ORDERS.format(pandera="pandera.pandas"))
    del module.plain
    driver = Driver({}, module)

    values = driver.run(["orders", "orders_raw"], inputs={"prices": pd.Series([1, 2])}).values
    assert (values["orders"].dtypes["price"], values["orders_raw"].dtypes["price"]) == (float, int)
    error = driver.run(["orders"], inputs={"prices": pd.Series([-1, 2])}).error
    assert isinstance(error, CheckFailed)
    assert "1 misfits: 'price' greater_than(0) (1)" in str(error)


def test_nodes_from_source_equal_the_live_ones(load) -> None:
    function = read_function(load(ORDERS.format(pandera="pandera.pandas")).orders)
    returns = Type(function.returns.name, (Type("features.Orders"),))
    made = static("h_pandera.check_output", (), {"importance": "fail"})

    assert expand(replace(function, callable=None, returns=returns, modifiers=(made,))) == expand(function)


def test_annotation_without_a_schema_is_refused(load) -> None:
    function = read_function(load(ORDERS.format(pandera="pandera.pandas")).plain)

    with pytest.raises(InvalidModifier, match=r"'plain' is pandas\.DataFrame, which names no pandera schema"):
        expand(function)


def test_annotation_known_by_name_only_may_name_a_schema(load) -> None:
    function = read_function(load(ORDERS.format(pandera="pandera.pandas")).plain)
    read = replace(function, callable=None, returns=Type("shop.OrderTable"))

    nodes = expand(read)
    assert [node.name for node in nodes] == ["plain_raw", "plain"]
    assert "whether shop.OrderTable names a pandera schema" in nodes[-1].partial[0]
