from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_catalog.errors import NotFound
from headwater_catalog.lineage import Hidden, LineageGraph, LineageNode, input_key, load_graph
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
    assert (shown.hidden_up, shown.hidden_down) == (1, 1)
    assert shown.hidden == {"b": Hidden(1, 0), "d": Hidden(0, 1)}


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
        repository = rows.repository

        both = load_graph(session, repository, 0)
        uk = load_graph(session, repository, 0, "uk")

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


def test_a_name_made_by_a_part_leads_to_its_feature(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("height", ["cm"], parts=["height_raw"])
        rows.define("tall", ["height_raw"])
        rows.dataflow("all", ["features.spend"])

        graph = load_graph(session, rows.repository, 0)

    assert graph.parents("features.spend:tall") == ("features.spend:height",)


def test_all_variants_of_a_feature_are_one_node_with_the_needs_of_each(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("holidays", ["uk_days"], variant="holidays__uk", condition='region = "UK"')
        rows.define("holidays", ["us_days"], variant="holidays__us", condition='region = "US"')
        rows.dataflow("all", ["features.spend"])

        graph = load_graph(session, rows.repository, 0)

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

        graphs = [load_graph(session, rows.repository, position) for position in range(3)]

    assert graphs[0].parents("features.spend:ratio") == ("input:spend",)
    assert graphs[1].parents("features.spend:ratio") == ("input:signups", "input:spend")
    assert "features.spend:ratio" not in graphs[2].nodes


def test_a_graph_is_loaded_once_and_anew_after_a_scan(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.define("ratio", ["spend"])
        first = load_graph(session, rows.repository, 0)

        assert load_graph(session, rows.repository, 0) is first

        rows.repository.scanned_at = 5
        assert load_graph(session, rows.repository, 0) is not first


def test_an_unknown_dataflow_is_told_with_the_nearest_name(database):
    with database.write() as session:
        rows = CatalogRows(session)
        rows.commit()
        rows.dataflow("marketing", [])

        with pytest.raises(NotFound, match="Did you mean 'marketing'"):
            load_graph(session, rows.repository, 0, "marketin")
