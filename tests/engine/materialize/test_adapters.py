"""Loaders and savers, ours and those of users."""

import io
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest

from headwater.errors import InvalidModifier
from headwater.materialize.adapters import DataLoader, DataSaver, arguments_of
from headwater.materialize.pandas_formats import PandasCSVReader, PandasCSVWriter
from headwater.materialize.plain import PickleLoader, PickleSaver, RawFileDataSaverBytes
from headwater.materialize.polars_formats import PolarsCSVReader
from headwater.types import ANY, Type


@dataclass
class Counting(DataLoader):
    upto: int
    start: int = 0
    tags: list[str] = field(default_factory=list)

    def load_data(self, type_: type) -> tuple[list[int], dict[str, Any]]:
        return list(range(self.start, self.upto)), {"type": type_}

    @classmethod
    def applicable_types(cls) -> Collection[Any]:
        return [list]

    @classmethod
    def name(cls) -> str:
        return "counting"


class Frame(pd.DataFrame):
    pass


def test_arguments_are_the_fields_of_the_dataclass() -> None:
    known = arguments_of(Counting)

    assert [(name, found.type.name, found.is_required) for name, found in known.items()] == [
        ("upto", "int", True),
        ("start", "int", False),
        ("tags", "list", False),
    ]
    assert Counting.get_required_arguments() == {"upto": int}
    assert Counting.get_optional_arguments() == {"start": int, "tags": list[str]}
    assert known["tags"].default == []


def test_class_that_is_no_dataclass_is_told() -> None:
    class Plain(Counting):
        pass

    class Bare(DataSaver):
        pass

    assert arguments_of(Plain)
    with pytest.raises(InvalidModifier, match="Bare is no dataclass"):
        arguments_of(Bare)


def test_loader_applies_where_what_it_makes_is_accepted() -> None:
    assert Counting.can_load()
    assert not Counting.can_save()
    for wanted in (list, list[int], list | None, object, Any, Collection):
        assert Counting.applies_to(wanted), wanted
    for wanted in (dict, int, Frame):
        assert not Counting.applies_to(wanted), wanted
    assert Counting.fits(Type.of(list)) is True
    assert Counting.fits(Type("shop.Orders")) is None


@pytest.mark.parametrize(
    ("adapter", "type_", "fits"),
    [
        (PandasCSVReader, Type.of(pd.DataFrame), True),
        (PandasCSVReader, Type("pandas.DataFrame"), True),
        (PandasCSVReader, Type.of(pd.DataFrame | None), True),
        (PandasCSVReader, ANY, True),
        (PandasCSVReader, Type.of(Frame), False),
        (PandasCSVReader, Type("dict"), False),
        (PandasCSVReader, Type("shop.Frame"), None),
        (PolarsCSVReader, Type("pandas.DataFrame"), False),
        (PandasCSVWriter, Type.of(Frame), True),
        (PandasCSVWriter, Type.of(pd.DataFrame | None), False),
        (PandasCSVWriter, Type("polars.LazyFrame"), False),
        (PandasCSVWriter, Type("shop.Frame"), None),
        (PandasCSVWriter, ANY, False),
        (PickleSaver, Type("shop.Frame"), True),
        (PickleSaver, Type.of(int | str), True),
        (PickleLoader, Type("int"), False),
        (RawFileDataSaverBytes, Type.of(io.BytesIO), True),
    ],
)
def test_built_in_adapter_knows_types_by_name(adapter, type_, fits) -> None:
    assert adapter.fits(type_) is fits


def test_types_of_built_in_adapters_are_live_for_those_who_ask() -> None:
    assert PandasCSVReader.applicable_types() == [pd.DataFrame]
    assert PickleLoader.applicable_types() == [object, Any]
    assert PandasCSVReader.name() == "csv"
