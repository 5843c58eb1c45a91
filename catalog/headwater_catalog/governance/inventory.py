"""What carries a classification, what it reaches, and what holds it back, at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headwater_catalog.governance.outside_sources import inputs_by_source
from headwater_catalog.governance.usual_rules import place_of
from headwater_catalog.governance.witness import Held, held_back
from headwater_catalog.query.classified import Barrier, Classified
from headwater_catalog.rules import Classification
from headwater_catalog.snapshot import Snapshot, owners_of

__all__ = ["Inventory", "SourceReach", "Stop", "carrying_inputs", "inventory_of"]


@dataclass(frozen=True, slots=True)
class Stop:
    """A place where a classification stops.

    Attributes:
        held: What it holds back.
        barrier: What the feature says of itself; None where a function makes anonymous what it is given.
        owners: Whom to ask about it.
    """

    held: Held
    barrier: Barrier | None
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceReach:
    """How far a classification comes from one source outside.

    Attributes:
        inputs: The names of the inputs that carry it, or that carriers are made of directly.
        features: How many features downstream of these have it.
    """

    inputs: tuple[str, ...]
    features: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a classification does to the features of a moment.

    Attributes:
        classification: The classification.
        carriers: The keys of those that say it of themselves, with the names of their levels.
        reached: How many features have it, carriers included.
        levels: How many of them have which level, the highest first.
        modules: How many of them are in which module.
        owners: How many of them are whose; an empty name is nobody.
        inputs: For each input that it comes from, or that carriers are made of directly, how many features
            downstream of it have the classification.
        sources: The same for the sources outside that these inputs come from, as dataflows declare them.
        stops: Where it stops.
    """

    classification: Classification
    carriers: Mapping[str, str]
    reached: int
    levels: Mapping[str, int]
    modules: Mapping[str, int]
    owners: Mapping[str, int]
    inputs: Mapping[str, int]
    sources: Mapping[str, SourceReach]
    stops: tuple[Stop, ...]


def inventory_of(snapshot: Snapshot, found: Classified) -> Inventory:
    """Return what a classification does to a snapshot; it is worked out once, and kept with that.

    Args:
        snapshot: The features.
        found: What the classification reaches there.
    """
    known, name = snapshot.kept, f"inventory {found.classification.key}"
    kept = known.get(name)
    if kept is None or kept[0] is not found:
        kept = known[name] = found, _inventory(snapshot, found)
    return kept[1]


def _inventory(snapshot: Snapshot, found: Classified) -> Inventory:
    features = [key for key in found.levels if key in snapshot.variants]
    levels = Counter(found.levels[key] for key in features)
    near = carrying_inputs(snapshot, found)
    return Inventory(
        classification=found.classification,
        carriers={key: found.name(key) for key in sorted(found.carriers)},
        reached=len(features),
        levels={found.classification.names[level]: levels[level] for level in sorted(levels, reverse=True)},
        modules=_ordered(Counter(snapshot.variants[key][0].module for key in features)),
        owners=_ordered(Counter(owner for key in features for owner in _owners(snapshot, key) or ("",))),
        inputs=_ordered(
            Counter({snapshot.graph.nodes[key].name: _below(snapshot, found, [key]) for key in near})
        ),
        sources=_sources(snapshot, found, near),
        stops=tuple(
            Stop(held, found.said.barriers.get(held.key), _owners(snapshot, held.key))
            for held in held_back(snapshot, found)
        ),
    )


def carrying_inputs(snapshot: Snapshot, found: Classified) -> frozenset[str]:
    """Return the inputs that a carrier is, or is made of directly."""
    graph = snapshot.graph
    return frozenset(
        key
        for carrier in found.carriers
        if carrier in graph.nodes
        for key in (carrier, *graph.parents(carrier))
        if graph.nodes[key].is_input
    )


def _sources(snapshot: Snapshot, found: Classified, near: frozenset[str]) -> Mapping[str, SourceReach]:
    of = {source: [key for key in keys if key in near] for source, keys in inputs_by_source(snapshot).items()}
    nodes = snapshot.graph.nodes
    told = {
        source: SourceReach(tuple(nodes[key].name for key in keys), _below(snapshot, found, keys))
        for source, keys in of.items()
        if keys
    }
    return dict(sorted(told.items(), key=lambda item: (-item[1].features, item[0])))


def _below(snapshot: Snapshot, found: Classified, keys: Iterable[str]) -> int:
    """Count what is classified downstream of some inputs."""
    below = {each for key in keys for each in snapshot.graph.downstream(key)}
    return sum(each in found.levels and each in snapshot.variants for each in below)


def _owners(snapshot: Snapshot, key: str) -> tuple[str, ...]:
    if key in snapshot.variants:
        return owners_of(snapshot.variants[key])
    place = place_of(snapshot, key)
    return () if place is None else place.owners


def _ordered(counts: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
