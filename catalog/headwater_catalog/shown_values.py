"""What somebody may see of how values compare, of two runs or made again: personal ones are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headwater_catalog.personal import HIDDEN, Hidden, hidden_in, masked_columns
from headwater_catalog.reproduce import Verdict, verdict_of
from headwater_catalog.value_comparison import outcome_of

if TYPE_CHECKING:
    from headwater_catalog.store.models import Reproduction, Run, ValueComparison

__all__ = ["ShownValues", "shown_values", "shown_verdict"]


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
    hidden = _hidden(comparison, sees_personal)
    details = _masked(outcome.details, hidden) if hidden and outcome.details else outcome.details
    told = outcome.word, outcome.reason, comparison.tolerance, comparison.renamed
    return ShownValues(*told, is_masked=bool(hidden), details=details)


def shown_verdict(reproduction: Reproduction, sees_personal: bool) -> Verdict:
    """Return what somebody may see of what came of making a dataset version again."""
    verdict, version = verdict_of(reproduction), reproduction.version
    hidden = hidden_in(version.run, sees_personal) | hidden_in(reproduction.run, sees_personal)
    if not (hidden and verdict.details):
        return verdict
    columns = (column["name"] for column in version.columns if hidden.column(column))
    hidden |= Hidden(frozenset(columns))
    return replace(verdict, details=_masked(verdict.details, hidden))


def _hidden(comparison: ValueComparison, sees_personal: bool) -> Hidden:
    """Return what is hidden of columns and values, as the comparison names them."""
    found = Hidden()
    for run, renamed in ((comparison.before, comparison.renamed), (comparison.run, {})):
        own = hidden_in(run, sees_personal)
        names = {*own.names, *_columns(run, own)}
        found |= Hidden(frozenset(renamed.get(name, name) for name in names), own.everything)
    return found


def _columns(run: Run, hidden: Hidden) -> Iterator[str]:
    """Yield the columns that are hidden, also those that only the output tells which they are of."""
    table = (run.preview or {}).get("table")
    if table and hidden:
        masked = masked_columns(table, hidden)
        yield from (column["name"] for column, hides in zip(table["columns"], masked, strict=True) if hides)


def _masked(details: Mapping[str, Any], hidden: Hidden) -> dict[str, Any]:
    keys: Sequence[str] = details.get("matched_by", ())
    found = dict(details)
    for part in ("columns", "distributions"):
        if part in found:
            found[part] = hidden.columns(found[part])
    if "examples" in found:
        found["examples"] = [
            {**row, "key": _key(row["key"], keys, hidden), "cells": cells}
            for row in found["examples"]
            if (cells := {name: pair for name, pair in row["cells"].items() if name not in hidden})
        ]
        found["only"] = [[_key(key, keys, hidden) for key in side] for side in found["only"]]
    if "values" in found:
        found["values"] = [
            {**value, "then": HIDDEN, "now": HIDDEN, "difference": None, "relative": None}
            if value["name"] in hidden
            else value
            for value in found["values"]
        ]
    return found


def _key(key: Sequence[str | None], names: Sequence[str], hidden: Hidden) -> list[str | None]:
    return [HIDDEN if name in hidden else part for name, part in zip(names, key, strict=True)]
