"""Values over time: what holds now, and which intervals have begun or ended since the last write."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
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
    """The intervals of one kind of thing, moved from position to position."""

    def __init__(self, current: Iterable[Span[K, V]] = ()) -> None:
        self.current = {span.key: span for span in current}
        self.opened: list[Span[K, V]] = []
        self.ended: list[Span[K, V]] = []

    def change(self, position: int, keys: Iterable[K], values: Mapping[K, V]) -> None:
        """Let some keys have other values from a position on; a key without one has ended.

        An interval goes on where the value stays equal.
        """
        for key in [key for key in keys if key not in values]:
            if key in self.current:
                self._end(position, key)
        for key, value in values.items():
            known = self.current.get(key)
            if known is None or known.value != value:
                if known is not None:
                    self._end(position, key)
                self.current[key] = span = Span(key, value, position)
                self.opened.append(span)

    def know(self, spans: Iterable[Span[K, V]]) -> None:
        """Add intervals that have held all the time."""
        self.current.update((span.key, span) for span in spans)

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
