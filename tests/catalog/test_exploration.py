from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.errors import NotFound
from headwater_catalog.exploration import GROUP_PREFIX, Opening, Wave, explore, folded
from headwater_catalog.lineage import Hidden, LineageGraph, LineageNode


def graph_of(*edges: tuple[str, str], alone: tuple[str, ...] = ()) -> LineageGraph:
    names = dict.fromkeys([*(name for edge in edges for name in edge), *alone])
    nodes = {name: LineageNode(name, name, f"m{name[0]}", "int") for name in names}
    return LineageGraph(nodes, dict.fromkeys(edges, ("flow",)))


_HUB = graph_of(("in", "hub"), *(("hub", f"out{number:02}") for number in range(30)), ("out00", "end"))


def test_the_start_is_the_neighbourhood():
    found = explore(_HUB, "out00", 1, 0)

    assert found.waves == (Wave(("out00", "hub")),)
    assert found.rims == {"out00": Hidden(0, 1), "hub": Hidden(1, 29)}


def test_an_opening_brings_some_neighbours_and_again_the_next_ones():
    once, twice, often = (
        explore(_HUB, "hub", 0, 0, openings=[Opening("hub", "down")] * times) for times in (1, 2, 9)
    )

    assert once.waves[1] == Wave(tuple(f"out{number:02}" for number in range(12)), Opening("hub", "down"))
    assert twice.waves[2].keys == tuple(f"out{number:02}" for number in range(12, 24))
    assert len(often.nodes) == 31
    assert often.rims == {"hub": Hidden(1, 0), "out00": Hidden(0, 1)}


def test_what_is_put_away_keeps_its_place_and_the_focus_cannot_be():
    found = explore(_HUB, "hub", 1, 0, hidden=["in", "hub"])

    assert list(found.nodes) == ["hub"]
    assert found.waves[0].keys == ("hub", "in")
    assert found.rims["hub"].up == 1


def test_openings_of_nodes_that_are_not_there_do_nothing():
    assert explore(_HUB, "in", 0, 0, openings=[Opening("gone", "up"), Opening("end", "up")]).waves == (
        Wave(("in",)),
    )


def test_never_more_nodes_than_the_limit_and_those_left_out_are_told():
    found = explore(_HUB, "hub", None, None, limit=10, openings=[Opening("hub", "down")])

    assert len(found.nodes) == 10
    assert found.left_out == 33 - 10


def test_ways_show_all_that_lies_between_in_either_direction():
    graph = graph_of(("a", "b"), ("b", "d"), ("a", "c"), ("c", "e"), ("e", "d"), ("a", "x"), ("d", "y"))
    found = explore(graph, "d", 1, 1, to="a")

    assert set(found.nodes) == {"a", "b", "c", "e", "d"}
    assert found.route == ("a", "b", "d")
    assert explore(graph, "x", 1, 1, to="y").route == ()


def test_a_node_that_is_not_there_is_an_error():
    with pytest.raises(NotFound):
        explore(_HUB, "hub", 1, 1, to="nowhere")


def test_folding_makes_one_node_of_those_with_one_label_on_each_side():
    graph = graph_of(("a1", "a2"), ("a2", "focus"), ("focus", "a3"), ("a3", "a4"), ("b1", "a2"))
    seen, groups = folded(graph, "focus", lambda key: key[0])
    up, down = f"{GROUP_PREFIX}up:a", f"{GROUP_PREFIX}down:a"

    assert groups[up].members == ("a1", "a2")
    assert groups[down].members == ("a3", "a4")
    assert set(seen.nodes) == {"focus", "b1", up, down}
    assert set(seen.edges) == {(up, "focus"), ("focus", down), ("b1", up)}
    assert seen.nodes[up].summary == "2 features"


def test_an_unfolded_group_is_its_nodes():
    graph = graph_of(("a1", "a2"), ("a2", "focus"), ("a3", "focus"))
    key = f"{GROUP_PREFIX}up:a"
    assert set(folded(graph, "focus", lambda key: key[0], [key])[0].nodes) == {"a1", "a2", "a3", "focus"}


@st.composite
def random_edges(draw):
    names = [f"{draw(st.sampled_from('ab'))}{i}" for i in range(draw(st.integers(1, 8)))]
    return names, draw(st.lists(st.sampled_from(list(product(names, names))), max_size=20))


@given(random_edges(), st.data())
def test_what_is_drawn_and_what_the_rims_count_are_all_neighbours(drawn, data):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))
    openings = st.builds(Opening, st.sampled_from(names), st.sampled_from(["up", "down"]))
    found = explore(
        graph,
        names[0],
        data.draw(st.none() | st.integers(0, 3)),
        data.draw(st.integers(0, 3)),
        openings=data.draw(st.lists(openings, max_size=4)),
        hidden=data.draw(st.lists(st.sampled_from(names), max_size=2)),
    )
    drawn_edges = {(edge.source, edge.target) for edge in found.edges}
    came = [key for wave in found.waves for key in wave.keys]

    assert len(came) == len(set(came))
    assert found.nodes.keys() <= set(came)
    for key in found.nodes:
        rim = found.rims.get(key, Hidden(0, 0))
        assert rim.down == len([c for c in graph.children(key) if c not in found.nodes])
        assert rim.up == len([p for p in graph.parents(key) if p not in found.nodes])
    assert drawn_edges == {edge for edge in graph.edges if set(edge) <= found.nodes.keys()}


@given(random_edges())
def test_folding_keeps_who_reaches_the_focus_and_loses_no_node(drawn):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))
    seen, groups = folded(graph, names[0], lambda key: key[0])
    stood_for = {member for group in groups.values() for member in group.members}
    alone = {key for key in seen.nodes if key not in groups}

    assert alone | stood_for == {names[0], *graph.upstream(names[0]), *graph.downstream(names[0])}
    assert not alone & stood_for
    for group in groups.values():
        side = seen.upstream(names[0]) if group.side == "up" else seen.downstream(names[0])
        assert group.key in side
