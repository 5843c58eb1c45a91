"""What a graph's nodes tell about themselves."""

import pytest

from headwater.build import build
from headwater.errors import UnknownNode
from headwater.function import functions_of
from headwater.graph import Graph
from headwater.graph_types import HamiltonGraph, HamiltonNode
from headwater.node import Argument, Node
from headwater.types import Type

MODULE = '''
    from headwater import config, parameterize, source, tag, value

    @tag(owner="growth", teams=["a", "b"])
    def spend_mean(spend: float, scale: float = 2.0) -> float:
        """Mean.

            More.
        """
        return spend * scale

    @parameterize(double=dict(x=source("spend_mean"), by=value(2)))
    def times(x: float, by: int) -> int | None:
        return None

    @config.when(region="uk")
    def holidays__uk() -> list[int]:
        return []
    '''


@pytest.fixture
def graph(load):
    return build(functions_of(load(MODULE)), {"region": "uk"})


def test_a_node_tells_all_of_itself(graph):
    node = HamiltonGraph.of(graph)["spend_mean"]

    assert node.type is float
    assert node.tags == {"module": "features", "owner": "growth", "teams": ["a", "b"]}
    assert node.is_external_input is False
    assert [f.__name__ for f in node.originating_functions] == ["spend_mean"]
    assert node.documentation.startswith("Mean.")
    assert node.required_dependencies == {"spend"}
    assert node.optional_dependencies == {"scale"}
    assert node.optional_dependencies_default_values == {"scale": 2.0}
    assert repr(node) == 'Node("spend_mean": float)'


def test_a_literal_is_no_dependency(graph):
    assert HamiltonGraph.of(graph)["double"].required_dependencies == {"spend_mean"}


def test_an_input_names_the_first_function_that_asks_for_it_and_is_its_own_version(graph):
    node = HamiltonGraph.of(graph)["spend"]

    assert node.is_external_input
    assert [f.__name__ for f in node.originating_functions] == ["spend_mean"]
    assert node.version == "spend"


CHAINED = """
    from headwater import pipe_output, source, step, subdag

    def price(base_price: int) -> int:
        return base_price

    @subdag(price)
    def region(price: int) -> int:
        return price

    @subdag(region)
    def country(region: int) -> int:
        return region

    def _plus(amount: int, more: int) -> int:
        return amount + more

    @pipe_output(step(_plus, more=source("bonus")).named("added"))
    def paid(country: int) -> int:
        return country
    """


@pytest.mark.parametrize(
    ("node", "functions"),
    [
        ("country", ["country"]),
        ("country.region", ["region", "country"]),
        ("country.region.price", ["price", "region", "country"]),
        ("paid", ["paid"]),
        ("paid.added", ["_plus", "paid"]),
        ("bonus", ["_plus", "paid"]),
    ],
)
def test_a_part_comes_from_its_own_function_and_from_those_that_it_is_part_of(load, node, functions):
    graph = build(functions_of(load(CHAINED)), {})

    assert [f.__name__ for f in HamiltonGraph.of(graph)[node].originating_functions] == functions


def test_a_configuration_key_comes_from_no_function(graph):
    node = HamiltonGraph.of(graph)["region"]

    assert node.originating_functions is None
    assert node.source is None


def test_a_node_as_a_dictionary_is_fit_for_json(graph):
    found = HamiltonGraph.of(graph)["spend_mean"].as_dict(include_optional_dependencies_default_values=True)

    assert found["output_type"] == "float"
    assert found["required_dependencies"] == ["spend"]
    assert found["source"].startswith('@tag(owner="growth"')
    assert found["source"].endswith("return spend * scale\n")
    assert found["optional_dependencies_default_values"] == {"scale": 2.0}
    assert len(found["version"]) == 64
    assert HamiltonGraph.of(graph)["double"].as_dict()["output_type"] == "int | None"


def test_a_node_that_was_only_read_tells_all_but_its_code():
    node = HamiltonNode.of(Node("x", Type.named("pandas.Series"), (Argument("y", Type.of(int), "y"),)))

    assert node.required_dependencies == {"y"}
    assert node.originating_functions is None
    assert node.version is None
    assert node.as_dict()["source"] is None


def test_the_version_of_a_graph_is_that_of_its_nodes(graph, load):
    edited = build(
        functions_of(load(MODULE.replace("spend * scale", "spend + scale"), "edited")), {"region": 1}
    )

    assert HamiltonGraph.of(graph).version == HamiltonGraph.of(graph).version
    assert HamiltonGraph.of(graph).version != HamiltonGraph.of(edited).version


def test_nodes_are_found_by_name_or_by_what_a_function_says(graph):
    described = HamiltonGraph.from_graph(graph)

    assert [node.name for node in described.filter_nodes(lambda node: "owner" in node.tags)] == ["spend_mean"]
    assert described["double"] == HamiltonNode.of(graph["double"])
    assert len({described["double"], HamiltonNode.of(graph["double"])}) == 1
    with pytest.raises(UnknownNode, match="spend_mean"):
        described["spend_men"]


def test_describing_four_thousand_nodes_takes_milliseconds():
    graph = Graph([Node(f"n{i}", Type.of(int)) for i in range(4000)])

    described = HamiltonNode.all_of(graph.nodes, graph)

    assert len(described) == 4000
