"""How much functions take in of others, so that a few lines of source cannot make graphs without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from headwater.function import Function
from headwater.modifiers.subdags import parameterized_subdag, subdag
from headwater.modifiers.with_columns import WithColumns

__all__ = ["MOST_INSIDE", "Weights"]

MOST_INSIDE: Final = 20
"""How deep functions may be inside functions that take them in."""

_MOST_TAKEN: Final = 200_000
"""How many functions those of one module may take in, each counted with what it takes in itself."""


@dataclass(frozen=True, slots=True)
class _Weight:
    depth: int
    size: int


class Weights:
    """Counts what the functions of one module take in."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Weight] = {}
        self._left = _MOST_TAKEN

    def refused(self, functions: Iterable[Function]) -> str:
        """Count functions that are taken in, and say why they cannot be; an empty string where they can."""
        weights = [self._of(function) for function in functions]
        if any(weight.depth >= MOST_INSIDE for weight in weights):
            return f"it takes in others that are more than {MOST_INSIDE} deep"
        size = sum(weight.size for weight in weights)
        if size > self._left:
            return f"more than {_MOST_TAKEN:,} functions are taken in by those of the module"
        self._left -= size
        return ""

    def _of(self, function: Function) -> _Weight:
        key = function.location.module, function.name
        if key not in self._known:
            inner = [self._of(taken) for taken in _taken_in(function)]
            depth = 1 + max((weight.depth for weight in inner), default=-1)
            self._known[key] = _Weight(depth, 1 + sum(weight.size for weight in inner))
        return self._known[key]


def _taken_in(function: Function) -> Iterator[Function]:
    """Yield the functions whose nodes a function makes beside its own, as often as it does."""
    for modifier in function.modifiers:
        if isinstance(modifier, (subdag, WithColumns)):
            yield from modifier.loaded.functions()
        elif isinstance(modifier, parameterized_subdag):
            for each in modifier.subdags:
                yield from each.loaded.functions()
