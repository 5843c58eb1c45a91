"""What a cache knows of one execution while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from headwater.caching.behaviors import CachingBehavior
from headwater.caching.code import CodeVersions
from headwater.caching.events import CachingEvent
from headwater.fingerprints import fingerprint
from headwater.graph import Graph
from headwater.lifecycle.views import NodeType, NodeView
from headwater.node import Argument, Node

__all__ = ["CachedRun", "Versioned"]

Versioned = tuple[str | None, str]
"""A task, or None where there are none, and a node."""

_IGNORED = "ignored"


class CachedRun:
    """One execution: what its nodes were computed from, and what came of it.

    Attributes:
        run_id: The execution.
        graph: The graph.
        behaviors: How the values of each node are kept.
        codes: Versions of the graph's nodes.
        data_versions: Fingerprints of values, by task and node; None for values that have none.
        cache_keys: Keys of values, by task and node.
        code_versions: Versions of the nodes that were looked up or computed.
        events: What happened.
        final_vars: What was asked for.
        overridden: Names of the overrides.
    """

    def __init__(
        self,
        run_id: str,
        graph: Graph | None,
        behaviors: Mapping[str, CachingBehavior],
        codes: CodeVersions,
    ) -> None:
        """Begin with nothing computed."""
        self.run_id = run_id
        self.graph = graph
        self.behaviors = behaviors
        self.codes = codes
        self.data_versions: dict[Versioned, str | None] = {}
        self.cache_keys: dict[Versioned, str] = {}
        self.code_versions: dict[str, str | None] = {}
        self.events: list[CachingEvent] = []
        self.final_vars: list[str] = []
        self.overridden: dict[str, Any] = {}

    def behavior(self, node: str) -> CachingBehavior:
        """Return how the values of a node are kept."""
        return self.behaviors.get(node, CachingBehavior.DEFAULT)

    def key(self, node: Node, kwargs: Mapping[str, Any], task_id: str | None) -> str | None:
        """Return the key of a node's value: what it will be computed by, and from what.

        Returns:
            The key, or None where the code or a value cannot be told, so that nothing can be looked up.
        """
        code = self.code_versions[node.name] = self.codes.of(node)
        if code is None:
            return None
        parts = [node.name, code]
        for argument in node.arguments:
            if argument.node is not None:
                version = self._version_of(argument, kwargs, task_id)
                if version is None:
                    return None
                parts.append(version)
        key = blake2b("\0".join(parts).encode(), digest_size=20).hexdigest()
        self.cache_keys[task_id, node.name] = key
        return key

    def _version_of(self, argument: Argument, kwargs: Mapping[str, Any], task_id: str | None) -> str | None:
        name = argument.node
        assert name is not None
        behavior = self.behavior(name)
        if behavior is CachingBehavior.IGNORE:
            return _IGNORED
        if behavior is CachingBehavior.DISABLE:
            return None
        if name not in kwargs:
            return fingerprint(argument.value)
        if (task_id, name) in self.data_versions:
            return self.data_versions[task_id, name]
        version = fingerprint(kwargs[name])
        if self._is_given(name):
            self.data_versions[task_id, name] = version
        return version

    def _is_given(self, name: str) -> bool:
        # Another value of this name may come later only where a fan-out makes several.
        return name in self.overridden or self._node_role(name) is NodeType.EXTERNAL

    def _node_role(self, name: str) -> NodeType | None:
        return NodeView(self.graph[name]).node_role if self.graph is not None and name in self.graph else None

    def by_name(self, found: Mapping[Versioned, Any]) -> dict[str, Any]:
        """Return what is known of each node; by task where a node is computed once for each of several."""
        shown: dict[str, Any] = {}
        for (task_id, name), version in found.items():
            once = task_id is None or task_id == name or name in self.overridden
            if once or self._node_role(name) in (NodeType.EXTERNAL, NodeType.COLLECT):
                shown[name] = version
            else:
                shown.setdefault(name, {})[task_id] = version
        return shown
