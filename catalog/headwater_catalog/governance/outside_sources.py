"""Where inputs come from, as dataflows declare it: files and tables, features elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from headwater_catalog.inputs import Supply, supplies
from headwater_catalog.snapshot import Snapshot

__all__ = ["CONFIGURED", "UNDECLARED", "inputs_by_source"]

UNDECLARED: Final = "not declared"
"""No dataflow says where these inputs come from: whoever runs it gives them."""
CONFIGURED: Final = "configuration"
"""The configuration of a dataflow has a value for these, or that of a run."""

_MOST_TOLD: Final = 5


def inputs_by_source(snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    """Return the keys of the inputs of a snapshot by where they come from, each with what to call that.

    Only a file that is read tells its columns: where a dataflow has several files, and declares none of them
    to have an input, that comes from one of them.
    """
    known = snapshot.kept
    if "inputs by source" not in known:
        known["inputs by source"] = _by_source(snapshot)
    found: Mapping[str, tuple[str, ...]] = known["inputs by source"]
    return found


def _by_source(snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    graph = snapshot.graph
    found: dict[str, list[str]] = {}
    for key in sorted(graph.inputs):
        reading = {flow for child in graph.children(key) for flow in graph.edges[key, child]}
        flows = [flow for flow in snapshot.dataflows if flow.name in reading]
        told = supplies(graph.nodes[key], flows, snapshot.declared.partitions)
        for name in dict.fromkeys(map(_name, told)) or (UNDECLARED,):
            found.setdefault(name, []).append(key)
    return {name: tuple(keys) for name, keys in sorted(found.items())}


def _name(supply: Supply) -> str:
    if supply.feature is not None:
        return supply.feature
    if supply.configured:
        return CONFIGURED
    return _either(supply.paths)


def _either(paths: Iterable[str]) -> str:
    told = list(dict.fromkeys(paths))
    more = f" or {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return " or ".join(told[:_MOST_TOLD]) + more
