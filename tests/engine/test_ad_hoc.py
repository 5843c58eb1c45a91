"""Modules made from functions on the spot."""

import functools
import inspect
import math
import pickle
import sys

import pytest

from headwater import Driver, tag
from headwater.ad_hoc import create_temporary_module, module_from_source
from headwater.errors import DefinitionError
from headwater.function import read_function
from headwater.results import DictResult


@tag(owner="growth")
def spend(orders: int, *, rate: int = 2) -> int:
    """Money spent."""
    return orders * rate


def _helper(orders: int) -> int:
    return orders


def test_functions_become_a_module_that_a_driver_takes() -> None:
    module = create_temporary_module(spend)
    driver = Driver({}, module, adapter=DictResult())

    assert driver.execute(["spend"], inputs={"orders": 3}) == {"spend": 6}
    assert driver.graph["spend"].tags == {"module": module.__name__, "owner": "growth"}
    assert spend.__module__ == __name__


def test_module_has_the_name_that_is_given(monkeypatch) -> None:
    module = create_temporary_module(spend, module_name="cells")
    monkeypatch.setitem(sys.modules, "cells", module)

    assert module.__name__ == "cells"
    with pytest.raises(DefinitionError, match="A module 'cells' is already loaded"):
        create_temporary_module(spend, module_name="cells")


def test_functions_that_cannot_stand_together_are_refused() -> None:
    with pytest.raises(DefinitionError, match="Two functions are named 'spend'"):
        create_temporary_module(spend, spend)
    with pytest.raises(DefinitionError, match="'_helper' begins with an underscore"):
        create_temporary_module(_helper)


def test_module_of_text_is_ready_for_a_driver_and_its_lines_are_found() -> None:
    module = module_from_source(
        "import math\n\ndef area(radius: float) -> float:\n    return math.pi * radius**2\n"
    )

    assert Driver({}, module, adapter=DictResult()).execute(["area"], inputs={"radius": 1.0}) == {
        "area": math.pi
    }
    assert inspect.getsource(module.area).startswith("def area")
    assert read_function(module.area).location.line == 3


def test_module_of_wrong_text_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        module_from_source("1 / 0", module_name="broken_text")

    assert "broken_text" not in sys.modules


@pytest.mark.parametrize("what", [functools.partial(spend, 1), len, "spend"])
def test_only_functions_become_a_module(what) -> None:
    with pytest.raises(DefinitionError, match="is no function"):
        create_temporary_module(what)


def test_function_of_a_function_can_be_pickled_in_its_module() -> None:
    def local(orders: int) -> int:
        return orders + 1

    module = create_temporary_module(local)

    assert pickle.loads(pickle.dumps(module.local)) is module.local
