"""The review of a change, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headwater_catalog.answers.changes import impact_json
from headwater_catalog.answers.governance import checked_json

if TYPE_CHECKING:
    from headwater_catalog.governance.review import Review
    from headwater_catalog.impacted_datasets import ImpactedDataset

__all__ = ["review_json"]


def review_json(
    repository: str,
    before: str | None,
    after: str,
    day: str,
    found: Review,
    datasets: Iterable[ImpactedDataset] | None,
) -> dict[str, Any]:
    """Return the review of a change as JSON has it.

    Args:
        repository: Name of the repository.
        before: Full name of the first commit; None where the second has no parent.
        after: Full name of the second.
        day: The day on which barriers and exceptions had to hold.
        found: The review.
        datasets: The saved datasets that the change reaches; None without a catalog.
    """
    from headwater_catalog.governance.review import owners_of

    reach = impact_json(before, after, found.impact, datasets)
    return {
        "repository": repository,
        **checked_json(found.checked, before, after, day),
        "counts": {name: n for name, n in found.comparison.counts.items() if name != "upstream only"},
        "changed": [
            {
                "key": change.key,
                "classes": change.classes,
                "origin": change.origin,
                "because": change.because,
                "is_of_meaning": change.is_of_meaning,
                "owners": owners_of(change),
            }
            for change in found.changed
        ],
        "dataflows": [asdict(change) for change in found.comparison.dataflows],
        **{name: reach[name] for name in ("reached", "modules", "outputs", "datasets")},
        "owners": [asdict(each) for each in found.owners],
        "rules": [asdict(each) for each in found.rules],
    }
