"""What changed between two commits, and what that reaches, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_catalog.compare import Comparison, FeatureChange
    from headwater_catalog.impact import Impact
    from headwater_catalog.impacted_datasets import ImpactedDataset

__all__ = ["diff_json", "impact_json"]


def diff_json(
    before: str | None, after: str, found: Comparison, opaque: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Return a comparison as JSON has it.

    Args:
        before: Full name of the first commit; None where the second has no parent.
        after: Full name of the second.
        found: What changed.
        opaque: Why not all is known that the changed features reach, by key.
    """
    edges = {"added": found.added_edges, "removed": found.removed_edges}
    return {
        "before": before,
        "after": after,
        "counts": dict(found.counts),
        "features": [_change_json(change, opaque) for change in found.features],
        "dataflows": [asdict(change) for change in found.dataflows],
        "edges": {
            name: [{"from": edge.source, "to": edge.target, "dataflow": edge.dataflow} for edge in some]
            for name, some in edges.items()
        },
    }


def _change_json(change: FeatureChange, opaque: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    return {
        "key": change.key,
        "classes": change.classes,
        "origin": change.origin,
        "because": change.because,
        "upstream": change.upstream,
        "opaque": opaque.get(change.key, ()),
        "variants": [
            {"function": variant.variant, "path": variant.path, "line": variant.line}
            for variant in change.after or change.before
        ],
    }


def impact_json(
    before: str | None, after: str, found: Impact, datasets: Iterable[ImpactedDataset] | None
) -> dict[str, Any]:
    """Return what changes reach as JSON has it.

    Args:
        before: Full name of the first commit; None where the second has no parent.
        after: Full name of the second.
        found: What changed, and what that reaches.
        datasets: The saved datasets that it reaches; None without a catalog.
    """
    return {
        "before": before,
        "after": after,
        "changed": [
            {"key": c.key, "classes": c.classes, "origin": c.origin, "because": c.because}
            for c in found.changed
        ],
        "reached": [asdict(reached) for reached in found.reached],
        "modules": _counts_json(found.modules),
        "owners": _counts_json(found.owners),
        "outputs": [{"dataflow": name, "names": names} for name, names in found.outputs.items()],
        "datasets": None if datasets is None else [asdict(dataset) for dataset in datasets],
    }


def _counts_json(counts: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    return [{"name": name, "changed": changed, "reached": n} for name, (changed, n) in counts.items()]
