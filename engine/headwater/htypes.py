"""Annotations with a meaning of their own: fan-out and fan-in, and the type of a column's cells."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Annotated, Any, Protocol, TypeVar

from headwater.instances import is_instance
from headwater.types import PARALLELIZABLE, Type, accepts

__all__ = [
    "Collect",
    "Parallelizable",
    "check_input_type",
    "check_instance",
    "column",
    "custom_subclass_check",
    "get_type_as_string",
    "get_type_information",
    "is_parallelizable_type",
    "types_match",
]

column = Annotated
"""Says of which type the cells of a column are: `column[pd.Series, int]`."""

Element = TypeVar("Element", covariant=True)


class Parallelizable(Iterable[Element], Protocol[Element]):
    """The result of a function whose elements each go to calls of their own: a fan-out.

    What reads the function by its name is called once for every element, with the element, and so is
    what reads that, up to a parameter of type `Collect`.
    """


class Collect(Iterable[Element], Protocol[Element]):
    """A parameter that gathers what the calls of a fan-out made, in the order of the elements: a fan-in."""


def types_match(param_type: Any, required_node_type: Any) -> bool:
    """Tell whether a parameter takes the values of a node.

    Args:
        param_type: What the parameter asks for.
        required_node_type: What the node makes.
    """
    return accepts(Type.of(param_type), Type.of(required_node_type)) is not False


def custom_subclass_check(requested_type: Any, param_type: Any) -> bool:
    """Tell whether values of one type can be used where another is asked for; unknown classes can.

    Values of any type can only be used where those are asked for.
    """
    return (requested_type is not Any or param_type is Any) and types_match(param_type, requested_type)


def check_input_type(node_type: Any, input_value: Any) -> bool:
    """Tell whether a value can be the input that a node of this type stands for; None always can."""
    return is_instance(input_value, Type.of(node_type)) is not False


def check_instance(obj: Any, type_: Any) -> bool:
    """Tell whether a value is of a type, its elements included."""
    fits = is_instance(obj, Type.of(type_)) is not False
    return fits and (obj is not None or accepts(Type.of(type_), Type.of(None)) is not False)


def is_parallelizable_type(type_: Any) -> bool:
    """Tell whether a type is `Parallelizable[...]`."""
    found = Type.of(type_)
    return found.name == PARALLELIZABLE and bool(found.args)


def get_type_information(some_type: Any) -> tuple[Any, list[Any]]:
    """Return a type without its annotations, and the annotations."""
    if typing.get_origin(some_type) is Annotated:
        plain, *annotations = typing.get_args(some_type)
        return plain, annotations
    return some_type, []


def get_type_as_string(type_: Any) -> str:
    """Return the short name of a type, without its package and its arguments."""
    plain, _ = get_type_information(type_)
    origin = typing.get_origin(plain)
    name = getattr(plain, "__name__", None) or getattr(origin, "__name__", None)
    return str(name or plain)
