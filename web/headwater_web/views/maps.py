"""The map page: all of a repository at a glance, coloured by what the reader asks."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, render_template, request

from headwater_catalog.lineage import LineageGraph
from headwater_web.lenses import Lens, by_name, lens_names
from headwater_web.links import with_args
from headwater_web.reading import AsOf, as_of, moment_named
from headwater_web.repository_map import MOST_TILES, lay_out

__all__ = ["blueprint"]

blueprint = Blueprint("maps", __name__)


@blueprint.get("/r/<repo>/map")
def repository_map(repo: str) -> str:
    """Show every feature of a repository, and where the lineage of a chosen one reaches."""
    view = as_of(repo)
    dataflow = request.args.get("dataflow") or None
    graph = view.moment.graph(dataflow)
    chosen = request.args.get("node", "")
    node = graph.nodes.get(chosen)
    lens = _lens(view, graph)
    return render_template(
        "map.html",
        view=view,
        drawing=lay_out(graph, _colour(graph, lens, chosen if node else None), chosen if node else None),
        chosen=node,
        up=len(graph.upstream(chosen)) if node else 0,
        down=len(graph.downstream(chosen)) if node else 0,
        lens=lens,
        lens_name=_lens_name(),
        lenses=lens_names(view.moment),
        since=request.args.get("since", ""),
        dataflow=dataflow,
        dataflows=[flow.name for flow in view.moment.snapshot.dataflows],
        choose=_choosing(),
        features=sum(not node.is_input for node in graph.nodes.values()),
        is_drawn=len(graph.nodes) <= MOST_TILES,
    )


def _choosing() -> str:
    """Return the address of this page up to the key of the node to choose."""
    rest = with_args(node=None)
    return f"{rest}{'&' if '?' in rest else '?'}node="


def _lens_name() -> str:
    return request.args.get("lens", "owner")


def _lens(view: AsOf, graph: LineageGraph) -> Lens | None:
    name, since = _lens_name(), request.args.get("since", "")
    if name not in lens_names(view.moment):
        return None
    earlier = moment_named(view.repository.name, since) if name == "changed" and since else None
    return by_name(view.moment, earlier, graph.nodes, name, {})


def _colour(graph: LineageGraph, lens: Lens | None, chosen: str | None) -> Callable[[str], str]:
    """Return what gives the class of a key: its category, and where it is to the chosen one."""
    up = frozenset(graph.upstream(chosen)) if chosen else frozenset[str]()
    down = frozenset(graph.downstream(chosen)) if chosen else frozenset[str]()

    def css(key: str) -> str:
        said = lens.of[key].css if lens else "lens-0"
        if not chosen:
            return said
        where = (
            "is-chosen" if key == chosen else "is-up" if key in up else "is-down" if key in down else "is-far"
        )
        return f"{said} {where}"

    return css
