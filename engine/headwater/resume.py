"""Computing from what earlier runs have kept, wherever they cut the graph."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from headwater.caching.behaviors import CachingBehavior, Settings
from headwater.caching.code import CodeVersions
from headwater.errors import InvalidModifier
from headwater.fingerprints import fingerprint
from headwater.graph import Graph
from headwater.keeping import Keep, is_in_fan_out
from headwater.kept_places import KEPT_METADATA, Place, Record
from headwater.modifiers.adapted import LOADER_TAG
from headwater.node import Node
from headwater.types import PARALLELIZABLE

__all__ = ["Resumed", "resumed"]

logger = logging.getLogger("headwater.keeping")

Compute = Callable[[Sequence[str], Mapping[str, Any]], dict[str, Any]]
"""Computes nodes, given values that take the place of others."""


@dataclass
class Resumed:
    """What need not be computed again.

    Attributes:
        values: Values of nodes: what was kept, and what was loaded to find out whether it still holds.
        said: What the places say whose values hold, by the node that would store them.
    """

    values: dict[str, Any] = field(default_factory=dict)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)


def resumed(
    graph: Graph,
    keeps: Sequence[Keep],
    outputs: Sequence[str],
    given: Mapping[str, Any],
    compute: Compute,
) -> Resumed:
    """Find out what is kept and still holds, and load what of it the outputs need.

    What holds is what was made by the same code from the same inputs and configuration. What loaders bring is
    loaded to tell whether it is the same. A value that is kept but not there, or that others have changed,
    is made anew.

    Args:
        graph: The graph with the nodes that store.
        keeps: The places.
        outputs: Names of what is wanted, the nodes that store among them.
        given: Values of inputs, configuration and overrides.
        compute: Computes what loaders bring.

    Raises:
        InvalidModifier: Two of the places are one.
    """
    found = Resumed()
    places = {one.id: one.place(graph) for one in keeps}
    _require_apart(places.values())
    kept_nodes = [name for place in places.values() for name in place.nodes]
    loaders = [name for name in _loaded(graph, kept_nodes, given) if name not in given]
    if loaders:
        found.values = compute(loaders, {})
    keys = _Keys(graph, {**given, **found.values})
    holding: dict[str, Record] = {}
    for one in keeps:
        key = one.keys[one.id] = keys.of_all(places[one.id].nodes)
        record = places[one.id].recorded() if key is not None else None
        if record is not None and record.key == key and places[one.id].is_there(record):
            holding[one.id] = record
    _take(graph, places, holding, outputs, {**given, **found.values}, found)
    for name in holding:
        found.said[name] = {KEPT_METADATA: {"key": keys.of_all(places[name].nodes), "is_new": False}}
    return found


def _require_apart(places: Iterable[Place]) -> None:
    """Refuse places that would each replace what the other keeps.

    Raises:
        InvalidModifier: Two of them have one record.
    """
    owners: dict[str, str] = {}
    for place in places:
        owner = owners.setdefault(place.record, place.id)
        if owner != place.id:
            raise InvalidModifier(
                f"'{owner}' and '{place.id}' are to be kept in one place, with one record. Give each a path "
                "of its own, or keep columns as one table: nodes=[...]."
            )


def _take(
    graph: Graph,
    places: Mapping[str, Place],
    holding: dict[str, Record],
    outputs: Sequence[str],
    given: Mapping[str, Any],
    found: Resumed,
) -> None:
    """Load what is needed of what holds; what cannot be had holds no longer, and more may be needed then."""
    taken: set[str] = set()
    while True:
        kept_in = {name: id_ for id_ in holding for name in places[id_].nodes}
        wanted = [name for name in outputs if name not in holding]
        needed = _closure(graph, wanted, {*given, *kept_in})
        pending = dict.fromkeys(
            kept_in[name]
            for name in needed
            if name in kept_in and name not in given and kept_in[name] not in taken
        )
        if not pending:
            return
        for id_ in pending:
            values = places[id_].taken(holding[id_])
            if values is None:
                del holding[id_]
                break
            taken.add(id_)
            found.values.update(values)


def _closure(graph: Graph, names: Collection[str], there: Collection[str]) -> set[str]:
    """Return what is needed for some nodes, with what is there already but nothing of what that needs."""
    seen = set(names)
    pending = list(seen)
    while pending:
        name = pending.pop()
        if name in there:
            continue
        for source in graph.sources[name]:
            if source not in seen:
                seen.add(source)
                pending.append(source)
    return seen


def _loaded(graph: Graph, names: Collection[str], given: Collection[str]) -> list[str]:
    """Return the nodes that hand on what loaders bring, among those that some nodes need."""
    tag = f"{LOADER_TAG}.has_metadata"
    return sorted(
        name
        for name in _closure(graph, names, given)
        if graph[name].tags.get(tag) is False and not is_in_fan_out(graph, name)
    )


class _Keys:
    """Says by what code and from what values nodes are made, before any of them is computed."""

    def __init__(self, graph: Graph, given: Mapping[str, Any]) -> None:
        self._graph = graph
        self._given = given
        self._codes = CodeVersions()
        self._behaviors = Settings({}).resolve(graph)
        self._found: dict[str, str | None] = {}

    def of_all(self, names: Sequence[str]) -> str | None:
        """Return one key for several nodes; None where that of one of them cannot be told."""
        keys = list(map(self.of, names))
        return None if None in keys else _digest(*names, *map(str, keys))

    def of(self, name: str) -> str | None:
        """Return the key of a node; None where some of what it is made by cannot be told."""
        # Not by recursion, which graphs of some thousand nodes in a row are too deep for.
        pending = [name]
        while pending:
            node = self._graph[pending[-1]]
            open_ = [] if node.name in self._given else [n for n in node.dependencies if n not in self._found]
            if open_:
                pending += open_
                continue
            pending.pop()
            if node.name not in self._found:
                self._found[node.name] = self._key(node)
        return self._found[name]

    def _key(self, node: Node) -> str | None:
        if node.name in self._given:
            return self._told(node, fingerprint(self._given[node.name]), "its value has no fingerprint")
        behavior = self._behaviors[node.name]
        if behavior is CachingBehavior.IGNORE:
            return "ignored"
        if LOADER_TAG in node.tags:
            return None  # within a fan-out, where what it brings is not known before
        if behavior is not CachingBehavior.DEFAULT and node.type.name != PARALLELIZABLE:
            return None  # it is asked to be computed each time
        if node.call is None:
            return "nothing"  # an input that is not given: what reads it has a default
        parts = [node.name, self._told(node, self._codes.of(node), "what its code reaches is not known")]
        for argument in node.arguments:
            if argument.node is None:
                continue
            source = self._graph[argument.node]
            is_open = source.call is None and source.name not in self._given
            parts.append(fingerprint(argument.value) if is_open else self._found[argument.node])
        return None if None in parts else _digest(*map(str, parts))

    def _told(self, node: Node, found: str | None, why: str) -> str | None:
        if found is None:
            logger.info("%s is computed each time, and so is what needs it: %s.", node.where, why)
        return found


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=20).hexdigest()
