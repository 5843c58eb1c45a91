"""Which feature answers a name: variants of features wired into a lineage graph, dataflow by dataflow."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from headwater_catalog.lineage_graph import LineageGraph, LineageNode, input_key
from headwater_catalog.source_specs import is_frame
from headwater_catalog.views import summary_of

__all__ = ["GraphBuilder", "Need"]


_MOST_MAKERS: Final = 100
"""Features that answer one name in one dataflow; thousands for thousands that ask fill the memory."""

_TOLD: Final = (False, None, True)
"""Whether an input is a table, by how much of its lineage hangs on it."""


@dataclass(frozen=True, slots=True)
class Need:
    """A name that a feature asks for, and the type that it asks for."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class _Declared:
    """What a module says of an input."""

    module: str
    type: str
    summary: str
    owner: str


class GraphBuilder:
    """Collects the variants of features, then wires them dataflow by dataflow."""

    def __init__(self) -> None:
        self._nodes: dict[str, LineageNode] = {}
        self._needs: dict[str, dict[str, Need]] = {}
        self._edges: dict[tuple[str, str], dict[str, None]] = {}
        self._resolved: dict[str, dict[str, dict[str, None]]] = {}
        self._declared: dict[str, list[_Declared]] = {}

    def add(
        self,
        module: str,
        name: str,
        *,
        type: str,
        doc: str,
        owner: str,
        parts: Iterable[str],
        needs: Iterable[Need],
    ) -> None:
        """Add a variant of a feature; the first one describes the node, all of them have parts and needs."""
        key, own_parts = f"{module}:{name}", tuple(parts)
        asked = self._needs.setdefault(key, {})
        for need in needs:
            known = asked.setdefault(need.name, need)
            asked[need.name] = need if _says_more(need.type, known.type) else known
        if first := self._nodes.get(key):
            self._nodes[key] = replace(first, parts=tuple(dict.fromkeys(first.parts + own_parts)))
            return
        self._nodes[key] = LineageNode(
            key=key,
            name=name,
            module=module,
            type=type,
            summary=summary_of(doc),
            owner=owner,
            parts=own_parts,
        )

    def declare(self, module: str, name: str, *, type: str, doc: str, owner: str) -> None:
        """Note what a module says of an input; in a dataflow the first of its modules counts."""
        self._declared.setdefault(name, []).append(_Declared(module, type, summary_of(doc), owner))

    def wire(self, dataflow: str, modules: Collection[str]) -> None:
        """Answer each name that the features of a dataflow ask for, by whatever its modules make of it.

        Where several features make it, each has an edge, up to a hundred of them; where none does, it is an
        input from outside.
        """
        inside = [node for node in self._nodes.values() if node.module in modules]
        makers: dict[str, list[str]] = {}
        for node in inside:
            for name in dict.fromkeys((node.name, *node.parts)):
                makers.setdefault(name, []).append(node.key)
        makers = {name: sorted(keys)[:_MOST_MAKERS] for name, keys in makers.items()}
        for node in inside:
            for need in self._needs[node.key].values():
                for source in makers.get(need.name) or [self._input(need, modules)]:
                    self._edges.setdefault((source, node.key), {})[dataflow] = None
                    self._resolved.setdefault(node.key, {}).setdefault(need.name, {})[source] = None

    def _input(self, need: Need, modules: Collection[str]) -> str:
        key = input_key(need.name)
        known = self._nodes.get(key)
        if known is None:
            known = self._nodes[key] = LineageNode(key=key, name=need.name, module="", type=need.type)
        elif not known.is_declared and _says_more(need.type, known.type):
            known = self._nodes[key] = replace(known, type=need.type)
        if not known.is_declared:
            told = (each for each in self._declared.get(need.name, ()) if each.module in modules)
            if (said := next(told, None)) is not None:
                self._nodes[key] = replace(
                    known, type=said.type, summary=said.summary, owner=said.owner, is_declared=True
                )
        return key

    def finish(self) -> LineageGraph:
        """Return the graph."""
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # few lists of dataflows, many edges
        flows = ((pair, tuple(names)) for pair, names in self._edges.items())
        return LineageGraph(
            nodes=self._nodes,
            edges={pair: shared.setdefault(names, names) for pair, names in flows},
            resolved={
                target: {name: tuple(keys) for name, keys in names.items()}
                for target, names in self._resolved.items()
            },
        )


def _says_more(type_: str, known: str) -> bool:
    """Tell whether a type says more of an input than another that it is asked for as: that it may be a table.

    An input must be what all ask for, so that one of them makes it a table.
    """
    return type_ != known and _TOLD.index(is_frame(type_)) > _TOLD.index(is_frame(known))
