"""The page of a dataflow: what it is made of, what it needs, what comes out, and its runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from headwater_catalog.inputs import Supply, supplies
from headwater_catalog.lineage import LineageGraph, LineageNode
from headwater_catalog.partitions import Partitions
from headwater_catalog.runs import list_runs
from headwater_catalog.views import DataflowView
from headwater_web.drawing import Drawing, draw_graph
from headwater_web.links import feature_url, lineage_url
from headwater_web.lists import Table, as_files
from headwater_web.reading import as_of, offset_asked, reading
from headwater_web.views.repositories import as_json, makers

__all__ = ["blueprint"]

blueprint = Blueprint("dataflows", __name__)

_COLUMNS: Final = (
    *("key", "name", "kind", "type", "module", "owner", "summary", "output", "needs", "readers"),
)
_PAGE: Final = 100  # features
_DRAWN: Final = 40  # nodes
_LISTED: Final = 200  # inputs
_RUNS: Final = 10


@dataclass(frozen=True, slots=True)
class InputRow:
    """An input from outside, how many features need it, and what the dataflow has for it."""

    node: LineageNode
    readers: int
    supply: Supply | None


@blueprint.get("/r/<repo>/d/<path:name>")
def dataflow(repo: str, name: str) -> str:
    """Show a dataflow."""
    view = as_of(repo)
    flow = view.moment.snapshot.dataflow(name)
    graph = view.moment.graph(name)
    features = sorted((node for node in graph.nodes.values() if not node.is_input), key=lambda node: node.key)
    inputs = sorted((node for node in graph.nodes.values() if node.is_input), key=lambda node: node.key)
    offset, partitions = offset_asked(), view.moment.snapshot.declared.partitions
    return render_template(
        "dataflow.html",
        view=view,
        flow=flow,
        makers=makers(graph, flow),
        as_json=as_json,
        inputs=[_input(graph, flow, node, partitions) for node in inputs[:_LISTED]],
        input_count=len(inputs),
        features=features[offset : offset + _PAGE],
        feature_count=len(features),
        offset=offset,
        limit=_PAGE,
        drawing=_drawing(repo, flow, graph),
        focus=_focus(graph, flow, features),
        partitions=partitions.get(name),
        tables=[use for use in view.moment.snapshot.tables.uses if use.dataflow == name],
        runs=list_runs(reading(), view.repository, dataflow=name, limit=_RUNS),
    )


@as_files(blueprint, "/r/<repo>/d/<path:name>")
def nodes(repo: str, name: str) -> Table | ResponseReturnValue:
    """Give the nodes of a dataflow as a table; a dataflow of the whole name goes before."""
    view, kind = as_of(repo), request.path.rpartition(".")[2]
    if any(flow.name == f"{name}.{kind}" for flow in view.moment.snapshot.dataflows):
        return dataflow(repo, f"{name}.{kind}")
    flow = view.moment.snapshot.dataflow(name)
    graph = view.moment.graph(name)
    made = {key: output for output, key in makers(graph, flow).items()}
    rows = (
        (key, node.name, "input" if node.is_input else "feature", node.type, node.module, node.owner)
        + (node.summary, made.get(key), graph.parents(key), len(graph.children(key)))
        for key, node in sorted(graph.nodes.items())
    )
    return Table(name, _COLUMNS, rows)


def _input(
    graph: LineageGraph, flow: DataflowView, node: LineageNode, partitions: Mapping[str, Partitions]
) -> InputRow:
    supply = next(iter(supplies(node, [flow], partitions)), None)
    return InputRow(node, len(graph.children(node.key)), supply)


def _drawing(repo: str, flow: DataflowView, graph: LineageGraph) -> Drawing | None:
    if not 0 < len(graph.nodes) <= _DRAWN:
        return None

    def href(node: LineageNode) -> str:
        return lineage_url(repo, node.key) if node.is_input else feature_url(repo, node.key)

    return draw_graph(f"Lineage of dataflow {flow.name}", graph, href)


def _focus(graph: LineageGraph, flow: DataflowView, features: Iterable[LineageNode]) -> str | None:
    """Return where to begin to look at a graph that is too large to draw: an output, or any feature."""
    found = makers(graph, flow)
    return next((found[name] for name in flow.outputs if name in found), None) or next(
        (node.key for node in features), None
    )
