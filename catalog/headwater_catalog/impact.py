"""What changes of meaning between two commits reach downstream: features, modules, owners and outputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from headwater_catalog.compare import Comparison, FeatureChange
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.snapshot import Snapshot, SnapshotFeature

__all__ = ["Impact", "Reached", "affected_names", "impact_of"]


@dataclass(frozen=True, slots=True)
class Reached:
    """A feature that a change upstream reaches.

    Attributes:
        key: Its `module:name`.
        module: Its module.
        steps: How far it is from the nearest feature that changed itself.
        owners: Whom to ask about it.
        because: The nearest features that changed themselves, by some way up.
    """

    key: str
    module: str
    steps: int
    owners: tuple[str, ...]
    because: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """What changed in meaning, and what that reaches.

    Attributes:
        changed: The features that changed in meaning themselves, by key.
        reached: The features downstream of them, the nearest first.
        outputs: For each dataflow, those of its outputs that changed or are reached, by its name.
    """

    changed: tuple[FeatureChange, ...]
    reached: tuple[Reached, ...]
    outputs: Mapping[str, tuple[str, ...]]

    @property
    def keys(self) -> frozenset[str]:
        """The features that changed or are reached; those that moved have the keys of now and before."""
        before = (change.origin for change in self.changed if change.origin)
        return frozenset((*(c.key for c in self.changed), *(r.key for r in self.reached), *before))

    @cached_property
    def modules(self) -> Mapping[str, tuple[int, int]]:
        """How many features changed and how many are reached, by module."""
        changed = (_variants(change)[0].module for change in self.changed)
        return _counted(changed, (reached.module for reached in self.reached))

    @cached_property
    def owners(self) -> Mapping[str, tuple[int, int]]:
        """How many features changed and how many are reached, by owner; an empty name is nobody."""
        changed = (owner for change in self.changed for owner in _owners(_variants(change)) or ("",))
        return _counted(changed, (owner for reached in self.reached for owner in reached.owners or ("",)))


def impact_of(comparison: Comparison, before: Snapshot, after: Snapshot) -> Impact:
    """Return what the changes between two commits reach.

    Args:
        comparison: What changed.
        before: The features of the first commit: who needed a feature that is gone, only they tell.
        after: The features of the second.
    """
    changed = tuple(change for change in comparison.features if change.is_of_meaning)
    roots = [change.key for change in changed]
    distances = _distances(roots, before.graph, after.graph, comparison.moved)
    upstream = {change.key: change.upstream for change in comparison.features}
    reached = tuple(
        Reached(key, variants[0].module, steps, _owners(variants), upstream.get(key, ()))
        for key, steps in sorted(distances.items(), key=lambda item: (item[1], item[0]))
        if steps and (variants := after.variants.get(key))
    )
    affected = frozenset((*roots, *(each.key for each in reached)))
    outputs = {name: made for name, made in _outputs(after, affected) if made}
    return Impact(changed, reached, outputs)


def _variants(change: FeatureChange) -> tuple[SnapshotFeature, ...]:
    return change.after or change.before


def _owners(variants: Iterable[SnapshotFeature]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(owner for variant in variants for owner in variant.owners))


def _counted(changed: Iterable[str], reached: Iterable[str]) -> dict[str, tuple[int, int]]:
    counts: dict[str, list[int]] = {}
    for place, names in enumerate((changed, reached)):
        for name in names:
            counts.setdefault(name, [0, 0])[place] += 1
    return {name: (counts[name][0], counts[name][1]) for name in sorted(counts)}


def _distances(
    roots: Iterable[str], before: LineageGraph, after: LineageGraph, moved: Mapping[str, str]
) -> dict[str, int]:
    """Return how far features are downstream of the nearest root, in either graph."""
    was = {now: then for then, now in moved.items()}
    found = dict.fromkeys(roots, 0)
    queue = deque(found)
    while queue:
        here = queue.popleft()
        then = was.get(here, here)
        below = after.children(here) if here in after.nodes else ()
        # What changed itself may have asked for it before, and does no more.
        below = (*below, *(moved.get(k, k) for k in (before.children(then) if then in before.nodes else ())))
        for there in below:
            if there not in found:
                found[there] = found[here] + 1
                queue.append(there)
    return found


def _outputs(snapshot: Snapshot, affected: frozenset[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for dataflow in snapshot.dataflows:
        yield dataflow.name, affected_names(snapshot, dataflow.name, dataflow.outputs, affected)


def affected_names(
    snapshot: Snapshot, dataflow: str, names: Iterable[str], affected: frozenset[str]
) -> tuple[str, ...]:
    """Return those of some names that some features make in a dataflow, whole or in parts."""
    modules = next((frozenset(each.modules) for each in snapshot.dataflows if each.name == dataflow), None)
    made = {
        name
        for key in affected
        for variant in snapshot.variants.get(key, ())
        if modules is None or variant.module in modules
        for name in variant.nodes
    }
    return tuple(name for name in names if name.rpartition(":")[2] in made)
