from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from rustworkx import PyDiGraph

from headwater_catalog.breadth_first import VERY_LARGE, rings_by_rustworkx, rings_by_scipy, search


def graph_of(size: int, edges: list[tuple[int, int]]) -> PyDiGraph[None, None]:
    graph: PyDiGraph[None, None] = PyDiGraph()
    graph.add_nodes_from([None] * size)
    graph.add_edges_from_no_data(edges)
    return graph


@st.composite
def random_graphs(draw):
    size = draw(st.integers(1, 8))
    return size, draw(st.lists(st.sampled_from(list(product(range(size), repeat=2))), max_size=20))


@given(random_graphs())
def test_both_searches_find_the_same_rings_also_where_edges_are_double_or_lead_to_themselves(drawn):
    graph = graph_of(*drawn)
    one, other = rings_by_rustworkx(graph), rings_by_scipy(graph)
    for start in graph.node_indices():
        assert [sorted(ring) for ring in one(start)] == [sorted(ring) for ring in other(start)]


def test_a_very_large_graph_is_searched_to_its_end():
    chain = [(number, number + 1) for number in range(VERY_LARGE - 1)]
    rings = search(graph_of(VERY_LARGE, chain))
    assert [list(ring) for ring in rings(VERY_LARGE - 3)] == [[VERY_LARGE - 2], [VERY_LARGE - 1]]
    assert list(rings(0)[-1]) == [VERY_LARGE - 1]
