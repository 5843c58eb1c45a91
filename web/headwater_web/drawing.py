"""Lineage as a drawing: boxes and curves with addresses, which a template writes down as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater_catalog.layout import Placement, Point, layered
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
    arcs: list[str] = []
    here = (source.x + source.width, source.y + source.height / 2)
    path = f"M{here[0]:.1f} {here[1]:.1f}"
    for x, y in placement.bends.get((edge.source, edge.target), ()):
        left, right = _column(x + _MARGIN, nodes)
        arcs += [_arc(here, (left, y + _MARGIN)), f"H{right:.1f}"]
        here = (right, y + _MARGIN)
    arcs.append(_arc(here, (target.x, target.y + target.height / 2)))
    return DrawnEdge(path + "".join(arcs), "is-near" if focus in (edge.source, edge.target) else "")


def _column(x: float, nodes: dict[str, DrawnNode]) -> tuple[float, float]:
    """Return where the column of boxes around x begins and ends, so that an edge may cross it level."""
    inside = [box for box in nodes.values() if box.x <= x <= box.x + box.width]
    return min((box.x for box in inside), default=x), max((box.x + box.width for box in inside), default=x)


def _arc(start: Point, end: Point) -> str:
    """Return a curve that leaves and arrives level."""
    bend = max(20.0, abs(end[0] - start[0]) / 2)
    return f"C{start[0] + bend:.1f} {start[1]:.1f} {end[0] - bend:.1f} {end[1]:.1f} {end[0]:.1f} {end[1]:.1f}"
