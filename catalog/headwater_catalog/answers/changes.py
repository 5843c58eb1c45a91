"""What changed between two commits, as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_catalog.compare import Comparison, FeatureChange
    from headwater_catalog.lineage_hash import Revision

__all__ = ["diff_json"]


def diff_json(before: str | None, after: str, found: Comparison, revision: Revision) -> dict[str, Any]:
    """Return a comparison as JSON has it.

    Args:
        before: Full name of the first commit; None where the second has no parent.
        after: Full name of the second.
        found: What changed.
        revision: What the second commit holds.
    """
    # All at once, since one by one takes longer.
    revision.lineages.look_at(variant for change in found.features for variant in change.after)
    edges = {"added": found.added_edges, "removed": found.removed_edges}
    return {
        "before": before,
        "after": after,
        "counts": dict(found.counts),
        "features": [_change_json(change, revision) for change in found.features],
        "dataflows": [asdict(change) for change in found.dataflows],
        "edges": {
            name: [{"from": edge.source, "to": edge.target, "dataflow": edge.dataflow} for edge in some]
            for name, some in edges.items()
        },
    }


def _change_json(change: FeatureChange, after: Revision) -> dict[str, Any]:
    return {
        "key": change.key,
        "classes": change.classes,
        "origin": change.origin,
        "because": change.because,
        "upstream": change.upstream,
        "opaque": after.lineages.opaque_of(change.key),
        "variants": [
            {"function": variant.variant, "path": variant.path, "line": variant.line}
            for variant in change.after or change.before
        ],
    }
