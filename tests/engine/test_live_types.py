"""From the graph's types back to Python's."""

import collections.abc
import decimal
import typing

import pytest

from headwater.live_types import live_type, type_name
from headwater.types import Type

ANNOTATIONS = [
    int,
    type(None),
    typing.Any,
    list[int],
    dict[str, list[float]],
    tuple[int, ...],
    typing.Optional[int],  # noqa: UP045
    int | str | None,
    typing.Literal["a", 1],
    collections.abc.Callable[[int, str], float],
    collections.abc.Sequence[int],
    decimal.Decimal,
]


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_a_live_type_comes_back_as_it_was(annotation):
    assert live_type(Type.of(annotation)) == annotation


@pytest.mark.parametrize("annotation", ANNOTATIONS)
def test_a_type_that_was_only_read_is_found_where_its_module_is_loaded(annotation):
    def without_objects(type_: Type) -> Type:
        return Type(type_.name, tuple(map(without_objects, type_.args)))

    assert live_type(without_objects(Type.of(annotation))) == annotation


def test_a_type_of_a_module_that_is_not_loaded_stays_text():
    assert live_type(Type.named("nobody.has.This", Type.of(int))) == "nobody.has.This[int]"


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (int, "int"),
        (None, "NoneType"),
        (typing.Any, "Any"),
        (dict[str, int], "dict"),
        (typing.Dict[str, int], "Dict"),  # noqa: UP006
        (typing.Annotated[int, "x"], "int"),
        (typing.Optional[list[int]], "list | None"),  # noqa: UP045
        ("nobody.has.This", "nobody.has.This"),
    ],
)
def test_a_type_reads_by_its_bare_name(annotation, name):
    assert type_name(live_type(Type.of(annotation))) == name
