"""What changes of meaning reach, as pages tell it: the nearest features, and owners and modules with most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

from headwater_catalog.compared import Compared
from headwater_catalog.impact import Reached

__all__ = ["Reach", "reach_of"]

_REACHED: Final = 50
_TOUCHED: Final = 20

_Counts = list[tuple[str, tuple[int, int]]]
"""How many features changed and how many are reached, by name."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a page says of an impact.

    Attributes:
        changed: How many features changed in meaning.
        reached: How many are downstream of them.
        nearest: The first of these.
        modules: The modules with most features, by name.
        module_count: How many modules there are.
        owners: The same of owners; an empty name is nobody.
        owner_count: How many owners there are.
        outputs: Outputs that changed or are reached, by dataflow.
    """

    changed: int
    reached: int
    nearest: tuple[Reached, ...]
    modules: _Counts
    module_count: int
    owners: _Counts
    owner_count: int
    outputs: Mapping[str, tuple[str, ...]]


def reach_of(compared: Compared) -> Reach:
    """Return what a page says of what the changes of meaning reach."""
    impact = compared.impact
    return Reach(
        changed=len(impact.changed),
        reached=len(impact.reached),
        nearest=impact.reached[:_REACHED],
        modules=_most(impact.modules),
        module_count=len(impact.modules),
        owners=_most(impact.owners),
        owner_count=len(impact.owners),
        outputs=impact.outputs,
    )


def _most(counts: Mapping[str, tuple[int, int]]) -> _Counts:
    return sorted(nlargest(_TOUCHED, counts.items(), key=lambda item: (sum(item[1]), item[0])))
