"""What the lineage page shows as files: pictures, texts of other drawing programs, and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from flask import Response, jsonify, render_template

from headwater.display.dot import dot
from headwater.display.looks import Kind
from headwater.display.mermaid import mermaid
from headwater.display.picture import Box, Edge, Picture
from headwater_catalog.answers.lineage import node_json
from headwater_catalog.lineage import LineageNode
from headwater_web.assets import STATIC
from headwater_web.explorer import Explored, picture
from headwater_web.reading import AsOf
from headwater_web.security import PICTURE_POLICY
from headwater_web.spreadsheets import csv_answer

__all__ = ["FILES", "LineageFile"]

_COLUMNS = ("side", "distance", "key", "name", "module", "type", "owner", "summary")


@dataclass(frozen=True, slots=True)
class LineageFile:
    """A kind of file: what to call it, and how it is made."""

    label: str
    make: Callable[[AsOf, Explored], Response]


@cache
def _style() -> str:
    return (STATIC / "graph-file.css").read_text("utf-8")


def _svg(view: AsOf, page: Explored) -> Response:
    text = render_template("lineage.svg", view=view, drawing=picture(page), style=_style())
    answer = Response(text, mimetype="image/svg+xml")
    answer.headers.set("Content-Disposition", "inline", filename=f"{_name(page)}.svg")
    answer.headers["Content-Security-Policy"] = PICTURE_POLICY
    return answer


def _dot(view: AsOf, page: Explored) -> Response:
    return _text(page, dot(_picture(page)), "dot", "text/vnd.graphviz")


def _mermaid(view: AsOf, page: Explored) -> Response:
    return _text(page, mermaid(_picture(page)), "mmd", "text/plain")


def _json(view: AsOf, page: Explored) -> Response:
    """Give the nodes that are drawn, where they stand, and the edges between them."""
    places = {box.node.key: box for box in picture(page).nodes}
    nodes = [
        {
            **node_json(node),
            "module": node.module,
            "owner": node.owner,
            "summary": node.summary,
            "members": list(page.groups[key].members) if key in page.groups else [],
            "category": page.lens.of[key].label if page.lens else None,
            "x": round(places[key].x, 1),
            "y": round(places[key].y, 1),
            "hidden": {"up": rim.up, "down": rim.down} if (rim := page.found.rims.get(key)) else None,
        }
        for key, node in page.found.nodes.items()
    ]
    edges = [
        {"source": edge.source, "target": edge.target, "dataflows": edge.dataflows}
        for edge in page.found.edges
    ]
    return jsonify(
        repository=view.repository.name,
        commit=view.commit.sha,
        focus=page.found.focus,
        nodes=nodes,
        edges=edges,
        route=page.found.route,
    )


def _csv(view: AsOf, page: Explored) -> Response:
    """Give all that is upstream and downstream of the focus, drawn or not."""
    return csv_answer(_name(page), _COLUMNS, _rows(page))


def _rows(page: Explored) -> Iterator[tuple[object, ...]]:
    whole = page.graph.closure(page.focus.key)
    for side, distances in (("upstream", whole.up), ("downstream", whole.down)):
        for key, distance in distances.items():
            node = page.graph.nodes[key]
            yield side, distance, key, node.name, node.module, node.type, node.owner, node.summary


def _text(page: Explored, text: str, ending: str, mimetype: str) -> Response:
    answer = Response(text, mimetype=mimetype)
    answer.headers.set("Content-Disposition", "attachment", filename=f"{_name(page)}.{ending}")
    return answer


def _picture(page: Explored) -> Picture:
    """Return what is drawn as the drawings of the engine have it."""
    on_way = frozenset(page.found.route)
    boxes = tuple(_box(node, on_way) for node in page.found.nodes.values())
    edges = tuple(
        Edge(edge.source, edge.target, Kind.PATH if {edge.source, edge.target} <= on_way else None)
        for edge in page.found.edges
    )
    title = f"Lineage of {page.focus.name}"
    return Picture(boxes, edges, legend=(), orient="LR", graphviz={"comment": title})


def _box(node: LineageNode, on_way: frozenset[str]) -> Box:
    kinds = (Kind.FUNCTION if node.module else Kind.INPUT, *((Kind.PATH,) if node.key in on_way else ()))
    return Box(node.key, kinds, node.name, node.type, tooltip=node.summary)


def _name(page: Explored) -> str:
    return f"lineage-{page.focus.name}"


FILES: Mapping[str, LineageFile] = {
    "svg": LineageFile("SVG", _svg),
    "dot": LineageFile("DOT", _dot),
    "mmd": LineageFile("Mermaid", _mermaid),
    "json": LineageFile("JSON", _json),
    "csv": LineageFile("CSV of the list", _csv),
}
"""The kinds of files by their endings."""
