"""A picture as Mermaid text, which many pages and editors draw."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headwater.display.looks import LOOKS, Kind, css_colour, text_on
from headwater.display.picture import Box, Edge, Picture
from headwater.display.text import printable

__all__ = ["mermaid"]

# Everything else is written as a numbered entity, so that no text can end a label or begin a directive.
_UNSAFE = re.compile(r"[^A-Za-z0-9_ .,:+\-]")

_BRACKETS = {"note": (">", "]"), "cylinder": ("[(", ")]")}
_ARROWS = {Kind.PATH: "==>", Kind.EXPAND: "--o", Kind.COLLECT: "o--o"}


def mermaid(picture: Picture) -> str:
    """Return a picture as a Mermaid flowchart."""
    keys = {box.key: f"n{number}" for number, box in enumerate(picture.boxes)}
    lines = [f"flowchart {picture.orient}"]
    lines += [_box(keys[box.key], box) for box in picture.boxes]
    lines += [_edge(edge, keys) for edge in picture.edges]
    if picture.legend:
        legend = {f"l{number}": box for number, box in enumerate(picture.legend)}
        lines += ['subgraph legend["Legend"]', *(_box(key, box) for key, box in legend.items()), "end"]
    else:
        legend = {}
    for key, box in [*((keys[box.key], box) for box in picture.boxes), *legend.items()]:
        lines += _style(key, box)
    seen = {kind for box in (*picture.boxes, *picture.legend) for kind in box.kinds}
    lines += [f"classDef {kind} {_look(kind)}" for kind in Kind if kind in seen]
    return "\n".join([*lines, ""])


def _box(key: str, box: Box) -> str:
    shape = LOOKS[box.kinds[0]].dot.get("shape", "")
    rounded = "rounded" in LOOKS[box.kinds[0]].dot.get("style", "")
    opening, closing = _BRACKETS.get(shape, ("(", ")") if rounded else ("[", "]"))
    lines = [f"<b>{_text(box.title)}</b>"] if box.title else []
    lines += [f"<i>{_text(box.subtitle)}</i>"] if box.subtitle else []
    lines += [f"{_text(name)}: {_text(type_)}" if type_ else _text(name) for name, type_ in box.rows]
    return f'{key}{opening}"{"<br/>".join(lines)}"{closing}'


def _edge(edge: Edge, keys: dict[str, str]) -> str:
    arrow = _ARROWS[edge.kind] if edge.kind else "-->"
    return f"{keys[edge.source]} {arrow} {keys[edge.target]}"


def _style(key: str, box: Box) -> Iterator[str]:
    for kind in box.kinds:
        yield f"class {key} {kind}"
    fill, line = css_colour(box.style.get("fillcolor")), css_colour(box.style.get("color"))
    said = [f"fill:{fill},color:{text_on(fill)}"] if fill else []
    said += [f"stroke:{line}"] if line else []
    if said:
        yield f"style {key} {','.join(said)}"


def _look(kind: Kind) -> str:
    look = LOOKS[kind]
    # The text's colour goes with the fill's, or a page in a dark scheme would write white on it.
    said = [f"fill:{look.fill[0]},color:#16212b"] if look.fill else []
    said += [f"stroke:{look.line[0]}"] if look.line else []
    if kind is Kind.INPUT:
        said.append("stroke-dasharray:5 3")
    if kind in (Kind.EXPAND, Kind.COLLECT, Kind.PATH):
        said.append("stroke-width:3px")
    return ",".join(said)


def _text(text: str) -> str:
    flat = " ".join(printable(text).split())
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", flat)
