"""Which functions a node says that it comes from."""

from hamilton import base, driver
from hamilton.function_modifiers import (
    extract_fields,
    parameterized_subdag,
    pipe_output,
    source,
    step,
    subdag,
    value,
)
from scenario import Scenario


def _plus(amount: int, more: int) -> int:
    return amount + more


def price(base_price: int) -> int:
    return base_price


@subdag(price, inputs={"base_price": value(2)})
def region(price: int) -> int:
    return price


@subdag(region)
def country(region: int) -> int:
    return region


@extract_fields({"net": int})
@subdag(price, inputs={"base_price": source("list_price")}, namespace="elsewhere")
def amounts(price: int) -> dict:
    return {"net": price}


@parameterized_subdag(price, summer={"inputs": {"base_price": value(1)}}, winter={})
def season(price: int) -> int:
    return price


@pipe_output(step(_plus, more=source("bonus")).named("added"))
def paid(net: int) -> int:
    return net


def _ask_originating_functions(module):
    found = driver.Driver({}, module, adapter=base.DefaultAdapter()).list_available_variables()
    return {node.name: [f.__name__ for f in node.originating_functions or ()] for node in found}


SCENARIOS = {"all": Scenario(inputs={"base_price": 3, "list_price": 5, "bonus": 1})}
