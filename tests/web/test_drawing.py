"""Lineage as boxes and curves."""

from headwater_catalog.lineage import LineageGraph, LineageNode
from headwater_web.drawing import draw


def _graph(*edges: tuple[str, str]) -> LineageGraph:
    names = dict.fromkeys(name for edge in edges for name in edge)
    nodes = {name: LineageNode(name, name, "" if name.startswith("input:") else "m", "int") for name in names}
    return LineageGraph(nodes, dict.fromkeys(edges, ("flow",)))


def test_every_node_is_a_box_and_every_edge_a_curve():
    shown = _graph(("a", "b"), ("b", "c"), ("a", "c")).neighbourhood("b", 1, 1)
    drawing = draw(shown, lambda node: f"/{node.key}")

    assert {box.href for box in drawing.nodes} == {"/a", "/b", "/c"}
    assert [box.node.key for box in drawing.nodes if box.css == "is-focus"] == ["b"]
    assert len(drawing.edges) == 3
    assert sum(edge.css == "is-near" for edge in drawing.edges) == 2
    assert drawing.title == "Lineage of b: 1 upstream and 1 downstream shown"


def test_boxes_lie_inside_the_drawing_and_apart_from_each_other():
    edges = [(f"n{i}", f"n{j}") for i in range(12) for j in range(i + 1, 12) if (i * j) % 3 == 1]
    drawing = draw(_graph(("n0", "n1"), *edges).neighbourhood("n1", 9, 9), lambda node: "/")
    boxes = drawing.nodes

    assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in boxes)
    assert all(box.y >= 0 and box.y + box.height <= drawing.height for box in boxes)
    for one in boxes:
        for other in boxes:
            apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
            apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert one is other or apart_x or apart_y


def test_a_node_at_the_rim_tells_what_is_not_drawn():
    drawing = draw(
        _graph(("a", "b"), ("b", "c"), ("input:x", "a")).neighbourhood("b", 1, 0), lambda node: "/"
    )

    assert {box.label: box.sub for box in drawing.nodes} == {"b": "m →1", "a": "m ←1"}


def test_a_long_name_is_cut_and_told_whole_by_its_node():
    name = "n" * 80
    box = draw(_graph((name, "b")).neighbourhood(name, 0, 0), lambda node: "/").nodes[0]

    assert box.label.endswith("…")
    assert box.node.name == name


def test_a_box_is_as_wide_as_the_counts_below_its_name_need():
    graph = _graph(("a", "b"), *(("b", f"c{number}") for number in range(1000)))
    few, many = (
        draw(shown, lambda node: "/").nodes[0]
        for shown in (graph.neighbourhood("a", 0, 0), graph.neighbourhood("b", 0, 0))
    )

    assert (few.sub, many.sub) == ("m →1", "m ←1 →1000")
    assert many.width > few.width
