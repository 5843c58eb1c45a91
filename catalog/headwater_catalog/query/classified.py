"""What a classifying tag reaches: those that carry it, and all downstream of them up to barriers."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from headwater_catalog.lineage_graph import LineageGraph, input_key
from headwater_catalog.query.subjects import tag_values
from headwater_catalog.snapshot import Snapshot

__all__ = ["Classified", "classify", "reached_from"]

_STOPS = frozenset(("false", "barrier"))  # values of a classifying tag that say what a feature is not


@dataclass(frozen=True, slots=True)
class Classified:
    """What a classifying tag says of the features of a snapshot.

    Attributes:
        carriers: Keys of the features and declared inputs that say it of themselves.
        barriers: Keys of those that let it through no further.
        came_from: For each key that it reaches from upstream, the one before it on a shortest way there.
    """

    carriers: frozenset[str]
    barriers: frozenset[str]
    came_from: Mapping[str, str]

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all that it reaches, carriers included."""
        return self.carriers | self.came_from.keys()

    def why(self, key: str) -> tuple[str, ...]:
        """Return a shortest way from a carrier to a key that it reaches, or nothing."""
        return tuple(self._back(key))[::-1] if key in self.carriers or key in self.came_from else ()

    def _back(self, key: str) -> Iterator[str]:
        while key not in self.carriers:
            yield key
            key = self.came_from[key]
        yield key


def classify(snapshot: Snapshot, tag: str) -> Classified:
    """Return what a classifying tag reaches; it is found once for a snapshot.

    A feature whose tag says `barrier` lets nothing through; one that says `false` claims nothing of its own.

    Args:
        snapshot: The features.
        tag: Key of the tag, in letters of any case.
    """
    known = snapshot.kept
    name = f"classified {tag.casefold()}"
    found = known.get(name)
    if not isinstance(found, Classified):
        found = known[name] = _classify(snapshot, tag.casefold())
    return found


def _classify(snapshot: Snapshot, tag: str) -> Classified:
    carriers, barriers = set[str](), set[str]()
    declared = chain(
        ((feature.key, feature.tags) for feature in snapshot.features),
        ((input_key(each.name), each.tags) for each in snapshot.inputs),
    )
    for key, tags in declared:
        said = {v.casefold() for k in tags if k.casefold() == tag for v in tag_values(tags, k)}
        if "barrier" in said:
            barriers.add(key)
        elif said - _STOPS:
            carriers.add(key)
    carriers -= barriers
    return Classified(
        frozenset(carriers), frozenset(barriers), reached_from(snapshot.graph, carriers, barriers)
    )


def reached_from(graph: LineageGraph, carriers: Collection[str], barriers: Collection[str]) -> dict[str, str]:
    """Return what is downstream of carriers up to barriers, each with where it was first found from."""
    came_from: dict[str, str] = {}
    pending = deque(sorted(graph.nodes.keys() & carriers))
    while pending:
        here = pending.popleft()
        for there in graph.children(here):
            if there not in came_from and there not in carriers and there not in barriers:
                came_from[there] = here
                pending.append(there)
    return came_from
