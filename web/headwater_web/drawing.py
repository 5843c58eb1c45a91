"""Lineage as a drawing: boxes and curves with addresses, which a template writes down as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater.display.layout import Placement, curve, layered
from headwater_catalog.lineage import Hidden, LineageEdge, LineageNode, Neighbourhood

__all__ = ["Drawing", "DrawnEdge", "DrawnNode", "draw"]

_CHARACTER = 7.25  # width of a character of the graph's 12 px monospaced type
_SUB_CHARACTER = 6.4  # width to allow for a character of the small type below it
_LONGEST = 34  # characters shown of a name
_PADDING = 13
_HEIGHT = 40
_MARGIN = 14


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
    subs = {key: _sub(node, shown.hidden.get(key)) for key, node in shown.nodes.items()}
    sizes = {key: (_width(node, subs[key]), float(_HEIGHT)) for key, node in shown.nodes.items()}
    placement = layered(list(shown.nodes), [(edge.source, edge.target) for edge in shown.edges], sizes)
    nodes: dict[str, DrawnNode] = {}
    for key, node in shown.nodes.items():
        css = "is-focus" if key == shown.focus else "is-input" if node.is_input else ""
        x, y = placement.positions[key]
        nodes[key] = DrawnNode(
            node, _cut(node.name), subs[key], href(node), css, x + _MARGIN, y + _MARGIN, *sizes[key]
        )
    ups = sum(steps < 0 for steps in shown.distances.values())
    downs = sum(steps > 0 for steps in shown.distances.values())
    return Drawing(
        title=f"Lineage of {shown.nodes[shown.focus].name}: {ups} upstream and {downs} downstream shown",
        nodes=tuple(nodes.values()),
        edges=tuple(_curve(edge, shown.focus, nodes, placement) for edge in shown.edges),
        width=placement.width + 2 * _MARGIN,
        height=placement.height + 2 * _MARGIN,
    )


def _width(node: LineageNode, sub: str) -> float:
    text = max(min(len(node.name), _LONGEST) * _CHARACTER, len(sub) * _SUB_CHARACTER)
    return text + 2 * _PADDING


def _sub(node: LineageNode, hidden: Hidden | None) -> str:
    """Say where a node comes from, and how many of its neighbours are not drawn."""
    origin = "input" if node.is_input else _cut(node.module.rpartition(".")[2])
    counts = (("←", hidden.up), ("→", hidden.down)) if hidden else ()
    return " ".join([origin, *(f"{arrow}{count}" for arrow, count in counts if count)])


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _curve(edge: LineageEdge, focus: str, nodes: dict[str, DrawnNode], placement: Placement) -> DrawnEdge:
    source, target = nodes[edge.source], nodes[edge.target]
    bends = [
        (left + _MARGIN, right + _MARGIN, y + _MARGIN)
        for left, right, y in placement.bends.get((edge.source, edge.target), ())
    ]
    start = (source.x + source.width, source.y + source.height / 2)
    end = (target.x, target.y + target.height / 2)
    right = placement.rights[edge.source] + _MARGIN
    path = "".join(
        letter + " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
        for letter, points in curve(start, right, bends, end)
    )
    return DrawnEdge(path, "is-near" if focus in (edge.source, edge.target) else "")
