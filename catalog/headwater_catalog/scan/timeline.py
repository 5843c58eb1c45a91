"""Values over time: what holds now, and which intervals have begun or ended since the last write."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Span", "Timeline"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class Span(Generic[K, V]):
    """A value of a key over a stretch of positions.

    Attributes:
        key: What has the value.
        value: The value.
        valid_from: First position where it holds.
        valid_until: First position where it no longer holds; None while it does.
        id: Its row in the store; None before it is written.
    """

    key: K
    value: V
    valid_from: int
    valid_until: int | None = None
    id: int | None = None


class Timeline(Generic[K, V]):
    """The intervals of one kind of thing, moved from position to position.

    Args:
        current: What holds now.
        complete: Called with intervals whose values are about to be compared, where these are not all
            there yet: most commits touch few of many.
    """

    def __init__(
        self,
        current: Iterable[Span[K, V]] = (),
        complete: Callable[[Sequence[Span[K, V]]], None] | None = None,
    ) -> None:
        self.current = {span.key: span for span in current}
        self._complete = complete
        self.opened: list[Span[K, V]] = []
        self.ended: list[Span[K, V]] = []

    def change(self, position: int, keys: Iterable[K], values: Mapping[K, V]) -> None:
        """Let some keys have other values from a position on; a key without one has ended.

        An interval goes on where the value stays equal.
        """
        for key in [key for key in keys if key not in values]:
            if key in self.current:
                self._end(position, key)
        self.complete(values)
        for key, value in values.items():
            known = self.current.get(key)
            if known is None or known.value != value:
                if known is not None:
                    self._end(position, key)
                self.current[key] = span = Span(key, value, position)
                self.opened.append(span)

    def complete(self, keys: Iterable[K]) -> None:
        """Make sure that the values of some keys are there as a whole."""
        if self._complete is not None:
            self._complete([self.current[key] for key in keys if key in self.current])

    def replace(self, position: int, values: Mapping[K, V]) -> None:
        """Let exactly these keys have values from a position on."""
        self.change(position, list(self.current), values)

    def written(self) -> None:
        """Note that everything up to here is in the store."""
        self.opened = []
        self.ended = []

    def _end(self, position: int, key: K) -> None:
        span = self.current.pop(key)
        span.valid_until = position
        if span.id is not None:  # one that is not written yet is written with its end
            self.ended.append(span)
