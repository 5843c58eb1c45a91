from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headwater.display.layout import curve, layered


@st.composite
def graphs(draw, acyclic=True):
    count = draw(st.integers(1, 14))
    nodes = [f"n{i}" for i in range(count)]
    pairs = [(a, b) for i, a in enumerate(nodes) for b in (nodes[i + 1 :] if acyclic else nodes)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    size = st.tuples(st.integers(10, 200), st.integers(10, 60))
    return draw(st.permutations(nodes)), edges, {node: draw(size) for node in nodes}


@given(graphs())
def test_edges_lead_to_the_right(graph):
    nodes, edges, sizes = graph

    positions = layered(nodes, edges, sizes).positions

    for source, target in edges:
        assert positions[source][0] + sizes[source][0] < positions[target][0]


@given(graphs(acyclic=False))
def test_no_two_nodes_overlap_even_with_cycles(graph):
    nodes, edges, sizes = graph

    positions = layered(nodes, edges, sizes).positions

    for a, b in combinations(nodes, 2):
        (ax, ay), (bx, by) = positions[a], positions[b]
        beside = ax + sizes[a][0] <= bx or bx + sizes[b][0] <= ax
        above = ay + sizes[a][1] <= by + 1e-6 or by + sizes[b][1] <= ay + 1e-6
        assert beside or above


@given(graphs(acyclic=False))
def test_everything_lies_within_the_size_told(graph):
    nodes, edges, sizes = graph

    placement = layered(nodes, edges, sizes)

    for node, (x, y) in placement.positions.items():
        assert x >= 0
        assert y >= -1e-6
        assert x + sizes[node][0] <= placement.width + 1e-6
        assert y + sizes[node][1] <= placement.height + 1e-6
    for points in placement.bends.values():
        assert all(0 <= left <= right <= placement.width + 1e-6 for left, right, _ in points)
        assert all(-1e-6 <= y <= placement.height + 1e-6 for _, _, y in points)


@given(graphs(acyclic=False))
def test_the_same_graph_is_placed_the_same(graph):
    assert layered(*graph) == layered(*graph)


def test_an_input_stands_next_to_its_reader_and_not_at_the_far_left():
    size = dict.fromkeys("abcd", (100, 40))

    positions = layered(list("abcd"), [("a", "b"), ("b", "c"), ("d", "c")], size).positions

    assert positions["d"][0] == positions["b"][0]


def test_a_long_edge_bends_around_the_columns_it_passes():
    size = dict.fromkeys("abc", (100, 40))

    placement = layered(list("abc"), [("a", "b"), ("b", "c"), ("a", "c")], size)

    ((left, right, y),) = placement.bends["a", "c"]
    assert placement.positions["b"][0] == left < right < placement.positions["c"][0]
    assert not placement.positions["b"][1] <= y <= placement.positions["b"][1] + 40


def test_two_parallel_chains_do_not_cross():
    nodes = ["a1", "b2", "a2", "b1"]

    positions = layered(nodes, [("a1", "a2"), ("b1", "b2")], dict.fromkeys(nodes, (50, 20))).positions

    assert (positions["a1"][1] < positions["b1"][1]) == (positions["a2"][1] < positions["b2"][1])


def test_no_node_gives_an_empty_placement():
    assert layered([], [], {}).positions == {}


def test_three_thousand_nodes_take_seconds_at_most():
    random = Random(1)
    nodes = [f"n{i}" for i in range(3000)]
    edges = [
        (nodes[random.randrange(max(0, i - 150), i)], nodes[i]) for i in range(1, 3000) for _ in range(2)
    ]

    layered(nodes, edges, dict.fromkeys(nodes, (100, 40)))


def test_neighbours_that_cross_are_swapped():
    edges = [("a", "y"), ("b", "x"), ("c", "z"), ("a", "w"), ("b", "z"), ("d", "x"), ("d", "w")]
    nodes = ["a", "b", "c", "d", "x", "y", "z", "w"]

    positions = layered(nodes, edges, dict.fromkeys(nodes, (50, 20))).positions

    crossings = sum(
        (positions[a][1] < positions[c][1]) != (positions[b][1] < positions[d][1])
        for (a, b), (c, d) in combinations(edges, 2)
        if a != c and b != d
    )
    assert crossings == 0


def test_an_edge_leaves_the_column_of_its_node_before_it_bends():
    placement = layered(
        ["a", "wide", "b"], [("a", "b"), ("wide", "b")], {"a": (10, 9), "wide": (99, 9), "b": (9, 9)}
    )

    assert placement.rights["a"] == placement.rights["wide"] == 99
    assert curve((10, 5), 99, [], (150, 5))[:2] == [("M", ((10, 5),)), ("L", ((99, 5),))]
