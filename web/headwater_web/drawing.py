"""Lineage as a drawing: boxes and curves with addresses, which a template writes down as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headwater_catalog.layout import Placement, Point, layered
from headwater_catalog.lineage import Hidden, LineageEdge, LineageNode, Neighbourhood

__all__ = ["Drawing", "DrawnEdge", "DrawnNode", "draw"]

_CHARACTER = 7.25  # width of a character of the graph's 12 px monospaced type
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
    sizes = {key: (_width(node), float(_HEIGHT)) for key, node in shown.nodes.items()}
    placement = layered(list(shown.nodes), [(edge.source, edge.target) for edge in shown.edges], sizes)
    nodes = {
        key: _box(node, shown, placement, sizes[key][0], href(node)) for key, node in shown.nodes.items()
    }
    ups = sum(steps < 0 for steps in shown.distances.values())
    downs = sum(steps > 0 for steps in shown.distances.values())
    return Drawing(
        title=f"Lineage of {shown.nodes[shown.focus].name}: {ups} upstream and {downs} downstream shown",
        nodes=tuple(nodes.values()),
        edges=tuple(_curve(edge, shown.focus, nodes, placement) for edge in shown.edges),
        width=placement.width + 2 * _MARGIN,
        height=placement.height + 2 * _MARGIN,
    )


def _width(node: LineageNode) -> float:
    longest = max(min(len(node.name), _LONGEST), len(_origin(node)) * 0.82)
    return longest * _CHARACTER + 2 * _PADDING


def _origin(node: LineageNode) -> str:
    if node.is_input:
        return "input"
    tail = node.module.rpartition(".")[2]
    return tail if len(tail) <= _LONGEST else f"{tail[: _LONGEST - 1]}…"


def _box(node: LineageNode, shown: Neighbourhood, placement: Placement, width: float, href: str) -> DrawnNode:
    x, y = placement.positions[node.key]
    css = "is-focus" if node.key == shown.focus else "is-input" if node.is_input else ""
    hidden = shown.hidden.get(node.key, Hidden(0, 0))
    more = [f"{arrow}{count}" for arrow, count in (("←", hidden.up), ("→", hidden.down)) if count]
    label = node.name if len(node.name) <= _LONGEST else f"{node.name[: _LONGEST - 1]}…"
    sub = " ".join([_origin(node), *more])
    return DrawnNode(node, label, sub, href, css, x + _MARGIN, y + _MARGIN, width, _HEIGHT)


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
