"""The lineage page: a graph around one feature, and the whole of it as a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from flask import Blueprint, render_template, request

from headwater_catalog.errors import NotFound
from headwater_catalog.inputs import Supply, supplies
from headwater_catalog.lineage import INPUT_PREFIX, LineageGraph, LineageNode
from headwater_catalog.spelling import nearest_keys
from headwater_catalog.views import DataflowView
from headwater_web.drawing import draw
from headwater_web.links import lineage_url
from headwater_web.reading import as_of

__all__ = ["blueprint"]

blueprint = Blueprint("lineage", __name__)

_DEPTHS = (0, 1, 2, 3, 5, 10)
_LISTED = 2_000  # nodes of each side, the nearest; their number is told in full
_DEPTH = 2  # steps each way that a page opens with


@dataclass(frozen=True, slots=True)
class Ring:
    """The nodes at one distance of the focus."""

    distance: int
    nodes: tuple[LineageNode, ...]


@blueprint.get("/r/<repo>/lineage")
def lineage(repo: str) -> str:
    """Show what a feature needs and feeds, some steps each way."""
    view = as_of(repo)
    dataflow = request.args.get("dataflow") or None
    up, down = (_depth(request.args.get(side)) for side in ("up", "down"))
    graph = view.moment.graph(dataflow)
    focus = graph[_key(graph, request.args.get("focus", ""))]
    shown = graph.neighbourhood(focus.key, up, down)
    whole = graph.closure(focus.key)
    flows = view.moment.snapshot.dataflows
    return render_template(
        "lineage.html",
        view=view,
        focus=focus,
        shown=shown,
        drawing=draw(shown, lambda node: lineage_url(repo, node.key, up=up, down=down, dataflow=dataflow)),
        up=up,
        down=down,
        depths=_DEPTHS,
        deeper=_deeper,
        dataflow=dataflow,
        dataflows=[flow.name for flow in flows],
        supplies=_supplies(graph, focus, flows),
        sides=(
            ("Upstream", "what it needs", len(whole.up), _rings(graph, whole.up)),
            ("Downstream", "what needs it", len(whole.down), _rings(graph, whole.down)),
        ),
        listed=_LISTED,
    )


def _depth(text: str | None) -> int:
    is_number = text and text.isascii() and text.isdigit() and len(text) < 5
    return min(int(text), _DEPTHS[-1]) if text and is_number else _DEPTH


def _deeper(depth: int) -> int:
    """Return the next depth that the page offers."""
    return next((offered for offered in _DEPTHS if offered > depth), _DEPTHS[-1])


def _key(graph: LineageGraph, text: str) -> str:
    """Return the key that a reader's text means: itself, or a bare name that only one node has.

    Raises:
        NotFound: It means none.
    """
    if not text:
        raise NotFound("Say which feature to look at: add ?focus=module:name to the address.")
    if text in graph.nodes:
        return text
    keys: dict[str, list[str]] = {}
    for key, node in graph.nodes.items():
        keys.setdefault(node.name, []).append(key)
    named = keys.get(text, [])
    made = [key for key in named if not key.startswith(INPUT_PREFIX)] or named
    if len(made) == 1:
        return made[0]
    raise NotFound(f"No feature or input '{text}' in this lineage.{nearest_keys(text, keys)}")


def _supplies(graph: LineageGraph, focus: LineageNode, flows: Iterable[DataflowView]) -> tuple[Supply, ...]:
    """Return what the dataflows that read an input have for it."""
    if not focus.is_input:
        return ()
    reading_it = {name for child in graph.children(focus.key) for name in graph.edges[focus.key, child]}
    return supplies(focus.name, (flow for flow in flows if flow.name in reading_it))


def _rings(graph: LineageGraph, distances: Mapping[str, int]) -> tuple[Ring, ...]:
    rings: dict[int, list[LineageNode]] = {}
    for key, distance in islice(distances.items(), _LISTED):
        rings.setdefault(distance, []).append(graph.nodes[key])
    return tuple(
        Ring(distance, tuple(sorted(nodes, key=lambda node: node.name)))
        for distance, nodes in sorted(rings.items())
    )
