"""Which feature answers a name: variants of features wired into a lineage graph, dataflow by dataflow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headwater_catalog.lineage_graph import LineageGraph, LineageNode, input_key
from headwater_catalog.views import summary_of

__all__ = ["GraphBuilder", "Need"]


@dataclass(frozen=True, slots=True)
class Need:
    """A name that a feature asks for, and the type that it asks for."""

    name: str
    type: str


class GraphBuilder:
    """Collects the variants of features, then wires them dataflow by dataflow."""

    def __init__(self) -> None:
        self._nodes: dict[str, LineageNode] = {}
        self._needs: dict[str, dict[str, Need]] = {}
        self._edges: dict[tuple[str, str], dict[str, None]] = {}
        self._resolved: dict[str, dict[str, dict[str, None]]] = {}

    def add(
        self,
        module: str,
        name: str,
        *,
        type: str,
        doc: str,
        tags: Mapping[str, Any],
        parts: Iterable[str],
        needs: Iterable[Need],
    ) -> None:
        """Add a variant of a feature; the first one describes the node, all of them have parts and needs."""
        key, own_parts = f"{module}:{name}", tuple(parts)
        asked = self._needs.setdefault(key, {})
        for need in needs:
            asked.setdefault(need.name, need)
        if first := self._nodes.get(key):
            self._nodes[key] = replace(first, parts=tuple(dict.fromkeys(first.parts + own_parts)))
            return
        self._nodes[key] = LineageNode(
            key=key,
            name=name,
            module=module,
            type=type,
            summary=summary_of(doc),
            owner=str(tags.get("owner", "")),
            parts=own_parts,
        )

    def wire(self, dataflow: str, modules: Collection[str]) -> None:
        """Answer each name that the features of a dataflow ask for, by whatever its modules make of it.

        Where several features make it, each has an edge; where none does, it is an input from outside.
        """
        inside = [node for node in self._nodes.values() if node.module in modules]
        makers: dict[str, list[str]] = {}
        for node in inside:
            for name in dict.fromkeys((node.name, *node.parts)):
                makers.setdefault(name, []).append(node.key)
        for node in inside:
            for need in self._needs[node.key].values():
                for source in makers.get(need.name) or [self._input(need)]:
                    self._edges.setdefault((source, node.key), {})[dataflow] = None
                    self._resolved.setdefault(node.key, {}).setdefault(need.name, {})[source] = None

    def _input(self, need: Need) -> str:
        key = input_key(need.name)
        if key not in self._nodes:
            self._nodes[key] = LineageNode(key=key, name=need.name, module="", type=need.type)
        return key

    def finish(self) -> LineageGraph:
        """Return the graph."""
        return LineageGraph(
            nodes=self._nodes,
            edges={pair: tuple(names) for pair, names in self._edges.items()},
            resolved={
                target: {name: tuple(keys) for name, keys in names.items()}
                for target, names in self._resolved.items()
            },
        )
