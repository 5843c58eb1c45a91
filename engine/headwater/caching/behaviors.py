"""How the values of each node are kept, as modifiers and the builder say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from headwater.errors import UnknownNode, did_you_mean
from headwater.graph import Graph
from headwater.lifecycle.base import InvalidLifecycleAdapter
from headwater.node import Node, Role
from headwater.types import PARALLELIZABLE

__all__ = ["BEHAVIOR_TAG", "FORMAT_TAG", "CachingBehavior", "Named", "Settings"]

BEHAVIOR_TAG = "cache.behavior"
"""The tag in which `@cache` keeps the behavior."""

FORMAT_TAG = "cache.format"
"""The tag in which `@cache` keeps the format."""

_LOADER_TAG = "hamilton.data_loader"
_LOADED_TAG = "hamilton.data_loader.node"
_SAVER_TAG = "hamilton.data_saver"

Named = Literal[True] | Collection[str] | None
"""Which nodes: all, those named, or none."""


class CachingBehavior(Enum):
    """How the values of a node are kept."""

    DEFAULT = 1
    """Take the value from the cache where it is there, else compute and keep it."""
    RECOMPUTE = 2
    """Compute the value each time, and keep it for what reads it: for features that read the world."""
    DISABLE = 3
    """Neither take nor keep the value; what reads it is computed each time, too."""
    IGNORE = 4
    """Neither take nor keep the value; what reads it is looked up as if it did not: for connections."""

    @classmethod
    def from_string(cls, string: str) -> CachingBehavior:
        """Return the behavior of a name, in any case.

        Raises:
            InvalidLifecycleAdapter: There is none of this name.
        """
        try:
            return cls[string.upper()]
        except (KeyError, AttributeError):
            known = [behavior.name.lower() for behavior in cls]
            raise InvalidLifecycleAdapter(
                f"There is no caching behavior {string!r}.{did_you_mean(str(string), known)} "
                f"Give one of: {', '.join(known)}."
            ) from None


@dataclass(frozen=True)
class Settings:
    """What the builder says of behaviors.

    Attributes:
        named: For each behavior the nodes that have it.
        default: Behavior of nodes of which nothing is said.
        loader: Behavior of loaders of which nothing is said.
        saver: Behavior of savers of which nothing is said.

    Raises:
        InvalidLifecycleAdapter: A node is named twice, or two behaviors are for all nodes.
    """

    named: Mapping[CachingBehavior, Named]
    default: CachingBehavior = CachingBehavior.DEFAULT
    loader: CachingBehavior = CachingBehavior.DEFAULT
    saver: CachingBehavior = CachingBehavior.DEFAULT
    _of: dict[str, CachingBehavior] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        everywhere = [behavior for behavior, names in self.named.items() if names is True]
        if len(everywhere) > 1:
            both = " and ".join(behavior.name.lower() for behavior in everywhere)
            raise InvalidLifecycleAdapter(f"Only one caching behavior can be for all nodes, not {both}.")
        for behavior, names in self.named.items():
            for name in _listed(behavior, names):
                if name in self._of:
                    raise InvalidLifecycleAdapter(
                        f"'{name}' is named for two caching behaviors, {self._of[name].name.lower()} and "
                        f"{behavior.name.lower()}. Name it for one."
                    )
                self._of[name] = behavior

    def resolve(self, graph: Graph) -> dict[str, CachingBehavior]:
        """Return the behavior of each node of a graph.

        Raises:
            UnknownNode: A name that behaviors are set for names no node.
        """
        for name in self._of:
            if name not in graph:
                raise UnknownNode(name, graph.names, "this graph to cache")
        return {node.name: self._behavior(node) for node in graph.nodes}

    def _behavior(self, node: Node) -> CachingBehavior:
        if node.type.name == PARALLELIZABLE:
            return CachingBehavior.RECOMPUTE  # its elements are looked up one by one by what reads them
        for name in _names_of(node):
            if name in self._of:
                return self._of[name]
        if node.role is Role.INPUT and BEHAVIOR_TAG not in node.tags:
            return CachingBehavior.DEFAULT  # nothing is computed here; what reads it needs its fingerprint
        everywhere = next((behavior for behavior, names in self.named.items() if names is True), None)
        if everywhere is not None:
            return everywhere
        said = node.tags.get(BEHAVIOR_TAG)
        if said is not None:
            return CachingBehavior.from_string(str(said))
        if node.tags.get(_LOADER_TAG):
            return self.loader
        return self.saver if node.tags.get(_SAVER_TAG) else self.default


def _listed(behavior: CachingBehavior, names: Named) -> Iterable[str]:
    if isinstance(names, str):
        raise InvalidLifecycleAdapter(
            f"{behavior.name.lower()}={names!r} is one text. Give a list: [{names!r}]."
        )
    return names if names is not None and names is not True else ()


def _names_of(node: Node) -> Iterator[str]:
    """Yield the names under which people mean a node: its own, what it loads, the feature it is a part of."""
    yield node.name
    if _LOADED_TAG in node.tags:
        yield str(node.tags[_LOADED_TAG])
    if node.role is Role.PART:
        yield node.feature
