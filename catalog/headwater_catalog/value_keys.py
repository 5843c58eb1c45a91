"""What the value of each node follows from, as one key: equal keys, equal values.

A key is a Merkle hash over the graph that is executed: of a node's definition with all that it reaches in the
repository (its part of the lineage hash), of the keys of what the node reads, of the fingerprints of inputs,
of the configuration, and of Python and the packages at hand. What cannot be told has no key, and neither has
what reads it: such a node is computed each time.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.node import Node, Role
from headwater.types import PARALLELIZABLE

if TYPE_CHECKING:
    from headwater.graph import Graph

__all__ = ["SCHEME", "ValueKeys", "installed"]

SCHEME: Final = "headwater-values-2"
"""Name of what keys are made of; a change to that must change the name, so that keys never mix."""

_BEHAVIOR: Final = "cache.behavior"
_NEVER: Final = frozenset({"recompute", "disable", "ignore"})
_WORLD: Final = ("hamilton.data_loader", "hamilton.data_saver")
_ABSENT: Final = "absent"


class ValueKeys:
    """The keys of the nodes of one graph.

    Args:
        graph: The graph that is executed.
        definitions: The hash of each function's definition, by module and name; those that are missing reach
            something unknown.
        config: The configuration of the graph; all of it counts for every node, since modifiers may read it
            in ways that no node shows.
        inputs: What tells the value of each input that is given, by name.
        surroundings: What else values may follow from, such as the versions of packages.
        others: What tells that an input is not given: all that might hold it.
    """

    def __init__(
        self,
        graph: Graph,
        definitions: Mapping[str, Mapping[str, str]],
        config: Mapping[str, Any],
        inputs: Mapping[str, str],
        surroundings: Iterable[str],
        others: str,
    ) -> None:
        self._graph = graph
        self._definitions = definitions
        self._config = config
        self._inputs = inputs
        self._others = others
        self._base = _digest(SCHEME, json.dumps(dict(sorted(config.items()))), *surroundings)
        self._found: dict[str, str | None] = {}

    def key(self, name: str) -> str | None:
        """Return the key of a node; None where its value follows from something that cannot be told."""
        pending = [name]  # a chain of features has no limit, so nothing here calls itself
        while pending:
            current = pending[-1]
            if current in self._found:
                pending.pop()
                continue
            read = self._read(current)
            unknown = [each for each in read if each not in self._found]
            if unknown:
                pending += unknown
                continue
            self._found[current] = self._key(current, read)
            pending.pop()
        return self._found[name]

    def may_be_taken(self, name: str) -> bool:
        """Tell whether a value may stand in place of the node.

        The outcomes of checks are told of every run, so that what reads one is computed anew.
        """
        node = self._graph[name]
        if node.role is Role.INPUT or node.check is not None:
            return False
        return not any(self._graph[each].check is not None for each in self._read(name))

    def _read(self, name: str) -> tuple[str, ...]:
        graph = self._graph
        return tuple(each for each in graph[name].dependencies if each in graph)

    def _key(self, name: str, read: tuple[str, ...]) -> str | None:
        node = self._graph[name]
        if node.role is Role.INPUT:
            return self._input_key(name)
        definition = self._definition(node)
        needed = [self._found[each] for each in read]
        if definition is None or None in needed:
            return None
        told = (
            part
            for argument in node.arguments
            if argument.node is not None
            for part in (argument.parameter, self._found.get(argument.node) or _ABSENT)
        )
        return _digest(self._base, definition, name, *told)

    def _input_key(self, name: str) -> str | None:
        if name in self._config:
            return _digest(self._base, "config", name)
        if name not in self._inputs:
            return _digest(self._base, _ABSENT, name, self._others)
        return _digest(self._base, "input", self._inputs[name])

    def _definition(self, node: Node) -> str | None:
        """Return the hash of what computes a node; None where it must be computed each time."""
        if node.function is None or node.partial or node.type.name == PARALLELIZABLE:
            return None
        if str(node.tags.get(_BEHAVIOR, "")).lower() in _NEVER or any(map(node.tags.get, _WORLD)):
            return None
        return self._definitions.get(node.function.location.module, {}).get(node.function.name)


def installed() -> tuple[str, ...]:
    """Return what tells this Python with its packages from others.

    What a package brings along in a folder of its own belongs to it, and is the same whether that is on the
    path, as it is once Ray was imported, or not yet.
    """
    found = {
        folder: [entry.name.removesuffix(".dist-info").casefold() for entry in folder.glob("*.dist-info")]
        for folder in map(Path, sys.path)
        if folder.is_dir()
    }
    holding = {folder for folder, names in found.items() if names}
    own = {name for folder, names in found.items() if holding.isdisjoint(folder.parents) for name in names}
    return platform.python_version(), platform.machine(), *sorted(own)


def _digest(*parts: str) -> str:
    hashed = blake2b(digest_size=20)
    for part in parts:
        told = part.encode("utf-8", "surrogatepass")
        hashed.update(len(told).to_bytes(8, "big") + told)
    return hashed.hexdigest()
