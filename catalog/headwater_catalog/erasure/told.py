"""Runs that compute anew from columns of erasures: they are told so when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from headwater_catalog.days import today
from headwater_catalog.erased import standing_erasures
from headwater_catalog.erasure.items import UNKNOWN
from headwater_catalog.erasure.looks import reach_for
from headwater_catalog.erasure.reach import Seeds
from headwater_catalog.moments import Moment
from headwater_catalog.views import DataflowView

__all__ = ["touched_erasures"]


def touched_erasures(
    moment: Moment,
    view: DataflowView,
    config: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, Any]],
    outputs: Iterable[str],
) -> list[int]:
    """Return the numbers of erasures whose columns a run is to compute from, of those that have begun.

    Args:
        moment: The repository at the commit of the run.
        view: The dataflow.
        config: The configuration.
        inputs: What the run is given.
        outputs: The nodes asked for.
    """
    given = [name for name, each in inputs.items() if "value" in each]
    wanted = list(outputs)

    @cache
    def is_touched(names: frozenset[str], keys: frozenset[str], drawn: frozenset[str]) -> bool:
        reach = reach_for(moment, view, config, given, Seeds(names, keys, {}, drawn), {}, today())
        standing = reach.of(reach.needed(wanted))
        return standing is not None and standing.word != UNKNOWN

    found = []
    for erasure in standing_erasures(moment.session, moment.repository.name):
        told = erasure.counts_as[moment.repository.name]
        # Most are about the same few columns, each for another person.
        if is_touched(*(frozenset(told[part]) for part in ("names", "keys", "inputs"))):
            found.append(erasure.id)
    return found
