"""The lineage explorer: what an address asks for, found in the graph and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from headwater.display.layout import Point
from headwater_catalog.exploration import Exploration, Group, explore, folded
from headwater_catalog.lineage import LineageGraph, LineageNode
from headwater_catalog.moments import Moment
from headwater_web.drawing import Drawing, DrawnNode, Rim, box_size, draw_boxes, origin
from headwater_web.explorer_state import ExplorerState
from headwater_web.lenses import Lens, by_name, group_names, label_of, lens_names
from headwater_web.placing import placed

__all__ = ["Explored", "explored", "picture"]

_LEAST = 150.0  # width of a box; in narrower columns, later nodes would lose their names
_RIM = 3.0  # below the upper edge of its box, for the middle of a count
_LONGEST = 30  # characters of the small line


@dataclass(frozen=True, slots=True)
class Explored:
    """What the page shows.

    Attributes:
        state: What was asked for, with the whole key of the focus.
        graph: The graph of the dataflow, whole.
        seen: The graph that is unfolded: the same, or with groups in place of nodes.
        groups: The groups in it, by key.
        found: What is drawn of it.
        lens: The colours; None without a lens.
    """

    state: ExplorerState
    graph: LineageGraph
    seen: LineageGraph
    groups: Mapping[str, Group]
    found: Exploration
    lens: Lens | None

    @property
    def focus(self) -> LineageNode:
        """The node in the middle."""
        return self.graph.nodes[self.found.focus]


def explored(state: ExplorerState, moment: Moment, graph: LineageGraph, earlier: Moment | None) -> Explored:
    """Return what a state of the page shows.

    Args:
        state: The state; its focus is a key of the graph.
        moment: The repository at the commit of the page.
        graph: Who needs whom.
        earlier: The commit from which the lens of changes counts.

    Raises:
        NotFound: The focus, or the other end of the ways, is not in the graph.
    """
    seen: LineageGraph = graph
    groups: Mapping[str, Group] = {}
    if state.group in group_names(moment) and not state.to:
        seen, groups = folded(graph, state.focus, label_of(moment, state.group), state.unfolded)
    found = explore(
        seen,
        state.focus,
        state.steps("up"),
        state.steps("down"),
        to=state.to or None,
        openings=state.openings,
        hidden=state.hidden,
    )
    return Explored(state, graph, seen, groups, found, _lens(state, moment, earlier, found, groups))


def _lens(
    state: ExplorerState,
    moment: Moment,
    earlier: Moment | None,
    found: Exploration,
    groups: Mapping[str, Group],
) -> Lens | None:
    if state.lens not in lens_names(moment):
        return None
    members = {key: group.members for key, group in groups.items()}
    return by_name(moment, earlier, found.nodes, state.lens, members)


def picture(page: Explored) -> Drawing:
    """Draw what the page shows; each box leads to its facts, each rim to more neighbours."""
    found = page.found
    subs = {key: _sub(page, page.seen.nodes[key]) for wave in found.waves for key in wave.keys}
    sizes = {key: _size(page.seen.nodes[key], sub) for key, sub in subs.items()}
    choosing = page.state.choosing()
    edges = {(edge.source, edge.target): _edge_css(found, edge.source, edge.target) for edge in found.edges}
    all_edges = [(edge.source, edge.target) for edge in page.seen.edges_among(found.waves[0].keys)]
    drawing = draw_boxes(
        _title(page),
        found.nodes,
        subs,
        {key: _css(page, key) for key in found.nodes},
        edges,
        lambda node: choosing(node.key),
        placed(found.waves, all_edges, sizes),
        sizes,
    )
    opening = page.state.opening()
    return replace(
        drawing, nodes=tuple(replace(box, rims=_rims(page, box, opening)) for box in drawing.nodes)
    )


def _size(node: LineageNode, sub: str) -> Point:
    width, height = box_size(node, sub)
    return max(width, _LEAST), height


def _title(page: Explored) -> str:
    shown = len(page.found.nodes)
    return f"Lineage of {page.focus.name}: {shown} {'node' if shown == 1 else 'nodes'} shown"


def _sub(page: Explored, node: LineageNode) -> str:
    group = page.groups.get(node.key)
    if group:
        return node.summary
    lens = page.lens.of.get(node.key) if page.lens else None
    return (lens.label if lens else origin(node))[:_LONGEST]


def _css(page: Explored, key: str) -> str:
    marks = {
        "is-focus": key == page.found.focus,
        "is-end": key == page.state.to,
        "is-chosen": key == page.state.node,
        "is-group": key in page.groups,
    }
    lens = [page.lens.of[key].css] if page.lens else []
    return " ".join([*(mark for mark, holds in marks.items() if holds), *lens])


def _edge_css(found: Exploration, source: str, target: str) -> str:
    if found.route:
        steps = zip(found.route, found.route[1:], strict=False)
        return "is-near" if (source, target) in steps else ""
    return "is-near" if found.focus in (source, target) else ""


def _rims(page: Explored, box: DrawnNode, opening: Callable[[str], str]) -> tuple[Rim, ...]:
    hidden = page.found.rims.get(box.node.key)
    if hidden is None:
        return ()
    sides: tuple[tuple[str, int, float], ...] = (
        ("up", hidden.up, box.x),
        ("down", hidden.down, box.x + box.width),
    )
    middle = box.y + _RIM  # not in the middle of the side, where edges arrive and leave
    return tuple(
        Rim(side, count, opening(f"{side}:{box.node.key}"), x, middle) for side, count, x in sides if count
    )
