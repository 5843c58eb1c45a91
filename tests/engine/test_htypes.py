"""Annotations for fan-out and fan-in, and the questions about types that go by Hamilton's names."""

from typing import Annotated, Any

import pandas as pd
import pytest

from headwater.htypes import (
    Collect,
    Parallelizable,
    check_input_type,
    check_instance,
    column,
    custom_subclass_check,
    get_type_as_string,
    get_type_information,
    is_parallelizable_type,
    types_match,
)
from headwater.types import Type, accepts


@pytest.mark.parametrize(
    ("wanted", "produced"),
    [
        (int, Parallelizable[int]),
        (int | str, Parallelizable[int]),
        (Collect[int], int),
        (Collect[int | float], int),
        (Collect[list[int]], list[int]),
        (Collect[int], Parallelizable[int]),
        (Any, Parallelizable[int]),
        (Parallelizable[int], Parallelizable[int]),
    ],
)
def test_elements_fit_where_their_type_fits(wanted, produced):
    assert types_match(wanted, produced)


@pytest.mark.parametrize(
    ("wanted", "produced"),
    [
        (int, Parallelizable[str]),
        (int, Parallelizable),
        (list, Parallelizable[int]),
        (Collect[int], str),
        (Collect[str], Parallelizable[int]),
    ],
)
def test_elements_do_not_fit_where_their_type_does_not(wanted, produced):
    assert not types_match(wanted, produced)
    assert not custom_subclass_check(produced, wanted)


def test_any_type_is_no_subclass_of_another():
    assert custom_subclass_check(int, Any)
    assert custom_subclass_check(Any, Any)
    assert not custom_subclass_check(Any, int)
    assert types_match(int, Any)


@pytest.mark.parametrize("package", ["hamilton.htypes", "headwater.htypes", "headwater"])
def test_source_text_and_live_annotations_name_the_same_types(package):
    fan_out = Type.named(f"{package}.Parallelizable", Type.named("int"))
    gathered = Type.named(f"{package}.Collect", Type.named("int"))

    assert fan_out == Type.of(Parallelizable[int])
    assert gathered == Type.of(Collect[int])
    assert accepts(gathered, fan_out)


def test_a_fan_out_is_known_by_its_type():
    assert is_parallelizable_type(Parallelizable[int])
    assert not is_parallelizable_type(Collect[int])
    assert not is_parallelizable_type(int)


def test_a_column_says_of_which_type_its_cells_are():
    assert column[pd.Series, int] == Annotated[pd.Series, int]
    assert get_type_information(column[pd.Series, int]) == (pd.Series, [int])
    assert get_type_information(int) == (int, [])


def test_types_have_short_names():
    assert get_type_as_string(pd.Series) == "Series"
    assert get_type_as_string(column[pd.Series, int]) == "Series"
    assert get_type_as_string(list[int]) == "list"
    assert get_type_as_string(Parallelizable[int]) == "Parallelizable"


def test_values_are_asked_whether_they_are_of_a_type():
    assert check_instance([1, 2], list[int])
    assert not check_instance([1, "2"], list[int])
    assert not check_instance(None, int)
    assert check_instance(None, int | None)
    assert check_input_type(int, None)
    assert not check_input_type(int, "1")
