"""A picture placed and written as SVG, which needs no other program and reads well in both colour schemes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from headwater.display.layout import Placement, Point, curve, layered
from headwater.display.looks import LOOKS, Kind, css_colour, text_on
from headwater.display.picture import Box, Edge, Picture
from headwater.display.text import printable, wide

__all__ = ["svg"]

_CHARACTER = 7.3  # width to allow for a character of the titles' type
_SMALL_CHARACTER = 6.7  # the same for the smaller type
_TITLE, _LINE = 19.0, 16.0  # heights of a title and of any other line
_PADDING = 10.0
_MARGIN = 16.0
_LEGEND_WIDTH = 640.0  # where the graph is narrower than this, the legend need not be
_LEGEND_LINE = 22.0
_GAP = 10.0
_LID = 6.0  # of a cylinder

_Turn = Callable[[float, float], Point]

_RULES = """\
.hw-graph{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:11px}
.hw-graph text{white-space:pre;fill:var(--hw-text);stroke:none}
.hw-graph .t{font-size:12px;font-weight:600}
.hw-graph .m{fill:var(--hw-muted)}
.hw-graph .bg{fill:var(--hw-ground)}
.hw-graph .e{fill:none;stroke:var(--hw-edge);stroke-width:1.3}
.hw-graph .a{fill:var(--hw-edge);stroke:none}
.hw-graph .e.path,.hw-graph .a.path{stroke:var(--hw-path)}
.hw-graph .a.path{fill:var(--hw-path)}
.hw-graph .e.path,.hw-graph .k-path>.s{stroke-width:2.4}
.hw-graph .s{stroke-width:1.3}
.hw-graph .k-input>.s{stroke-dasharray:5 3}
.hw-graph .o{fill:none}
"""
_SCHEMES = (
    "--hw-ground:#ffffff;--hw-text:#16212b;--hw-muted:#4d5b68;--hw-edge:#8190a0;--hw-path:#d6263a",
    "--hw-ground:#10151b;--hw-text:#e8eef4;--hw-muted:#aab7c3;--hw-edge:#75869a;--hw-path:#ff6474",
)


@dataclass(frozen=True, slots=True)
class _Rectangle:
    x: float
    y: float
    width: float
    height: float


def svg(picture: Picture) -> str:
    """Return a picture as SVG."""
    is_upright = picture.orient in ("TB", "BT")
    sizes = {box.key: _size(box) for box in picture.boxes}
    laid = {key: (height, width) for key, (width, height) in sizes.items()} if is_upright else sizes
    edges = [(edge.source, edge.target) for edge in picture.edges]
    placement = layered([box.key for box in picture.boxes], edges, laid)
    turn = _turn(picture.orient, placement.width, placement.height)
    width, height = (placement.height, placement.width) if is_upright else (placement.width, placement.height)
    legend = list(_legend(picture.legend, max(width, _LEGEND_WIDTH), height + _GAP if height else 0.0))
    bottom = max([height, *(place.y + place.height for _, place in legend)])
    right = max([width, *(place.x + place.width for _, place in legend)])
    parts = [*_head(right + 2 * _MARGIN, bottom + 2 * _MARGIN)]
    for edge in picture.edges:
        parts += _edge(edge, placement, laid, turn)
    for box in picture.boxes:
        parts += _box(box, _turned(placement.positions[box.key], laid[box.key], turn))
    if legend:
        parts.append(f'<text class="m" x="0" y="{height + 2 * _GAP:.1f}">Legend</text>')
    for box, place in legend:
        parts += _box(box, place)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _head(width: float, height: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hw-graph" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">'
    )
    light, dark = (
        f".hw-graph{{{scheme}}}\n" + "".join(_rule(kind, at) for kind in LOOKS)
        for at, scheme in enumerate(_SCHEMES)
    )
    yield f"<style>{_RULES}{light}@media (prefers-color-scheme:dark){{{dark}}}</style>"
    yield '<rect class="bg" width="100%" height="100%"/>'
    yield f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">'


def _rule(kind: Kind, scheme: int) -> str:
    look = LOOKS[kind]
    fill = f"fill:{look.fill[scheme]};" if look.fill else ""
    line = f"stroke:{look.line[scheme]}" if look.line else ""
    return f".hw-graph .k-{kind}>.s{{{fill}{line}}}\n"


def _size(box: Box) -> Point:
    widths = [wide(box.title) * _CHARACTER, wide(box.subtitle) * _SMALL_CHARACTER]
    first, second = _columns(box)
    widths.append(first + second)
    height = _TITLE * bool(box.title) + _LINE * (bool(box.subtitle) + len(box.rows)) + 2 * _PADDING
    if box.title and box.rows:
        height += _GAP
    if _shape_name(box) == "cylinder":
        height += _LID
    return max(*widths, 40.0) + 2 * _PADDING + 4, height


def _columns(box: Box) -> Point:
    """Return the widths of the two columns of a box's rows; the first includes the gap between them."""
    first = max((wide(name) for name, _ in box.rows), default=0) * _SMALL_CHARACTER
    second = max((wide(type_) for _, type_ in box.rows), default=0) * _SMALL_CHARACTER
    return first + _GAP * bool(first and second), second


def _turn(orient: str, width: float, height: float) -> _Turn:
    """Return what maps a point of a drawing from left to right to the direction asked for."""
    turns: dict[str, _Turn] = {
        "LR": lambda x, y: (x, y),
        "RL": lambda x, y: (width - x, y),
        "TB": lambda x, y: (y, x),
        "BT": lambda x, y: (y, width - x),
    }
    return turns[orient]


def _turned(position: Point, size: Point, turn: _Turn) -> _Rectangle:
    corners = (turn(*position), turn(position[0] + size[0], position[1] + size[1]))
    (left, right), (top, bottom) = (sorted(axis) for axis in zip(*corners, strict=True))
    return _Rectangle(left, top, right - left, bottom - top)


def _edge(edge: Edge, placement: Placement, sizes: dict[str, Point], turn: _Turn) -> Iterator[str]:
    source, target = placement.positions[edge.source], placement.positions[edge.target]
    start = (source[0] + sizes[edge.source][0], source[1] + sizes[edge.source][1] / 2)
    end = (target[0] - 1, target[1] + sizes[edge.target][1] / 2)
    bends = placement.bends.get((edge.source, edge.target), ())
    path = "".join(
        letter + " ".join(_point(turn, *point) for point in points)
        for letter, points in curve(start, placement.rights[edge.source], bends, (end[0] - 6, end[1]))
    )
    css = f" {edge.kind}" if edge.kind else ""
    yield f'<path class="e{css}" d="{path}L{_point(turn, end[0] - 5, end[1])}"/>'
    if edge.kind is Kind.EXPAND:
        yield f'<path class="e" d="{_fork(turn, (end[0] - 9, end[1]), (end[0], end[1]))}"/>'
        return
    if edge.kind is Kind.COLLECT:
        yield f'<path class="e" d="{_fork(turn, (start[0] + 9, start[1]), start)}"/>'
    corners = (end, (end[0] - 8, end[1] - 4), (end[0] - 8, end[1] + 4))
    yield f'<path class="a{css}" d="M{" ".join(_point(turn, *corner) for corner in corners)}Z"/>'


def _fork(turn: _Turn, handle: Point, prongs: Point) -> str:
    """Return three lines that spread from one point, as databases draw "many"."""
    ends = ((prongs[0], prongs[1] + by) for by in (-6.0, 0.0, 6.0))
    return "".join(f"M{_point(turn, *handle)}L{_point(turn, *end)}" for end in ends)


def _point(turn: _Turn, x: float, y: float) -> str:
    across, down = turn(x, y)
    return f"{across:.1f} {down:.1f}"


def _box(box: Box, place: _Rectangle) -> Iterator[str]:
    css = " ".join(f"k-{kind}" for kind in box.kinds)
    yield f'<g class="n {css}">'
    named = [box.title, box.subtitle] if box.title else [f"{name}: {type_}" for name, type_ in box.rows]
    yield f"<title>{_text(' · '.join(filter(None, [*named, box.tooltip])))}</title>"
    yield from _shape(box, place)
    yield from _lines(box, place)
    yield "</g>"


def _shape_name(box: Box) -> str:
    return box.style.get("shape") or LOOKS[box.kinds[0]].dot.get("shape", "")


def _shape(box: Box, place: _Rectangle) -> Iterator[str]:
    x, y, width, height = place.x, place.y, place.width, place.height
    shape = _shape_name(box)
    css = _custom_css(box)
    if {Kind.EXPAND, Kind.COLLECT} & set(box.kinds) or box.style.get("peripheries", "1") != "1":
        outer = _Rectangle(x - 3, y - 3, width + 6, height + 6)
        yield f'<rect class="s o" {_corners(outer, 10)}{_style(css, without_fill=True)}/>'
    if shape == "note":
        path = f"M{x:.1f} {y:.1f}h{width - 9:.1f}l9 9v{height - 9:.1f}h{-width:.1f}z"
        fold = f"M{x + width - 9:.1f} {y:.1f}v9h9"
        yield f'<path class="s" d="{path}"{_style(css)}/><path class="s o" d="{fold}"/>'
    elif shape == "cylinder":
        radius = f"{width / 2:.1f} 5"
        lid = f"M{x:.1f} {y + 5:.1f}a{radius} 0 0 0 {width:.1f} 0"
        body = f"{lid.replace('0 0 0', '0 0 1')}v{height - 10:.1f}a{radius} 0 0 1 {-width:.1f} 0z"
        yield f'<path class="s" d="{body}"{_style(css)}/><path class="s o" d="{lid}"{_style(css, True)}/>'
    else:
        yield f'<rect class="s" {_corners(place, _radius(box, shape, height))}{_style(css)}/>'
    if Kind.OVERRIDE in box.kinds:
        yield f'<path class="s o" d="{_diagonals(place)}"/>'


def _radius(box: Box, shape: str, height: float) -> float:
    if shape in ("ellipse", "oval", "circle"):
        return min(height / 2, 26.0)
    style = box.style.get("style") or LOOKS[box.kinds[0]].dot.get("style", "")
    return 8.0 if "rounded" in style else 0.0


def _corners(place: _Rectangle, radius: float) -> str:
    rounded = f' rx="{radius:.1f}"' if radius else ""
    return (
        f'x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"{rounded}'
    )


def _diagonals(place: _Rectangle) -> str:
    """Return a line across each corner."""
    left, top, right, bottom = place.x, place.y, place.x + place.width, place.y + place.height
    return (
        f"M{left:.1f} {top + 9:.1f}l9 -9M{right:.1f} {top + 9:.1f}l-9 -9"
        f"M{left:.1f} {bottom - 9:.1f}l9 9M{right:.1f} {bottom - 9:.1f}l-9 9"
    )


def _custom_css(box: Box) -> dict[str, str]:
    """Return what a user's style says that CSS can say, too."""
    found = {
        "fill": css_colour(box.style.get("fillcolor")),
        "stroke": css_colour(box.style.get("color")),
        "stroke-dasharray": "5 3" if "dashed" in box.style.get("style", "") else None,
        "stroke-width": box.style.get("penwidth"),
    }
    if found["stroke-width"] and not found["stroke-width"].replace(".", "", 1).isdecimal():
        found["stroke-width"] = None
    # What an execution does with a node stands out over its own look, as in Hamilton.
    if {Kind.OUTPUT, Kind.OVERRIDE} & set(box.kinds):
        found["fill"] = None
    return {key: value for key, value in found.items() if value}


def _style(css: dict[str, str], without_fill: bool = False) -> str:
    said = ";".join(f"{key}:{value}" for key, value in css.items() if key != "fill" or not without_fill)
    return f' style="{said}"' if said else ""


def _lines(box: Box, place: _Rectangle) -> Iterator[str]:
    colour = css_colour(box.style.get("fontcolor"))
    fill = _custom_css(box).get("fill")
    if colour is None and fill:
        colour = text_on(fill)
    style = f' style="fill:{colour}"' if colour else ""
    middle = place.x + place.width / 2
    y = place.y + _PADDING + (_LID if _shape_name(box) == "cylinder" else 0.0)
    if box.title:
        y += _TITLE
        at = f'x="{middle:.1f}" y="{y - 6:.1f}" text-anchor="middle"'
        yield f'<text class="t" {at}{style}>{_text(box.title)}</text>'
    if box.subtitle:
        y += _LINE
        at = f'x="{middle:.1f}" y="{y - 4:.1f}" text-anchor="middle"'
        yield f'<text class="m" {at}{style}>{_text(box.subtitle)}</text>'
    if box.title and box.rows:
        line = f"M{place.x:.1f} {y + 5:.1f}h{place.width:.1f}"
        yield f'<path class="s o" d="{line}"/>'
        y += _GAP
    first, second = _columns(box)
    left = middle - (first + second) / 2
    for name, type_ in box.rows:
        y += _LINE
        yield f'<text x="{left:.1f}" y="{y - 4:.1f}"{style}>{_text(name)}</text>'
        yield f'<text class="m" x="{left + first:.1f}" y="{y - 4:.1f}"{style}>{_text(type_)}</text>'


def _legend(boxes: Sequence[Box], width: float, top: float) -> Iterable[tuple[Box, _Rectangle]]:
    """Place samples in lines below the drawing."""
    x, y = 0.0, top + _LEGEND_LINE
    for box in boxes:
        size = _size(box)
        if x and x + size[0] > width:
            x, y = 0.0, y + size[1] + _GAP
        yield box, _Rectangle(x, y, *size)
        x += size[0] + _GAP


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
