from collections import Counter
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_catalog.errors import NotFound
from headwater_catalog.lineage import (
    Common,
    Hidden,
    LineageDifference,
    LineageEdge,
    LineageGraph,
    LineageNode,
    difference,
    input_key,
)
from headwater_catalog.wiring import GraphBuilder, Need
from support.catalog_rows import CatalogRows


def graph_of(*edges: tuple[str, str], alone: tuple[str, ...] = ()) -> LineageGraph:
    names = dict.fromkeys([*(name for edge in edges for name in edge), *alone])
    nodes = {name: LineageNode(name, name, "m", "int") for name in names}
    return LineageGraph(nodes, dict.fromkeys(edges, ("flow",)))


@st.composite
def random_edges(draw):
    names = [f"n{i}" for i in range(draw(st.integers(1, 8)))]
    return names, draw(st.lists(st.sampled_from(list(product(names, names))), max_size=20))


@given(random_edges())
def test_a_closure_equals_brute_force_on_any_graph_even_with_cycles(drawn):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))
    far = len(names) + 1
    steps = {(a, b): 0 if a == b else 1 if (a, b) in edges else far for a, b in product(names, names)}
    for middle, a, b in product(names, names, names):
        steps[a, b] = min(steps[a, b], steps[a, middle] + steps[middle, b])

    for name in names:
        closure = graph.closure(name)

        assert closure.down == {b: steps[name, b] for b in names if b != name and steps[name, b] < far}
        assert closure.up == {a: steps[a, name] for a in names if a != name and steps[a, name] < far}


@given(random_edges())
def test_a_path_is_as_long_as_the_distance_and_goes_along_edges(drawn):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))

    for source, target in product(names, names):
        path = graph.path(source, target)

        distance = {source: 0, **graph.closure(source).down}.get(target)
        assert len(path) == (0 if distance is None else distance + 1)
        assert all(step in edges for step in pairwise(path))


@given(random_edges(), st.integers(0, 3), st.integers(0, 3), st.integers(1, 9))
def test_a_neighbourhood_counts_all_that_it_leaves_out(drawn, up, down, limit):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))

    shown = graph.neighbourhood(names[0], up, down, limit)

    assert len(shown.nodes) <= limit
    assert next(iter(shown.nodes)) == names[0]
    assert {(e.source, e.target) for e in shown.edges} == {
        (a, b) for a, b in edges if a in shown.nodes and b in shown.nodes
    }
    for key in shown.nodes:
        hidden = shown.hidden.get(key, Hidden(0, 0))
        assert hidden.up == len([p for p in graph.parents(key) if p not in shown.nodes])
        assert hidden.down == len([c for c in graph.children(key) if c not in shown.nodes])


def test_a_neighbourhood_keeps_the_nearest_where_there_are_too_many():
    graph = graph_of(("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"))

    shown = graph.neighbourhood("c", up=5, down=5, limit=3)

    assert shown.distances == {"c": 0, "b": -1, "d": 1}
    assert shown.hidden == {"b": Hidden(1, 0), "d": Hidden(0, 1)}


def test_wide_and_narrow_stretches_of_a_graph_have_one_closure():
    fan = [("root", f"leaf{i}") for i in range(3000)]
    gathered = [(f"leaf{i}", f"pair{i // 2}") for i in range(3000)] + [
        (f"leaf{i}", "leaf0") for i in range(9)
    ]
    end = [(f"pair{i}", "end") for i in range(1500)] + [("end", "last"), ("last", "root")]
    graph = graph_of(*fan, *gathered, *end)

    down, up = graph.downstream("root"), graph.upstream("end")

    assert Counter(down.values()) == {1: 3000, 2: 1500, 3: 1, 4: 1}
    assert Counter(up.values()) == {1: 1500, 2: 3000, 3: 1, 4: 1}
    assert list(down) == sorted(down, key=lambda key: (down[key], key))


def test_a_chain_longer_than_the_python_stack_has_a_closure():
    edges = [(f"n{i}", f"n{i + 1}") for i in range(5000)]

    assert graph_of(*edges).closure("n0").down["n5000"] == 5000


def test_an_unknown_node_is_told_with_the_nearest_name():
    with pytest.raises(NotFound, match="Did you mean 'm:spend'"):
        graph_of(("m:spend", "m:ratio"))["m:spnd"]


def test_names_resolve_inside_each_dataflow(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("spend", ["raw"], module="uk.spend")
        rows.define("spend", ["raw"], module="us.spend")
        rows.define("ratio", ["spend", "signups"], module="shared")
        rows.dataflow("uk", ["uk.spend", "shared"])
        rows.dataflow("us", ["us.spend", "shared"])

        both = rows.moment().graph()
        uk = rows.moment().graph("uk")

    assert both.edges == {
        ("uk.spend:spend", "shared:ratio"): ("uk",),
        ("us.spend:spend", "shared:ratio"): ("us",),
        ("input:signups", "shared:ratio"): ("uk", "us"),
        ("input:raw", "uk.spend:spend"): ("uk",),
        ("input:raw", "us.spend:spend"): ("us",),
    }
    assert uk.parents("shared:ratio") == ("input:signups", "uk.spend:spend")
    assert "us.spend:spend" not in uk.nodes
    assert both[input_key("raw")].is_input


def test_a_name_that_very_many_make_is_answered_by_the_first_hundred():
    builder = GraphBuilder()
    said = {"type": "int", "doc": "", "owner": ""}
    for n in range(400):
        builder.add(f"m{n:03}", "x", **said, parts=(), needs=())
        builder.add(f"m{n:03}", "y", **said, parts=(), needs=[Need("x", "int")])
    builder.wire("main", {f"m{n:03}" for n in range(400)})
    graph = builder.finish()

    assert len(graph.edges) == 100 * 400
    assert graph.parents("m399:y") == tuple(f"m{n:03}:x" for n in range(100))


def test_a_name_made_by_a_part_leads_to_its_feature(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("height", ["cm"], parts=["height_raw"])
        rows.define("tall", ["height_raw"])
        rows.dataflow("all", ["features.spend"])

        graph = rows.moment().graph()

    assert graph.parents("features.spend:tall") == ("features.spend:height",)


def test_all_variants_of_a_feature_are_one_node_with_the_needs_of_each(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("holidays", ["uk_days"], variant="holidays__uk", condition='region = "UK"')
        rows.define("holidays", ["us_days"], variant="holidays__us", condition='region = "US"')
        rows.dataflow("all", ["features.spend"])

        graph = rows.moment().graph()

    assert graph.parents("features.spend:holidays") == ("input:uk_days", "input:us_days")


def test_the_graph_is_that_of_the_commit_asked_for(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("ratio", ["spend"])
        rows.dataflow("all", ["features.spend"])
        rows.commit()
        rows.define("ratio", ["spend", "signups"])
        rows.commit()
        rows.remove("ratio")

        graphs = [rows.moment(position).graph() for position in range(3)]

    assert graphs[0].parents("features.spend:ratio") == ("input:spend",)
    assert graphs[1].parents("features.spend:ratio") == ("input:signups", "input:spend")
    assert "features.spend:ratio" not in graphs[2].nodes


def test_a_graph_is_made_once_and_anew_where_something_has_changed(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.dataflow("main", ["features.spend"])
        rows.define("ratio", ["spend"])
        first = rows.moment().graph()

        assert rows.moment().graph() is first

        rows.repository.scanned_at = 5
        assert rows.moment().graph() is first

        rows.commit()
        rows.define("ratio", ["signups"])
        assert rows.moment().graph().parents("features.spend:ratio") == ("input:signups",)


def test_an_unknown_dataflow_is_told_with_the_nearest_name(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.dataflow("marketing", [])

        with pytest.raises(NotFound, match="Did you mean 'marketing'"):
            rows.moment().graph("marketin")


def _simple_paths(edges: set[tuple[str, str]], way: tuple[str, ...], target: str) -> list[tuple[str, ...]]:
    if way[-1] == target:
        return [way]
    steps = sorted(b for a, b in edges if a == way[-1] and b not in way)
    return [path for step in steps for path in _simple_paths(edges, (*way, step), target)]


@settings(max_examples=40)
@given(random_edges())
def test_paths_equal_brute_force_the_shortest_first(drawn):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))

    for source, target in product(names[:3], names):
        every = sorted(_simple_paths(set(edges), (source,), target), key=lambda path: (len(path), path))
        shortest = [path for path in every if len(path) == len(every[0])]

        found = graph.paths(source, target, longer=True, limit=100_000).paths
        assert sorted(found) == sorted(every)
        assert [len(path) for path in found] == [len(path) for path in every]
        assert graph.paths(source, target).paths == tuple(shortest[:100])


def test_paths_that_are_too_many_are_cut_and_said_to_be():
    ladder = [(f"n{i}", f"{side}{i}") for i in range(60) for side in "ab"]
    ladder += [(f"{side}{i}", f"n{i + 1}") for i in range(60) for side in "ab"]
    graph = graph_of(*ladder)

    cut = graph.paths("n0", "n60", limit=5)

    assert (len(cut.paths), cut.is_cut) == (5, True)
    assert len(set(cut.paths)) == 5
    assert graph.paths("n0", "n2", limit=4) == graph.paths("n0", "n2", longer=True)
    assert not graph.paths("n0", "n2").is_cut


def test_a_search_for_paths_ends_in_a_graph_where_most_ways_lead_nowhere():
    names = [f"n{i}" for i in range(40)]
    everywhere = [(a, b) for a, b in product(names, names) if a != b]
    graph = graph_of(*everywhere, ("n0", "door"), ("door", "n1"), ("n1", "end"))

    found = graph.paths("n0", "end", longer=True, limit=1_000_000)

    assert found.is_cut
    assert found.paths[0] == ("n0", "n1", "end")


@given(random_edges())
def test_what_nodes_have_in_common_equals_brute_force(drawn):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))
    one, other = names[0], names[-1]

    up = [{key: 0, **graph.closure(key).up} for key in (one, other)]
    down = [{key: 0, **graph.closure(key).down} for key in (one, other)]

    for found, sides in (
        (graph.common_upstream(one, other), up),
        (graph.common_downstream(one, other), down),
    ):
        assert {node.key: node.distances for node in found} == {
            key: (sides[0][key], sides[1][key]) for key in sides[0] if key in sides[1]
        }
        assert [max(node.distances) for node in found] == sorted(max(node.distances) for node in found)


def test_the_nearest_common_origin_comes_first():
    graph = graph_of(("raw", "a"), ("raw", "b"), ("a", "x"), ("b", "x"), ("a", "y"), ("x", "y"))

    assert graph.common_upstream("x", "y") == (
        Common("x", (0, 1)),
        Common("a", (1, 1)),
        Common("b", (1, 2)),
        Common("raw", (2, 2)),
    )
    assert [node.key for node in graph.common_downstream("a", "b")] == ["x", "y"]
    assert graph.common_upstream() == ()


def test_a_difference_has_what_came_and_what_went_in_each_dataflow():
    before = graph_of(("raw", "spend"), ("spend", "ratio"), alone=("old",))
    after = LineageGraph(
        {**before.nodes, "signups": before.nodes["raw"]},
        {("raw", "spend"): ("flow", "more"), ("signups", "ratio"): ("flow",)},
    )
    after = LineageGraph({key: node for key, node in after.nodes.items() if key != "old"}, after.edges)

    found = difference(before, after)

    assert (found.added, found.removed) == (("signups",), ("old",))
    assert found.added_edges == (
        LineageEdge("raw", "spend", ("more",)),
        LineageEdge("signups", "ratio", ("flow",)),
    )
    assert found.removed_edges == (LineageEdge("spend", "ratio", ("flow",)),)
    assert difference(after, after) == LineageDifference((), (), (), ())


@given(random_edges(), st.integers(0, 3), st.integers(0, 3))
def test_the_piece_around_a_node_keeps_its_distances(drawn, up, down):
    names, edges = drawn
    graph = graph_of(*edges, alone=tuple(names))

    piece = graph.around(names[0], up, down)

    above, below = graph.upstream(names[0]).within(up), graph.downstream(names[0]).within(down)
    assert set(piece.nodes) == {names[0], *above, *below}
    assert set(piece.edges) == {(a, b) for a, b in edges if a in piece.nodes and b in piece.nodes}
    assert graph.around("nothing") == LineageGraph({}, {})


@given(random_edges(), st.integers(0, 4))
def test_distances_read_like_a_dictionary_nearest_first(drawn, steps):
    names, edges = drawn
    found = graph_of(*edges, alone=tuple(names)).downstream(names[0])
    plain = dict(found.items())

    assert list(found) == list(plain) == sorted(plain, key=lambda key: (plain[key], key))
    assert (len(found), dict(found)) == (len(plain), plain)
    assert found.within(None) == found
    assert found.within(steps) == {key: distance for key, distance in plain.items() if distance <= steps}
    assert "nothing" not in found
