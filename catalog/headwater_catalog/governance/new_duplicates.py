"""The duplicates that a change brings: a function that means the same as one that is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from headwater_catalog.governance.bodies import body_of
from headwater_catalog.governance.findings import Finding
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.snapshot import Snapshot, SnapshotFeature

__all__ = ["DUPLICATE", "new_duplicates"]

DUPLICATE = "duplicate"
"""A feature that came to mean the same as another one."""

_Asked = tuple[str, ...]


def new_duplicates(before: Revision, after: Revision, moved: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the features that came or changed, and mean the same as another one, which they did not before.

    Args:
        before: What the change began from.
        after: What it leaves.
        moved: The keys of features that only moved after it, by those before.
    """
    touched = _touched(before.snapshot, after.snapshot, moved)
    alike = [some for some in _alike(after.snapshot, touched) if len(some) > 1]
    if not alike:
        return
    was = {new: old for old, new in moved.items()}
    now = after.lineages.hashes_of(each.key for some in alike for each in some)
    then = before.lineages.hashes_of(was.get(key, key) for key in now)
    for some in alike:
        first: dict[str, SnapshotFeature] = {}
        for feature in sorted(some, key=lambda each: (each.key in touched, each.key)):
            other = first.setdefault(now[feature.key], feature)
            if other is feature or feature.key not in touched or other.key == feature.key:
                continue
            known = [then.get(was.get(each.key, each.key)) for each in (feature, other)]
            is_known = known[0] is not None and known[0] == known[1]
            if not is_known and not any(after.lineages.doubts_of(e.key) for e in (feature, other)):
                yield _finding(feature, other)


def _alike(snapshot: Snapshot, touched: Mapping[str, SnapshotFeature]) -> Iterable[list[SnapshotFeature]]:
    """Return the features with the same code as one of those that a change touches, by that."""
    asking = {_asked(each) for each in touched.values()}
    found: dict[tuple[_Asked, str], list[SnapshotFeature]] = defaultdict(list)
    for variants in snapshot.variants.values():
        if len(variants) == 1 and (asked := _asked(variants[0])) in asking:
            body = body_of(variants[0].source, variants[0].digest)
            if body is not None and body.size:
                found[asked, body.code].append(variants[0])
    return found.values()


def _touched(before: Snapshot, after: Snapshot, moved: Mapping[str, str]) -> Mapping[str, SnapshotFeature]:
    """Return the features that are new, or of another text, if one function alone makes them."""
    there = frozenset(moved.values())
    found = {}
    for key, variants in after.variants.items():
        then = [each.digest for each in before.variants.get(key, ())]
        if len(variants) == 1 and key not in there and then != [variants[0].digest]:
            found[key] = variants[0]
    return found


def _asked(feature: SnapshotFeature) -> _Asked:
    """Return what functions with the same code have in common, and that is known without reading it."""
    return (feature.type, *(need.name for need in feature.dependencies))


def _finding(feature: SnapshotFeature, other: SnapshotFeature) -> Finding:
    told = (
        f"'{feature.name}' means the same as '{other.name}' ({other.path}:{other.line}): the same code on "
        "the same data. Use that one, or say in the docs of both why there are two."
    )
    where = (feature.path, feature.line, feature.end_line)
    return Finding(DUPLICATE, "note", told, feature.key, other.key, *where, owners=feature.owners)
