"""Graphs as JSON."""

import json

import pytest

from headwater.build import build
from headwater.errors import UnknownNode
from headwater.export import executed, export_nodes
from headwater.function import functions_of


@pytest.fixture
def graph(load):
    module = load(
        """
        def a(x: int, extra: int = 1) -> int:
            return x + extra

        def b(a: int) -> int:
            return a

        def c(b: int, a: int) -> int:
            return b

        def other(y: int) -> int:
            return y
        """
    )
    return build(functions_of(module), {})


def test_an_execution_touches_what_its_outputs_need_and_no_input_that_is_optional_and_not_given(graph):
    assert set(executed(graph, ["c"], ["x"])) == {"a", "b", "c", "x"}
    assert set(executed(graph, ["c"], ["x", "extra"])) == {"a", "b", "c", "x", "extra"}


def test_what_only_an_overridden_node_needs_is_not_touched(graph):
    assert set(executed(graph, ["c"], ["a"])) == {"a", "b", "c"}


def test_an_unknown_output_is_an_error(graph):
    with pytest.raises(UnknownNode, match="other"):
        executed(graph, ["othr"], [])


def test_the_export_lists_nodes_by_name_with_all_that_is_known(graph):
    nodes = json.loads(export_nodes(graph, executed(graph, ["b"], ["x"])))["nodes"]

    assert [node["name"] for node in nodes] == ["a", "b", "x"]
    assert nodes[0] == {
        "name": "a",
        "tags": {"module": "features"},
        "output_type": "int",
        "required_dependencies": ["x"],
        "optional_dependencies": ["extra"],
        "source": "def a(x: int, extra: int = 1) -> int:\n    return x + extra\n",
        "documentation": "",
        "version": nodes[0]["version"],
    }
    assert len(nodes[0]["version"]) == 64
