"""Who needed whom at any commit of a stretch of a main line: one graph of all of them together."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from headwater_catalog.collection import without_collection
from headwater_catalog.lineage_graph import LineageGraph
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.store.intervals import holds_at
from headwater_catalog.store.models import (
    Dataflow,
    DataflowVersion,
    Dependency,
    Feature,
    FeatureVersion,
    Interval,
    Repository,
)
from headwater_catalog.stored_snapshots import json_text
from headwater_catalog.wiring import GraphBuilder, Need

__all__ = ["Flow", "WiredFlows", "stretch_graph", "wired_flows"]

_MOST_PLACES = 300  # of one statement


@dataclass(frozen=True, slots=True)
class Flow:
    """A dataflow: its modules, and the nodes that it declares as what it is for."""

    modules: frozenset[str]
    outputs: frozenset[str]


@dataclass(frozen=True)
class WiredFlows:
    """A lineage graph with its dataflows.

    Attributes:
        graph: Who needs whom.
        flows: The dataflows by name.
        unsure: The keys of features that may need more than is known, each with a reason.
    """

    graph: LineageGraph
    flows: Mapping[str, Flow]
    unsure: Mapping[str, str]

    @cached_property
    def _makers(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for node in self.graph.nodes.values():
            if not node.is_input:
                for name in dict.fromkeys((node.name, *node.parts)):
                    found[name].append(node.key)
        return found

    def made(self, name: str, flow: str | None = None) -> list[str]:
        """Return the keys of the features that make a node, `name` or `module:name`.

        Args:
            name: The node.
            flow: A dataflow, whose modules alone count if one of them makes it.
        """
        module, _, bare = name.rpartition(":")
        keys = [
            key for key in self._makers.get(bare, ()) if not module or self.graph.nodes[key].module == module
        ]
        modules = self.flows[flow].modules if flow is not None and flow in self.flows else frozenset()
        inside = [key for key in keys if self.graph.nodes[key].module in modules]
        return inside or keys

    def outputs(self) -> Iterator[tuple[str, str]]:
        """Yield the dataflows and the keys of the features that they declare as outputs."""
        for name, flow in self.flows.items():
            for output in sorted(flow.outputs):
                yield from ((name, key) for key in self.made(output, name))

    def needed_for(self, keys: Iterable[str]) -> set[str]:
        """Return some features with all that is upstream of them."""
        pending = [key for key in keys if key in self.graph.nodes]
        found = set(pending)
        while pending:
            new = [key for key in self.graph.parents(pending.pop()) if key not in found]
            found.update(new)
            pending += new
        return found


def wired_flows(snapshot: Snapshot) -> WiredFlows:
    """Return who needs whom at one moment."""
    flows = {each.name: Flow(frozenset(each.modules), frozenset(each.outputs)) for each in snapshot.dataflows}
    unsure = ((each.key, _doubt(each.partial)) for each in snapshot.features)
    return WiredFlows(snapshot.graph, flows, {key: doubt for key, doubt in unsure if doubt})


def stretch_graph(
    session: Session, repository: Repository, first: int, last: int, places: Collection[int] = ()
) -> WiredFlows:
    """Return who needed whom at any commit of a stretch of the main line.

    What was there at different commits is wired together, too: so it may say that something was needed that
    never was, but never that something was not which was.

    Args:
        session: An open session.
        repository: The repository.
        first: The first position of the stretch.
        last: The last one.
        places: Other positions that count as well.
    """
    if len(places) > _MOST_PLACES:
        first, places = min(first, *places), ()

    def during(model: type[Interval]) -> ColumnElement[bool]:
        until: Any = model.valid_until
        inside = and_(model.valid_from <= last, or_(until.is_(None), until > first))
        return or_(inside, *(holds_at(model, place) for place in places))

    with without_collection():
        builder, need = GraphBuilder(), cache(Need)
        unsure: dict[str, str] = {}
        needs = _needs(session, repository, during(FeatureVersion))
        rows = session.connection().execute(
            select(
                *(FeatureVersion.id, Feature.module, Feature.name),
                *map(json_text, (FeatureVersion.parts, FeatureVersion.partial)),
            )
            .join(Feature, Feature.id == FeatureVersion.feature_id)
            .where(Feature.repository_id == repository.id, during(FeatureVersion))
        )
        for number, module, name, parts, partial in rows.all():
            made = [part["name"] for part in json.loads(parts)] if parts != "[]" else ()
            asked = [need(each, "") for each in needs.get(number, ())]
            builder.add(module, name, type="", doc="", owner="", parts=made, needs=asked)
            if partial != "[]" and (doubt := _doubt(json.loads(partial))):
                unsure[f"{module}:{name}"] = doubt
        flows = _flows(session, repository, during(DataflowVersion))
        for name, flow in flows.items():
            builder.wire(name, flow.modules)
        return WiredFlows(builder.finish(), flows, unsure)


def _needs(session: Session, repository: Repository, wanted: ColumnElement[bool]) -> Mapping[int, list[str]]:
    rows = session.connection().execute(
        select(Dependency.feature_version_id, Dependency.name)
        .join(FeatureVersion, FeatureVersion.id == Dependency.feature_version_id)
        .join(Feature, Feature.id == FeatureVersion.feature_id)
        .where(Feature.repository_id == repository.id, wanted)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for number, name in rows.all():
        found[number].append(name)
    return found


def _flows(session: Session, repository: Repository, wanted: ColumnElement[bool]) -> dict[str, Flow]:
    rows = session.execute(
        select(Dataflow.name, DataflowVersion.modules, DataflowVersion.outputs)
        .join(DataflowVersion.dataflow)
        .where(Dataflow.repository_id == repository.id, wanted)
        .order_by(Dataflow.name)
    )
    found: dict[str, Flow] = {}
    for name, modules, outputs in rows:
        known = found.get(name, Flow(frozenset(), frozenset()))
        found[name] = Flow(known.modules.union(modules), known.outputs.union(outputs))
    return found


def _doubt(partial: Iterable[str]) -> str:
    """Return why a feature may need more than is known; nothing where only its types are not known."""
    return next((reason for reason in partial if "is only known as text" not in reason), "")
