"""Findings, what a change does to classifications, and why a feature has one, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.commits import commit_json

if TYPE_CHECKING:
    from headwater_catalog.found_findings import KeptFinding, PolicyStanding
    from headwater_catalog.governance.check import Checked
    from headwater_catalog.governance.findings import Finding
    from headwater_catalog.governance.inventory import Inventory, Stop
    from headwater_catalog.governance.taint import TaintChange
    from headwater_catalog.governance.witness import Witness
    from headwater_catalog.query.classified import Classified
    from headwater_catalog.reach_map import ReachMap

__all__ = [
    "checked_json",
    "finding_json",
    "inventory_json",
    "kept_finding_json",
    "policy_json",
    "reach_json",
    "taint_json",
    "why_json",
]


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
        "problems": checked.problems,
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


def kept_finding_json(kept: KeptFinding) -> dict[str, Any]:
    """Return a finding with its history as JSON has it."""
    return {
        "repository": kept.repository,
        **finding_json(kept.finding),
        "since": commit_json(kept.since),
        "at_least_since": not kept.is_since,
        "cleared": commit_json(kept.cleared),
    }


def policy_json(standing: PolicyStanding) -> dict[str, Any]:
    """Return a policy, and how a repository stands to it, as JSON has it."""
    policy = asdict(standing.policy)
    told = ("name", "query", "scope", "needs", "message", "severity", "owner", "only_new", "changed_only_by")
    return {
        "repository": standing.repository,
        "source": standing.source,
        **{name: policy[name] for name in told},
        "exceptions": list(policy["exceptions"]),
        "findings": standing.open,
        "cleared": standing.cleared,
        "excepted": standing.excepted,
        "about_changes": standing.about_changes,
        "not_judged": standing.unknown,
    }


def inventory_json(found: Inventory, datasets: Mapping[str, int]) -> dict[str, Any]:
    """Return what a classification does to the features of a moment as JSON has it.

    Args:
        found: That.
        datasets: How many columns of each dataset have it.
    """
    return {
        "classification": found.classification.key,
        "doc": found.classification.doc,
        "carriers": dict(found.carriers),
        "reached": found.reached,
        "levels": dict(found.levels),
        "modules": dict(found.modules),
        "owners": dict(found.owners),
        "datasets": dict(datasets),
        "inputs": dict(found.inputs),
        "sources": {name: each.features for name, each in found.sources.items()},
        "barriers": [_stop_json(stop) for stop in found.stops],
    }


def reach_json(found: ReachMap, at: str) -> dict[str, Any]:
    """Return how far data reaches as JSON has it.

    Args:
        found: That.
        at: The commit.
    """
    return {
        "at": at,
        "of": found.of,
        "classification": found.classification or None,
        "starts": list(found.starts),
        "features": dict(found.features),
        "modules": dict(found.modules),
        "owners": dict(found.owners),
        "dataflows": dict(found.dataflows),
        "datasets": dict(found.datasets),
        "repositories": [asdict(each) for each in found.repositories],
    }


def _stop_json(stop: Stop) -> dict[str, Any]:
    barrier = stop.barrier
    return {
        "key": stop.held.key,
        "kind": "anonymiser" if barrier is None else "barrier",
        "reason": barrier.reason if barrier else "",
        "reviewer": barrier.reviewer if barrier else "",
        "until": barrier.until if barrier else "",
        "owners": list(stop.owners),
        "sources": list(stop.held.sources),
        "holds_back": list(stop.held.kept_free),
    }
