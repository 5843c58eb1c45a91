"""The lineage page: a graph to unfold around one feature, the whole of it as a list, and both as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from flask import Blueprint, Response, render_template, request

from headwater_catalog.errors import NotFound
from headwater_catalog.inputs import Supply, supplies
from headwater_catalog.lineage import INPUT_PREFIX, Hidden, LineageGraph, LineageNode
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.spelling import nearest_keys
from headwater_catalog.table_specs import TABLE_PREFIX
from headwater_web.explorer import Explored, explored, picture
from headwater_web.explorer_files import FILES
from headwater_web.explorer_state import ALL, DEPTHS, ExplorerState
from headwater_web.lenses import group_names, lens_names
from headwater_web.reading import AsOf, as_of, moment_named

__all__ = ["blueprint"]

blueprint = Blueprint("lineage", __name__)

_LISTED = 40  # nodes of each side: the nearest, and all that are drawn; their number is told in full
_MEMBERS = 100  # of a group


@dataclass(frozen=True, slots=True)
class Ring:
    """The nodes at one distance of the focus."""

    distance: int
    nodes: tuple[LineageNode, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page says of the node that a reader has chosen.

    Attributes:
        node: The node.
        up: How many it needs directly, and in all.
        down: How many need it directly, and in all.
        rim: How many of its direct neighbours are not drawn.
        members: Where it stands for a group, the nodes of that.
        left_out: How many more of those there are.
        is_drawn: Whether it is in the picture.
    """

    node: LineageNode
    up: tuple[int, int]
    down: tuple[int, int]
    rim: Hidden
    members: tuple[LineageNode, ...]
    left_out: int
    is_drawn: bool


@blueprint.get("/r/<repo>/lineage")
def lineage(repo: str) -> str:
    """Show what a feature needs and feeds, unfolded as far as the address says."""
    view = as_of(repo)
    page = _explored(repo, view)
    whole = page.graph.closure(page.focus.key)
    flows = view.moment.snapshot.dataflows
    return render_template(
        "lineage.html",
        view=view,
        page=page,
        state=page.state,
        around=page.state.around(),
        focus=page.focus,
        drawing=picture(page),
        facts=_facts(page),
        unclear=view.moment.snapshot.tables.told_of(page.found.nodes),
        has_tables=any(key.startswith(TABLE_PREFIX) for key in page.found.nodes),
        depths=DEPTHS,
        all=ALL,
        dataflows=[(flow.name, flow.name) for flow in flows],
        groups=group_names(view.moment),
        lenses=lens_names(view.moment),
        supplies=_supplies(page.graph, page.focus, view.moment.snapshot),
        other_end=page.graph.nodes.get(page.state.to),
        common=_common(page),
        sides=(
            ("Upstream", "what it needs", len(whole.up), _rings(page, whole.up)),
            ("Downstream", "what needs it", len(whole.down), _rings(page, whole.down)),
        ),
        listed=_LISTED,
        files=FILES,
    )


@blueprint.get("/r/<repo>/lineage.<any(svg,dot,mmd,json,csv):kind>")
def exported(repo: str, kind: str) -> Response:
    """Give what the lineage page shows as a file; as CSV, the whole list beside it."""
    view = as_of(repo)
    return FILES[kind].make(view, _explored(repo, view))


def _explored(repo: str, view: AsOf) -> Explored:
    asked = ExplorerState.of(repo, request.args)
    graph = view.moment.lineage(asked.dataflow or None)
    state = replace(
        asked,
        focus=_key(graph, asked.focus),
        to=_key(graph, asked.to) if asked.to else "",
    )
    wants_past = state.lens == "changed" and state.since
    earlier = moment_named(repo, state.since) if wants_past else None
    return explored(state, view.moment, graph, earlier)


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
    made = [key for key in named if not key.startswith((INPUT_PREFIX, TABLE_PREFIX))] or named
    if len(made) == 1:
        return made[0]
    raise NotFound(f"No feature or input '{text}' in this lineage.{nearest_keys(text, keys)}")


def _facts(page: Explored) -> Facts | None:
    """Return what to say of the chosen node; None where none is, or where it is not in the graph."""
    key = page.state.node
    if key not in page.seen.nodes:
        return None
    group = page.groups.get(key)
    members = group.members if group else ()
    near, far = page.seen, page.graph if key in page.graph.nodes else page.seen
    return Facts(
        node=near.nodes[key],
        up=(len(near.parents(key)), len(far.upstream(key))),
        down=(len(near.children(key)), len(far.downstream(key))),
        rim=page.found.rims.get(key, Hidden(0, 0)),
        members=tuple(page.graph.nodes[member] for member in members[:_MEMBERS]),
        left_out=max(0, len(members) - _MEMBERS),
        is_drawn=key in page.found.nodes,
    )


def _common(page: Explored) -> tuple[LineageNode, ...]:
    """Return what two nodes both come from, where no way leads from one to the other."""
    if not page.state.to or page.found.route:
        return ()
    shared = page.graph.common_upstream(page.focus.key, page.state.to)
    return tuple(page.graph.nodes[node.key] for node in shared[:_MEMBERS])


def _supplies(graph: LineageGraph, focus: LineageNode, snapshot: Snapshot) -> tuple[Supply, ...]:
    """Return what the dataflows that read an input have for it."""
    if not focus.is_input:
        return ()
    reading_it = {name for child in graph.children(focus.key) for name in graph.edges[focus.key, child]}
    flows = (flow for flow in snapshot.dataflows if flow.name in reading_it)
    return supplies(focus, flows, snapshot.declared.partitions)


def _rings(page: Explored, distances: Mapping[str, int]) -> tuple[Ring, ...]:
    rings: dict[int, list[LineageNode]] = {}
    for key, distance in _near_or_drawn(page, distances):
        rings.setdefault(distance, []).append(page.graph.nodes[key])
    return tuple(
        Ring(distance, tuple(sorted(nodes, key=lambda node: node.name)))
        for distance, nodes in sorted(rings.items())
    )


def _near_or_drawn(page: Explored, distances: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    near = dict(islice(distances.items(), _LISTED))
    yield from near.items()
    if len(near) == _LISTED:
        for key in page.found.nodes:
            if key not in near and key in distances:
                yield key, distances[key]
