"""Checks by the pydantic model that an annotation is."""

from dataclasses import replace

import pytest

from headwater import Driver
from headwater.build import expand
from headwater.errors import CheckFailed, InvalidModifier
from headwater.function import read_function
from headwater.modifiers import static
from headwater.types import Type

ORDER = """
    from headwater.modifiers import h_pydantic
    from pydantic import BaseModel

    class Order(BaseModel):
        number: int

    @h_pydantic.check_output(importance="fail")
    def order(number: object) -> Order:
        return {"number": number}

    @h_pydantic.check_output()
    def wrong(number: int) -> int:
        return number
"""


def test_object_is_checked_by_its_model_without_coercion(load) -> None:
    module = load(ORDER)
    del module.wrong
    driver = Driver({}, module)

    assert driver.run(["order"], inputs={"number": 1}).values == {"order": {"number": 1}}
    error = driver.run(["order"], inputs={"number": "1"}).error
    assert isinstance(error, CheckFailed)
    assert str(error) == (
        "'order' did not pass its checks. model: 1 misfits: 'number' int_type (1); "
        "wanted: as the model features.Order says."
    )


def test_nodes_from_source_equal_the_live_ones(load) -> None:
    function = read_function(load(ORDER).order)
    made = static("h_pydantic.check_output", (), {"importance": "fail"})
    read = replace(function, callable=None, returns=Type("features.Order"), modifiers=(made,))

    nodes = expand(read)
    assert [node.name for node in nodes] == ["order_raw", "order_pydantic_validator", "order"]
    assert nodes == expand(function)


def test_annotation_that_is_no_model_is_refused(load) -> None:
    function = read_function(load(ORDER).wrong)

    for read in (function, replace(function, callable=None, returns=Type("int"))):
        with pytest.raises(InvalidModifier, match="'wrong' is int, which is no pydantic model"):
            expand(read)
