"""Nodes wired by their names."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.build import build
from headwater.errors import HeadwaterError, UnknownNode
from headwater.function import functions_of
from headwater.graph import Graph, topological
from headwater.node import Argument, Node
from headwater.types import ANY

Edges = dict[int, list[int]]


@st.composite
def acyclic(draw: st.DrawFn) -> Edges:
    """Draw a graph in which every number needs only smaller ones, listed in any order."""
    size = draw(st.integers(1, 15))
    edges = {n: draw(st.lists(st.integers(0, n - 1), max_size=4)) if n else [] for n in range(size)}
    return {name: edges[name] for name in draw(st.permutations(list(edges)))}


any_edges = st.integers(1, 8).flatmap(
    lambda size: st.dictionaries(
        st.integers(0, size - 1), st.lists(st.integers(0, size - 1), max_size=3), min_size=1
    )
)


def order(edges: Edges) -> tuple[list[str], list[str] | None]:
    needs = {str(name): [str(n) for n in needed] for name, needed in edges.items()}
    return topological(needs, lambda name: needs.get(name, []))


@given(acyclic())
def test_order_puts_everything_after_what_it_needs(edges: Edges) -> None:
    ordered, cycle = order(edges)

    assert cycle is None
    assert sorted(ordered) == sorted(map(str, edges))
    place = {name: index for index, name in enumerate(ordered)}
    assert all(place[str(need)] < place[str(name)] for name, needs in edges.items() for need in needs)


@given(any_edges)
def test_what_cannot_be_ordered_has_a_true_cycle(edges: Edges) -> None:
    ordered, cycle = order(edges)

    if cycle is None:
        place = {name: index for index, name in enumerate(ordered)}
        assert all(place[str(need)] < place[str(name)] for name, needs in edges.items() for need in needs)
    else:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(int(need) in edges[int(name)] for name, need in pairwise(cycle))


def test_chain_of_a_hundred_thousand_is_ordered_without_recursion() -> None:
    size = 100_000
    ordered, cycle = topological([str(size)], lambda name: [str(int(name) - 1)] if name != "0" else [])

    assert cycle is None
    assert ordered[0] == "0"
    assert len(ordered) == size + 1


@given(acyclic())
def test_downstream_is_upstream_turned_round(edges: Edges) -> None:
    graph = Graph(
        Node(str(name), ANY, tuple(Argument(f"p{i}", ANY, str(need)) for i, need in enumerate(needs)))
        for name, needs in edges.items()
    )

    for name in graph.names:
        assert {other for other in graph.names if name in graph.upstream(other)} == graph.downstream(name)


def test_graph_knows_its_neighbours(load) -> None:
    graph = build(
        functions_of(
            load("""
        def spend(orders: int, rate: float = 1.0) -> int:
            return orders

        def margin(spend: int, orders: int) -> int:
            return spend
    """)
        ),
        {},
    )

    assert set(graph.names) == {"spend", "margin", "orders", "rate"}
    assert [node.name for node in graph.inputs] == ["orders", "rate"]
    assert graph.sources["margin"] == ("spend", "orders")
    assert set(graph.readers["orders"]) == {"spend", "margin"}
    assert graph.upstream("margin") == {"margin", "spend", "orders", "rate"}
    assert graph.downstream("rate") == {"rate", "spend", "margin"}
    assert len(graph) == len(list(graph)) == 4
    assert "spend" in graph


def test_unknown_name_finds_the_nearest(load) -> None:
    graph = build(functions_of(load("def spend(orders: int) -> int:\n    return orders\n")), {})

    with pytest.raises(UnknownNode, match=r"No node 'spent' in this graph\. Did you mean 'spend'\?") as told:
        graph.upstream("spent")
    assert told.value.name == "spent"
    assert isinstance(told.value, KeyError)


def test_one_node_of_several_variants_must_be_chosen(load) -> None:
    graph = build(
        functions_of(
            load("""
        from headwater import config

        @config.when(region="UK")
        def holidays__uk(week: int) -> int:
            return 1

        @config.when_not(region="UK")
        def holidays__else(week: int) -> int:
            return 2
    """)
        )
    )

    assert len(graph.variants("holidays")) == 2
    with pytest.raises(HeadwaterError, match='has 2 variants: region != "UK"; region = "UK"'):
        graph["holidays"]


def test_graph_shows_itself_in_a_notebook(load) -> None:
    graph = build(functions_of(load("def spend(orders: int) -> int:\n    return orders\n")), {})

    shown = graph._repr_mimebundle_()
    assert "spend" in shown["image/svg+xml"]
    assert shown["text/html"].startswith("<div")
    assert set(graph._repr_mimebundle_(include=["text/plain"])) == {"text/plain"}
