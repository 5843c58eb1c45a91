"""Why a feature has a classification: all that it comes from, with a shortest way from each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from headwater.errors import did_you_mean
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.query.classified import Classified
from headwater_catalog.snapshot import Snapshot

__all__ = ["Held", "Witness", "held_back", "named", "sources_of"]


@dataclass(frozen=True, slots=True)
class Witness:
    """One of the features and inputs that a classification comes from.

    Attributes:
        source: Its key.
        level: The name of the level that it says.
        path: A shortest way downstream from it to the feature, ends included.
    """

    source: str
    level: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What a barrier, or an anonymising function, holds back.

    Attributes:
        key: The feature where it stands.
        sources: The keys upstream that the classification comes from.
        kept_free: The keys downstream that it would reach otherwise.
        came_by: The keys that would bring it directly.
    """

    key: str
    sources: tuple[str, ...]
    kept_free: tuple[str, ...]
    came_by: tuple[str, ...]


def named(snapshot: Snapshot, name: str) -> str:
    """Return the key of a feature or an input that is given by its key or its name.

    Raises:
        NotFound: Nothing has it; tells the nearest.
        Conflict: Several features have it.
    """
    graph = snapshot.lineage
    if name in graph.nodes:
        return name
    found = sorted(key for key, node in graph.nodes.items() if name == node.name or name in node.parts)
    if not found:
        raise NotFound(f"No feature or input '{name}'.{did_you_mean(name, snapshot.keys)}")
    if len(found) > 1:
        raise Conflict(f"'{name}' may be {', '.join(found[:10])}. Give the whole key of one.")
    return found[0]


def sources_of(snapshot: Snapshot, found: Classified, key: str) -> tuple[Witness, ...]:
    """Return what a classification of a feature comes from, the nearest first.

    Args:
        snapshot: The features.
        found: What the classification reaches there.
        key: The feature or input.
    """
    after: dict[str, str | None] = {key: None}
    names = found.classification.names
    return tuple(
        Witness(source, names[_own(found, source)], _way(after, source))
        for source in _sources(snapshot, found, key, after)
    )


def _sources(snapshot: Snapshot, found: Classified, key: str, after: dict[str, str | None]) -> Iterator[str]:
    """Yield what a classification of a feature comes from, the nearest first.

    Args:
        snapshot: The features.
        found: What the classification reaches there.
        key: The feature or input.
        after: Filled with the next one on the way from each that was met.
    """
    pending = deque((key,) if key in found.levels else ())
    while pending:
        here = pending.popleft()
        if here in found.carriers:
            yield here
        if here in found.barriers or here not in snapshot.lineage.nodes:
            continue
        for there in snapshot.lineage.parents(here):
            if there in found.levels and there not in after and (there, here) not in found.guarded:
                after[there] = here
                pending.append(there)


def held_back(snapshot: Snapshot, found: Classified) -> tuple[Held, ...]:
    """Return each feature at which a classification stops, with what that keeps it from."""
    graph = snapshot.lineage
    places = {key for key in found.barriers if key in graph.nodes} | {target for _, target in found.guarded}
    sources: dict[str, tuple[str, ...]] = {}  # of each that is stopped somewhere, which may be in many places
    return tuple(_held(snapshot, found, key, sources) for key in sorted(places))


def _held(snapshot: Snapshot, found: Classified, key: str, known: dict[str, tuple[str, ...]]) -> Held:
    graph = snapshot.lineage
    stopped = [
        parent
        for parent in graph.parents(key)
        if parent in found.levels and (key in found.barriers or (parent, key) in found.guarded)
    ]
    for parent in stopped:
        if parent not in known:
            known[parent] = tuple(_sources(snapshot, found, parent, {parent: None}))
    sources = dict.fromkeys(source for parent in stopped for source in known[parent])
    free = _reached_beyond(snapshot, found, key) if stopped else ()
    return Held(key, tuple(sources), free, tuple(stopped))


def _reached_beyond(snapshot: Snapshot, found: Classified, key: str) -> tuple[str, ...]:
    """Return what would be reached from a feature if nothing stopped at it, the nearest first."""
    reached = {key: None}
    pending = deque((key,))
    while pending:
        here = pending.popleft()
        for there in snapshot.lineage.children(here):
            free = there not in found.levels and there not in found.barriers
            if free and there not in reached and (here, there) not in found.guarded:
                reached[there] = None
                pending.append(there)
    return tuple(each for each in reached if each not in found.levels)


def _own(found: Classified, key: str) -> int:
    """Return the level that a carrier says of itself, or has from elsewhere where that is higher."""
    return found.said.levels[key] if key in found.came_from else found.levels[key]


def _way(after: dict[str, str | None], source: str) -> tuple[str, ...]:
    way = [source]
    while (there := after[way[-1]]) is not None:
        way.append(there)
    return tuple(way)
