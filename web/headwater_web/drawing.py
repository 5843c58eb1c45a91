"""Lineage as a drawing: boxes and curves with addresses, which a template writes down as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor

from headwater.display.layout import Placement, Point, curve, layered
from headwater_catalog.lineage import Hidden, LineageGraph, LineageNode, Neighbourhood

__all__ = [
    "Drawing",
    "DrawnEdge",
    "DrawnNode",
    "Rim",
    "box_size",
    "draw",
    "draw_boxes",
    "draw_changes",
    "draw_graph",
    "origin",
]

_CHARACTER = 7.25  # width of a character of the graph's 12 px monospaced type
_SUB_CHARACTER = 6.4  # width to allow for a character of the small type below it
_LONGEST = 34  # characters shown of a name
_PADDING = 13
_HEIGHT = 40
_MARGIN = 14


@dataclass(frozen=True, slots=True)
class Rim:
    """A count at the edge of a box, of neighbours that are not drawn; following it brings them."""

    side: str
    count: int
    href: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A box; `css` says what it stands for."""

    node: LineageNode
    label: str
    sub: str
    href: str
    css: str
    x: float
    y: float
    width: float
    height: float
    rims: tuple[Rim, ...] = ()


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """A curve from a box to one that needs it."""

    path: str
    css: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A neighbourhood, placed; it knows in words what it shows."""

    title: str
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    width: float
    height: float


def draw(shown: Neighbourhood, href: Callable[[LineageNode], str]) -> Drawing:
    """Place a neighbourhood and give each node the address that `href` makes."""
    marks = {shown.focus: "is-focus"}
    subs = {key: _sub(node, shown.hidden.get(key)) for key, node in shown.nodes.items()}
    near = {
        (edge.source, edge.target): "is-near" if shown.focus in (edge.source, edge.target) else ""
        for edge in shown.edges
    }
    ups = sum(steps < 0 for steps in shown.distances.values())
    downs = sum(steps > 0 for steps in shown.distances.values())
    title = f"Lineage of {shown.nodes[shown.focus].name}: {ups} upstream and {downs} downstream shown"
    return _drawing(title, shown.nodes, subs, marks, near, href)


def draw_graph(title: str, graph: LineageGraph, href: Callable[[LineageNode], str]) -> Drawing:
    """Place a whole graph, which must be small."""
    subs = {key: _sub(node, None) for key, node in graph.nodes.items()}
    return _drawing(title, graph.nodes, subs, {}, dict.fromkeys(graph.edges, ""), href)


def draw_changes(
    nodes: Mapping[str, LineageNode],
    marks: Mapping[str, str],
    edges: Mapping[tuple[str, str], str],
    href: Callable[[LineageNode], str],
) -> Drawing:
    """Place what came into a graph and what went from it.

    Args:
        nodes: The nodes by key.
        marks: `is-added` or `is-removed` for those that are not on both sides.
        edges: The same for pairs (source, target), or nothing for what stayed.
        href: Gives the address of a node.
    """
    said = {"is-added": "+ ", "is-removed": "\N{MINUS SIGN} "}
    subs = {key: said.get(marks.get(key, ""), "") + _sub(node, None) for key, node in nodes.items()}
    came, went = (sum(mark == wanted for mark in edges.values()) for wanted in said)
    title = f"Lineage that changed: {came} new edges, drawn solid, and {went} that are gone, drawn dashed"
    return _drawing(title, nodes, subs, marks, edges, href)


def _drawing(
    title: str,
    nodes: Mapping[str, LineageNode],
    subs: Mapping[str, str],
    marks: Mapping[str, str],
    edges: Mapping[tuple[str, str], str],
    href: Callable[[LineageNode], str],
) -> Drawing:
    sizes = {key: box_size(node, subs[key]) for key, node in nodes.items()}
    return draw_boxes(title, nodes, subs, marks, edges, href, layered(list(nodes), list(edges), sizes), sizes)


def draw_boxes(
    title: str,
    nodes: Mapping[str, LineageNode],
    subs: Mapping[str, str],
    marks: Mapping[str, str],
    edges: Mapping[tuple[str, str], str],
    href: Callable[[LineageNode], str],
    placement: Placement,
    sizes: Mapping[str, Point],
) -> Drawing:
    """Draw nodes that have their places.

    Args:
        title: What the drawing shows, in words.
        nodes: The nodes by key.
        subs: The small line of each.
        marks: CSS classes of those that have any.
        edges: CSS classes of pairs (source, target), or nothing.
        href: Gives the address of a node.
        placement: Where the nodes stand; it may know others.
        sizes: Width and height that each node wants; it gets no more than its column has.
    """
    boxes: dict[str, DrawnNode] = {}
    for key, node in nodes.items():
        css = " ".join(filter(None, (marks.get(key), "" if node.module else "is-input")))
        x, y = placement.positions[key]
        width = min(sizes[key][0], placement.rights[key] - x)
        label, sub = _fit(node.name, width, _CHARACTER), _fit(subs[key], width, _SUB_CHARACTER)
        boxes[key] = DrawnNode(
            node, label, sub, href(node), css, x + _MARGIN, y + _MARGIN, width, sizes[key][1]
        )
    return Drawing(
        title=title,
        nodes=tuple(boxes.values()),
        edges=tuple(DrawnEdge(_path(edge, boxes, placement), css) for edge, css in edges.items()),
        width=placement.width + 2 * _MARGIN,
        height=placement.height + 2 * _MARGIN,
    )


def box_size(node: LineageNode, sub: str) -> Point:
    """Return width and height of a box with the name of a node and a small line below."""
    text = max(min(len(node.name), _LONGEST) * _CHARACTER, len(sub) * _SUB_CHARACTER)
    return text + 2 * _PADDING, float(_HEIGHT)


def _sub(node: LineageNode, hidden: Hidden | None) -> str:
    """Say where a node comes from, and how many of its neighbours are not drawn."""
    counts = (("←", hidden.up), ("→", hidden.down)) if hidden else ()
    return " ".join([origin(node), *(f"{arrow}{count}" for arrow, count in counts if count)])


def origin(node: LineageNode) -> str:
    """Say where a node comes from: the last part of its module, or that it is from outside."""
    return _cut(node.module.rpartition(".")[2], _LONGEST) if node.module else node.kind


def _fit(text: str, width: float, character: float) -> str:
    """Cut a text to what a box has room for."""
    return _cut(text, min(floor((width - 2 * _PADDING) / character + 0.01), _LONGEST))


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: max(longest, 2) - 1]}…"


def _path(edge: tuple[str, str], boxes: Mapping[str, DrawnNode], placement: Placement) -> str:
    source, target = boxes[edge[0]], boxes[edge[1]]
    bends = [
        (left + _MARGIN, right + _MARGIN, y + _MARGIN) for left, right, y in placement.bends.get(edge, ())
    ]
    start = (source.x + source.width, source.y + source.height / 2)
    end = (target.x, target.y + target.height / 2)
    right = placement.rights[edge[0]] + _MARGIN
    return "".join(
        letter + " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
        for letter, points in curve(start, right, bends, end)
    )
