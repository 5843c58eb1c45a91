"""Whether a value is of a type, down to the last element."""

import collections.abc
import typing
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest

from headwater.instances import is_instance, misfit
from headwater.types import Type

_First = typing.TypeVar("_First")
_Second = typing.TypeVar("_Second")


class _Pair(tuple[Any, ...], typing.Generic[_First, _Second]):
    """A collection whose type arguments are not those of its elements."""


@pytest.mark.parametrize(
    ("value", "annotation", "verdict"),
    [
        (1, int, True),
        (True, int, True),
        (1, float, False),
        (np.float64(1), float, True),
        (np.int64(1), int, False),
        (None, int, True),
        ("a", Any, True),
        ("a", object, True),
        ("a", int | None, False),
        (1, int | str, True),
        (1.0, int | str, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (1, Annotated[int, "metres"], True),
        ([1, 2], list[int], True),
        ([1, "b"], list[int], False),
        (["a", 2], list[int], False),
        ([], list[int], True),
        ([[1], ["b"]], list[list[int]], False),
        ((1, "a"), tuple[int, str], True),
        ((1,), tuple[int, str], False),
        ((1, 2, 3), tuple[int, ...], True),
        ((1, "b"), tuple[int, ...], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        ({1: 1}, dict[str, int], False),
        ({1, "b"}, set[int], False),
        ([1], typing.Sequence[int], True),
        (["a"], collections.abc.Iterable[int], False),
        (("a", "b"), typing.Sequence[str], True),
        (("a", 1), typing.Iterable[str], False),
        (_Pair((1, "a")), _Pair[int, str], True),
        (len, collections.abc.Callable[[str], int], True),
        (pd.Series([1]), pd.Series, True),
        (pd.Series([1]), pd.DataFrame, False),
        (1, "shop.Price", None),
        ([1], list[typing.NewType("Price", int)], True),  # type: ignore[misc]
        (["1"], list[typing.NewType("Price", int)], False),  # type: ignore[misc]
    ],
)
def test_value_is_judged_with_all_its_elements(value: Any, annotation: Any, verdict: bool | None) -> None:
    assert is_instance(value, Type.of(annotation)) is verdict


@pytest.mark.parametrize(
    ("value", "annotation", "text"),
    [
        ("a", int, "str"),
        (("a",), list[int], "tuple (1 items)"),
        (["a", 2], list[int], "list (2 items), where item 0 is str"),
        ([1, 2, "c"], list[int], "list (3 items), where item 2 is str"),
        ((1, 2), tuple[int, str], "tuple (2 items), where item 1 is int"),
        ({"a": "b"}, dict[str, int], "dict (1 items), where value 0 is str"),
        ({"a": 1, 2: 2}, dict[str, int], "dict (2 items), where key 1 is int"),
    ],
)
def test_misfit_points_at_the_first_wrong_element(value: Any, annotation: Any, text: str) -> None:
    assert misfit(value, Type.of(annotation)) == text
