"""What somebody may see of how the values of two runs compare: personal columns and cells are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater_catalog.personal import HIDDEN, masked_columns
from headwater_catalog.value_comparison import outcome_of

if TYPE_CHECKING:
    from headwater_catalog.store.models import Run, ValueComparison

__all__ = ["ShownValues", "shown_values"]


@dataclass(frozen=True, slots=True)
class ShownValues:
    """How the values of two runs compare, as somebody may see it.

    Attributes:
        verdict: identical, equal within tolerance, differs or cannot; empty while it is not known yet.
        reason: Why they cannot be compared; empty where they can.
        tolerance: By how much numbers with fractions may differ, relative to the larger one.
        renamed: Outputs of the first that are called otherwise in the second, with that name.
        is_masked: Whether something of it is hidden.
        details: What `table_comparison.compare_tables` tells, with `distributions`, and `values`, what is no
            column. A column that is hidden has its name and `masked` alone, and no cells. Without tables
            there are only `values`; nothing where they cannot be compared.
    """

    verdict: str
    reason: str
    tolerance: float
    renamed: Mapping[str, str]
    is_masked: bool
    details: Mapping[str, Any]


def shown_values(comparison: ValueComparison, sees_personal: bool) -> ShownValues:
    """Return what somebody may see of how the values of two runs compare."""
    outcome = outcome_of(comparison)
    hidden = frozenset() if sees_personal else frozenset(_hidden(comparison))
    details = _masked(outcome.details, hidden) if hidden and outcome.details else outcome.details
    told = outcome.word, outcome.reason, comparison.tolerance, comparison.renamed
    return ShownValues(*told, is_masked=bool(hidden), details=details)


def _hidden(comparison: ValueComparison) -> Iterator[str]:
    """Yield the names of columns and values that are personal in either run, as the comparison has them."""
    for run, names in ((comparison.before, comparison.renamed), (comparison.run, {})):
        yield from (names.get(name, name) for name in _hidden_of(run))


def _hidden_of(run: Run) -> Iterator[str]:
    personal = frozenset(run.personal or ())
    yield from personal
    table = (run.preview or {}).get("table")
    if table and personal:
        masked = masked_columns(table, personal)
        yield from (column["name"] for column, hides in zip(table["columns"], masked, strict=True) if hides)


def _masked(details: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    keys: Sequence[str] = details.get("matched_by", ())
    found = dict(details)
    for part in ("columns", "distributions"):
        if part in found:
            found[part] = [
                {"name": each["name"], "masked": True} if each["name"] in hidden else each
                for each in found[part]
            ]
    if "examples" in found:
        found["examples"] = [
            {**row, "key": _key(row["key"], keys, hidden), "cells": cells}
            for row in found["examples"]
            if (cells := {name: pair for name, pair in row["cells"].items() if name not in hidden})
        ]
        found["only"] = [[_key(key, keys, hidden) for key in side] for side in found["only"]]
    found["values"] = [
        {**value, "then": HIDDEN, "now": HIDDEN, "difference": None, "relative": None}
        if value["name"] in hidden
        else value
        for value in found["values"]
    ]
    return found


def _key(key: Sequence[str | None], names: Sequence[str], hidden: frozenset[str]) -> list[str | None]:
    return [HIDDEN if name in hidden else part for name, part in zip(names, key, strict=True)]
