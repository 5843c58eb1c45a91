"""Drawings as SVG."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from headwater.display import draw
from headwater.graph import Graph
from headwater.node import Argument, Node
from headwater.types import Type

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text></svg><script>alert('x')</script>\x00\ud800 &amp; \"quoted\" ]]> --> `{}`"


def parsed(graph, **options):
    return ElementTree.fromstring(draw(graph, **options).svg)


def texts(root):
    return [found.text for found in root.iter(f"{SVG}text")]


def rectangles(root):
    return [
        tuple(float(found.get(name)) for name in ("x", "y", "width", "height"))
        for found in root.iter(f"{SVG}rect")
        if found.get("class") == "s"
    ]


def test_names_and_types_are_written_and_docs_are_told_on_hover(graph):
    root = parsed(graph)

    assert {"mean", "float", "Legend", "spend"} <= set(texts(root))
    assert any("Mean spend." in found.text for found in root.iter(f"{SVG}title"))


@pytest.mark.parametrize("orient", ["LR", "TB", "RL", "BT"])
def test_no_boxes_overlap_and_all_lie_inside_whatever_the_direction(graph, orient):
    root = parsed(graph, orient=orient)
    width, height = float(root.get("width")), float(root.get("height"))

    for x, y, w, h in rectangles(root):
        assert x >= 0 and x + w <= width and y >= 0 and y + h <= height
    for (ax, ay, aw, ah), (bx, by, bw, bh) in combinations(rectangles(root), 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay


@pytest.mark.parametrize(
    ("orient", "axis", "sign"), [("LR", 0, 1), ("RL", 0, -1), ("TB", 1, 1), ("BT", 1, -1)]
)
def test_edges_lead_in_the_direction_asked_for(graph, orient, axis, sign):
    svg = draw(graph, names=["part", "parts"], orient=orient, show_legend=False).svg
    (path,) = re.findall(r'<path class="e expand" d="M([-\d. ]+)L.*?([-\d.]+ [-\d.]+)"', svg)
    start, end = ([float(number) for number in point.split()] for point in path)

    assert (end[axis] - start[axis]) * sign > 0


def test_texts_of_any_kind_do_no_harm():
    node = Node(HOSTILE, Type(HOSTILE), tags={"display_name": HOSTILE}, doc=HOSTILE)
    reader = Node("reader", Type.of(int), (Argument("x", Type.of(int), HOSTILE),))

    def style(*, node, node_class):
        return (
            {"fillcolor": 'red"/><script>', "color": "url(#x)", "fontcolor": "}", "penwidth": "1;"},
            None,
            HOSTILE,
        )

    root = parsed(Graph([node, reader]), config={HOSTILE: HOSTILE}, custom_style_function=style)

    assert not list(root.iter(f"{SVG}script"))
    assert not [element for element in root.iter() if "style" in element.attrib]
    assert any("<script>" in (text or "") for text in texts(root))


def test_a_users_colours_are_drawn_with_text_that_reads_on_them(graph):
    def style(*, node, node_class):
        return (
            {"fillcolor": "#101060", "color": "lightblue2", "shape": "ellipse", "peripheries": "2"},
            None,
            None,
        )

    svg = draw(graph, custom_style_function=style).svg

    assert "fill:#101060;stroke:lightblue" in svg
    assert 'style="fill:#ffffff"' in svg


def test_both_colour_schemes_are_in_the_drawing(graph):
    svg = draw(graph).svg

    assert "prefers-color-scheme:dark" in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_the_same_graph_is_drawn_the_same(graph):
    assert draw(graph).svg == draw(graph).svg


def test_nothing_to_draw_is_an_empty_drawing():
    assert parsed(Graph([])) is not None


def test_four_thousand_nodes_are_drawn_in_seconds_and_a_long_chain_needs_no_recursion():
    number = Type.of(int)
    nodes = [
        Node(f"n{i}", number, tuple(Argument("x", number, f"n{j}") for j in {i - 1, i - 100} if j >= 0))
        for i in range(4000)
    ]

    draw(Graph(nodes)).svg  # noqa: B018
