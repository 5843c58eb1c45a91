"""Reading two commits of one mirror to compare them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from headwater_catalog.collection import without_collection
from headwater_catalog.compare import FeatureChange
from headwater_catalog.git import GitSource
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.revisions import NOTHING, RevisionReader
from headwater_catalog.snapshot import Snapshot

__all__ = ["opaque_of", "read_two"]


def read_two(
    source: GitSource, before: str | None, after: str, stored: Callable[[str], Snapshot | None]
) -> tuple[Revision, Revision]:
    """Return what two commits hold.

    Args:
        source: Their mirror.
        before: Full name of the first; None where there was nothing.
        after: Full name of the second.
        stored: Gives the features of a commit where a catalog knows them.
    """
    with without_collection():
        reader = RevisionReader(source)
        # The earlier one first: what the later one shares with it costs nothing more.
        first = NOTHING if before is None else reader.read(before, stored(before))
        return first, reader.read(after, stored(after))


def opaque_of(changes: Collection[FeatureChange], revision: Revision) -> Mapping[str, tuple[str, ...]]:
    """Return why not all is known that changed features reach, by key, for those where it is not."""
    # All at once, since one by one takes longer.
    revision.lineages.look_at(variant for change in changes for variant in change.after)
    found = ((change.key, revision.lineages.opaque_of(change.key)) for change in changes)
    return {key: reasons for key, reasons in found if reasons}
