"""A picture as DOT text, for those who have Graphviz."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from headwater.display.looks import LOOKS, Kind
from headwater.display.picture import Box, Edge, Picture
from headwater.display.text import printable

__all__ = ["dot"]

_EDGES: Mapping[Kind, Mapping[str, str]] = {
    Kind.PATH: {"color": "red"},
    Kind.EXPAND: {"dir": "both", "arrowhead": "crow", "arrowtail": "none"},
    Kind.COLLECT: {"dir": "both", "arrowtail": "crow"},
}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*|-?(\.[0-9]+|[0-9]+(\.[0-9]*)?)", re.ASCII)
_KEYWORDS = frozenset({"digraph", "edge", "graph", "node", "strict", "subgraph"})


def dot(picture: Picture) -> str:
    """Return a picture as DOT."""
    lines = [f"// {_flat(str(picture.graphviz.get('comment', 'Dependency Graph')))}", "digraph {"]
    attributes = {
        "graph": {
            "compound": "true",
            "concentrate": "true",
            "rankdir": picture.orient,
            "ranksep": "0.4",
            "style": "filled",
        },
        "node": {"fillcolor": "#ffffff", "fontname": "Helvetica"},
        "edge": {},
    }
    for about, defaults in attributes.items():
        given = picture.graphviz.get(f"{about}_attr") or {}
        if defaults or given:
            lines.append(f"\t{about} {_attributes({**defaults, **given})}")
    lines += [f"\t{_node(box)}" for box in picture.boxes]
    lines += [f"\t{_edge(edge)}" for edge in picture.edges]
    if picture.legend:
        lines += [f"\t{line}" for line in _legend(picture.legend)]
    return "\n".join([*lines, "}", ""])


def _node(box: Box) -> str:
    attributes: dict[str, Any] = dict(LOOKS[box.kinds[0]].dot)
    if set(box.kinds) & {Kind.EXPAND, Kind.COLLECT}:
        attributes |= {key: value for kind in box.kinds[1:] for key, value in LOOKS[kind].dot.items()}
    attributes |= box.style
    for kind in box.kinds[1:]:
        # A colour that says more than "on the path" stays; the edges are clear enough.
        if kind is not Kind.PATH or "color" not in attributes:
            attributes |= LOOKS[kind].dot
    return f"{_quoted(box.key)} [label={_label(box)} {_attributes(attributes)[1:]}"


def _label(box: Box) -> str:
    """Return a label in the markup of Graphviz, everything in it escaped."""
    rows = "".join(
        f'<tr><td align="left">{_text(name)}</td><td align="left">{_text(type_)}</td></tr>'
        for name, type_ in box.rows
    )
    if not box.rows:
        below = f"<br /><br /><i>{_text(box.subtitle)}</i>" if box.subtitle else ""
        return f"<<b>{_text(box.title)}</b>{below}>"
    head = f'<tr><td colspan="2"><b>{_text(box.title)}</b></td></tr>' if box.title else ""
    head += f'<tr><td colspan="2"><i>{_text(box.subtitle)}</i></td></tr>' if box.subtitle else ""
    return f'<<table border="0">{head}{rows}</table>>'


def _edge(edge: Edge) -> str:
    attributes = f" {_attributes(_EDGES[edge.kind])}" if edge.kind else ""
    return f"{_quoted(edge.source)} -> {_quoted(edge.target)}{attributes}"


def _legend(boxes: Iterable[Box]) -> Iterator[str]:
    yield "subgraph cluster__legend {"
    yield '\tgraph [fillcolor="#ffffff" fontname="helvetica" label="Legend" rank="same"]'
    for box in boxes:
        yield f"\t{_node(box)}"
    yield "}"


def _attributes(attributes: Mapping[str, Any]) -> str:
    said = " ".join(f"{_quoted(str(key))}={_quoted(str(value))}" for key, value in attributes.items())
    return f"[{said}]"


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS:
        return text
    flat = _flat(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{flat}"'


def _flat(text: str) -> str:
    return " ".join(printable(text).split())


def _text(text: str) -> str:
    return escape(_flat(text), quote=True)
