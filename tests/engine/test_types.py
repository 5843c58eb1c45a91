"""Types: one name for one thing, and which type fits which."""

import collections.abc
import typing
from typing import Annotated, Any, Literal, Optional, Union

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.types import ANY, Type, accepts, union

Number = typing.TypeVar("Number")
UserId = typing.NewType("UserId", int)
GuestId = typing.NewType("GuestId", UserId)
Whole = typing.TypeVar("Whole", bound=int)
Anything = typing.TypeVar("Anything")


class Animal:
    """A class with a subclass."""


class Dog(Animal):
    """A subclass."""


class Sized(typing.Protocol):
    """A protocol with a data member, which cannot be asked about classes."""

    size: int


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        (type(None), "None"),
        (Any, "typing.Any"),
        (pd.Series, "pandas.Series"),
        (pd.DataFrame, "pandas.DataFrame"),
        (pl.DataFrame, "polars.DataFrame"),
        (pl.Series, "polars.Series"),
        (np.ndarray, "numpy.ndarray"),
        (typing.List[int], "list[int]"),  # noqa: UP006
        (list[int], "list[int]"),
        (typing.List, "list"),  # noqa: UP006
        (dict[str, list[float]], "dict[str, list[float]]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[str, int], "int | str"),  # noqa: UP007
        (None | int, "int | None"),
        (Union[int, Union[str, float]], "float | int | str"),  # noqa: UP007
        (Literal["a", 2], "typing.Literal['a', 2]"),
        (Annotated[pd.Series, "metres"], "typing.Annotated[pandas.Series]"),
        (Annotated[int, {"not": "hashable"}], "typing.Annotated[int]"),
        (typing.Sequence[int], "collections.abc.Sequence[int]"),
        (collections.abc.Callable[[int], str], "collections.abc.Callable[[int], str]"),
        (Number, "~Number"),
        ("sales.Unknown", "sales.Unknown"),
    ],
)
def test_annotation_has_one_name_however_it_is_written(annotation: Any, text: str) -> None:
    assert str(Type.of(annotation)) == text


@given(st.permutations([int, str, float, None]))
def test_union_is_the_same_in_any_order(members: list[Any]) -> None:
    assert union(*map(Type.of, members)) == union(*map(Type.of, reversed(members)))
    assert str(union(*map(Type.of, members))) == "float | int | str | None"


def test_names_from_source_equal_live_types() -> None:
    assert Type.named("typing.Optional", Type("int")) == Type.of(int | None)
    assert Type.named("typing.Union", Type("str"), Type("int")) == Type.of(int | str)
    assert Type.named("typing.Annotated", Type("int"), Type("'m'")) == Type.of(Annotated[int, "m"])
    assert Type.named("typing.List", Type("int")) == Type.of(list[int])
    assert Type.named("pandas.core.series.Series") == Type.of(pd.Series)


@pytest.mark.parametrize(
    ("wanted", "produced", "verdict"),
    [
        (int, int, True),
        (int, bool, True),
        (float, int, False),
        (int, float, False),
        (Any, str, True),
        (str, Any, True),
        (Animal, Dog, True),
        (Dog, Animal, False),
        (int | None, int, True),
        (int, int | None, False),
        (int | str, str | int, True),
        (int | str | float, int | str, False),
        (list, list[int], True),
        (list[int], list, True),
        (list[str], list[int], False),
        (dict[str, int], dict[str, int], True),
        (typing.Sequence[int], list[int], True),
        (typing.Sequence, str, True),
        (Annotated[int, "x"], int, True),
        (int, Annotated[int, "x"], True),
        (pd.Series, pd.DataFrame, False),
        (str, None, False),
        (Sized, int, None),
        (UserId, int, False),
        (int, UserId, True),
        (int | None, UserId, True),
        (UserId | None, int, False),
        (UserId, GuestId, True),
        (GuestId, UserId, False),
        (Whole, int, True),
        (Whole, str, False),
        (int, Whole, True),
        (str, Whole, False),
        (Anything, str, True),
        (str, Anything, None),
        (int, "shop.Price", None),
    ],
)
def test_a_parameter_takes_what_hamilton_would_let_it_take(
    wanted: Any, produced: Any, verdict: bool | None
) -> None:
    assert accepts(Type.of(wanted), Type.of(produced)) is verdict


def test_classes_known_by_name_only_are_never_called_wrong() -> None:
    assert accepts(Type("pandas.Series"), Type("shop.frames.Column")) is None
    assert accepts(Type("pandas.Series"), Type("pandas.Series")) is True
    assert accepts(Type("list", (Type("int"),)), Type("list", (Type("str"),))) is False
    assert accepts(Type("float"), Type("int")) is False
    assert accepts(ANY, Type("shop.frames.Column")) is True
