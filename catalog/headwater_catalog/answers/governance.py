"""Findings, what a change does to classifications, and why a feature has one, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_catalog.governance.check import Checked
    from headwater_catalog.governance.findings import Finding
    from headwater_catalog.governance.taint import TaintChange
    from headwater_catalog.governance.witness import Witness
    from headwater_catalog.query.classified import Classified

__all__ = ["checked_json", "finding_json", "taint_json", "why_json"]


def checked_json(checked: Checked, before: str | None, after: str | None, day: str) -> dict[str, Any]:
    """Return what a check has found as JSON has it.

    Args:
        checked: What it has found.
        before: The commit that the change began from; None where no change was checked.
        after: The commit that was checked; None of a working tree.
        day: The day on which barriers and exceptions had to hold.
    """
    return {
        "before": before,
        "after": after,
        "day": day,
        "features": checked.features,
        "policies": checked.policies,
        "findings": [finding_json(each) for each in checked.findings],
        "known": [finding_json(each) for each in checked.before],
        "cleared": [finding_json(each) for each in checked.cleared],
        "excepted": [finding_json(each) for each in checked.excepted],
        "unknown": [asdict(each) for each in checked.unknown],
        "taint": taint_json(checked.taint),
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON has it."""
    return {**asdict(finding), "fingerprint": finding.fingerprint}


def taint_json(changes: Iterable[TaintChange]) -> list[dict[str, Any]]:
    """Return what a change does to classifications as JSON has it."""
    return [asdict(change) for change in changes]


def why_json(
    key: str, found: Mapping[str, tuple[Classified, tuple[Witness, ...]]], at: str | None
) -> dict[str, Any]:
    """Return why a feature has classifications as JSON has it.

    Args:
        key: The feature.
        found: For each classification what it reaches, and what the feature has it from.
        at: The commit; None of a working tree.
    """
    return {
        "key": key,
        "at": at,
        "classifications": [
            {
                "classification": tag,
                "level": classified.name(key) if key in classified.levels else None,
                "is_barrier": key in classified.barriers,
                "sources": [asdict(witness) for witness in witnesses],
            }
            for tag, (classified, witnesses) in found.items()
        ],
    }
