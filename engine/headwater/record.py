"""The decorator of the small classes of which a graph has tens of thousands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

__all__ = ["record"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a dataclass that nobody changes once it is made.

    The type checker holds that, as for `dataclass(frozen=True)`; at run time nothing refuses an assignment,
    since that check makes creating an object three times as slow, and graphs are built of these.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
