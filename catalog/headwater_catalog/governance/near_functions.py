"""Pairs of functions with like names and much the same code, on much the same data: all of them, exactly."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Final, NamedTuple, TypeVar

from headwater_catalog.governance.bodies import Body
from headwater_catalog.tokens import name_parts

__all__ = ["LEAST", "Likeness", "Near", "near_pairs"]


class Likeness(NamedTuple):
    """How like two functions are: of each the share of what both have in what at least one has.

    Attributes:
        code: Of the pieces of their code.
        data: Of what they need directly.
        names: Of the parts of their names.
    """

    code: float
    data: float
    names: float


LEAST: Final = Likeness(code=0.7, data=0.5, names=0.5)
"""How like two functions are at least that are near to each other."""

_MOST_BESIDE: Final = 60
"""Functions with like names on the same data that are compared each with each."""

_Part = TypeVar("_Part", bound=Hashable)
_Compared = tuple[str, Set[str], Body]


@dataclass(frozen=True, slots=True)
class Near:
    """The pairs that are near, by their places in the list, with how like they are.

    Attributes:
        pairs: Those with the same shape left out, which are copies.
        crowded: How many functions had too many beside them, so that these were not compared.
    """

    pairs: Mapping[tuple[int, int], Likeness]
    crowded: int


def near_pairs(functions: Sequence[_Compared]) -> Near:
    """Return the pairs of functions that are near to each other.

    Two sets that are like each other share one of the rarest members of each, since they cannot share enough
    of the others alone. So only those are compared that share a rare need and a rare part of their names.

    Args:
        functions: Of each its name, the keys of what it needs, and its code.
    """
    names = [frozenset(name_parts(name)) for name, _, _ in functions]
    needs = [frozenset(needed) for _, needed, _ in functions]
    pairs: dict[tuple[int, int], Likeness] = {}
    crowded: set[int] = set()
    looked_at: set[tuple[int, int]] = set()
    for some in _together(names, needs):
        parts = [some]
        if len(some) > _MOST_BESIDE:
            bodies = [functions[number][2].pieces for number in some]
            parts = [[some[at] for at in each] for each in _sharing(bodies, LEAST.code)]
        for part in parts:
            if len(part) > _MOST_BESIDE:
                crowded.update(part)
                continue
            for pair in combinations(part, 2):
                if pair not in looked_at:
                    looked_at.add(pair)
                    if (likeness := _likeness(pair, functions, names, needs)) is not None:
                        pairs[pair] = likeness
    return Near(pairs, len(crowded))


def _together(names: Sequence[frozenset[str]], needs: Sequence[frozenset[str]]) -> Iterator[list[int]]:
    rare_names, rare_needs = _rarest(names, LEAST.names), _rarest(needs, LEAST.data)
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, (parts, keys) in enumerate(zip(rare_names, rare_needs, strict=True)):
        for key in keys:
            for part in parts:
                found[key, part].append(number)
    return (some for some in found.values() if len(some) > 1)


def _sharing(sets: Sequence[Collection[_Part]], least: float) -> Iterator[list[int]]:
    found: dict[_Part, list[int]] = defaultdict(list)
    for number, rare in enumerate(_rarest(sets, least)):
        for member in rare:
            found[member].append(number)
    return (some for some in found.values() if len(some) > 1)


def _rarest(sets: Sequence[Collection[_Part]], least: float) -> Iterator[list[_Part]]:
    """Yield of each set so many of its rarest members that a set like it has one of them, too."""
    counts = Counter(member for each in sets for member in each)
    share = Fraction(least).limit_denominator(100)
    for each in sets:
        ordered = sorted(each, key=lambda member: (counts[member], member))
        needed = -(-len(ordered) * share.numerator // share.denominator)  # that they share at least
        yield ordered[: len(ordered) - needed + 1] if ordered else []


def _likeness(
    pair: tuple[int, int],
    functions: Sequence[_Compared],
    names: Sequence[frozenset[str]],
    needs: Sequence[frozenset[str]],
) -> Likeness | None:
    """Return how like two functions are; None where they are not near, or copies of each other."""
    one, other = pair
    first, second = functions[one][2], functions[other][2]
    if first.shape == second.shape:
        return None
    shortest, longest = sorted((len(first.pieces), len(second.pieces)))
    if shortest < LEAST.code * longest:
        return None
    named = _shared(names[one], names[other])
    needed = _shared(needs[one], needs[other])
    if named < LEAST.names or needed < LEAST.data:
        return None
    code = _shared(frozenset(first.pieces), frozenset(second.pieces))
    return Likeness(code, needed, named) if code >= LEAST.code else None


def _shared(one: frozenset[_Part], other: frozenset[_Part]) -> float:
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0
