"""What is drawn, and as what."""

from dataclasses import replace

import pytest

from headwater.build import build
from headwater.display.looks import Kind
from headwater.display.picture import Request, picture
from headwater.errors import InvalidInput, UnknownNode
from headwater.function import functions_of
from headwater.graph import Graph


def boxes(graph, **options):
    return {box.key: box for box in picture(graph, Request(**options)).boxes}


def edges(graph, **options):
    return {(edge.source, edge.target): edge.kind for edge in picture(graph, Request(**options)).edges}


def test_every_node_is_a_box_of_its_kind(graph):
    found = {key: box.kinds for key, box in boxes(graph, config={"region": "uk"}).items()}

    assert found["mean"] == (Kind.FUNCTION,)
    assert found["share_raw"] == (Kind.PART,)
    assert found["parts"] == (Kind.FUNCTION, Kind.EXPAND)
    assert found["whole"] == (Kind.FUNCTION, Kind.COLLECT)
    assert found["saved"] == (Kind.MATERIALIZER,)
    assert found["_mean_inputs"] == (Kind.INPUT,)
    assert found["config region"] == (Kind.CONFIG,)


def test_boxes_tell_names_types_and_docs(graph):
    found = boxes(graph)

    assert (found["mean"].title, found["mean"].subtitle, found["mean"].tooltip) == (
        "mean",
        "float",
        "Mean spend.",
    )
    assert found["days"].title == "days: region"
    assert found["table"].title == 'Table of <days> & "nights"'
    assert found["saved"].subtitle == "CsvWriter"
    assert found["_mean_inputs"].rows == (("spend", "float"), ("rate", "float"))


def test_edges_lead_from_what_is_needed(graph):
    found = edges(graph)

    assert ("mean", "share_raw") in found
    assert found["parts", "part"] is Kind.EXPAND
    assert found["part", "whole"] is Kind.COLLECT
    assert found["days", "whole"] is None
    assert ("_half_inputs", "half") in found


def test_equal_inputs_share_a_table_where_that_is_asked_for(graph):
    found = edges(graph, deduplicate_inputs=True)

    assert len({source for source, _ in found if source.endswith("_inputs")}) == 1


def test_inputs_can_be_hidden(graph):
    assert not any(Kind.INPUT in box.kinds for box in boxes(graph, hide_inputs=True).values())


def test_an_input_that_nothing_shown_reads_is_shown_alone(graph):
    assert [box.rows for box in boxes(graph, names=["rate"]).values()] == [(("rate", "float"),)]


def test_only_the_named_nodes_are_shown(graph):
    assert list(boxes(graph, names=["share", "whole"])) == ["share", "whole"]
    assert edges(graph, names=["share", "whole"]) == {}


def test_what_an_execution_does_is_marked(graph):
    found = boxes(
        graph, names=["half", "share_raw", "mean", "spend", "rate"], outputs=["share_raw"], overrides=["mean"]
    )

    assert found["share_raw"].kinds == (Kind.PART, Kind.OUTPUT)
    assert found["mean"].kinds == (Kind.FUNCTION, Kind.OVERRIDE)
    assert "_mean_inputs" not in found


def test_a_path_stands_out_with_its_edges(graph):
    path = ["spend", "mean", "share_raw"]
    found = edges(graph, path=path)

    assert found["mean", "share_raw"] is Kind.PATH
    assert found["_mean_inputs", "mean"] is Kind.PATH
    assert found["half", "share_raw"] is None
    assert Kind.PATH in boxes(graph, path=path)["_mean_inputs"].kinds


def test_declared_columns_are_listed_unless_that_is_not_wanted(graph):
    tagged = Graph(
        replace(node, tags={**node.tags, "hamilton.internal.schema_output": "a=int,b=str"})
        if node.name == "table"
        else node
        for node in graph
    )

    assert boxes(tagged)["table"].rows == (("a", "int"), ("b", "str"))
    assert boxes(tagged, show_schema=False)["table"].rows == ()


def test_the_legend_explains_the_kinds_that_occur(graph):
    def legend(**options):
        return [box.title for box in picture(graph, Request(**options)).legend]

    assert legend() == ["input", "function", "part", "materializer", "expand", "collect"]
    assert legend(names=["mean"], outputs=["mean"]) == ["function", "output"]
    assert legend(show_legend=False) == []


def test_a_style_function_chooses_the_look_and_joins_the_legend(graph):
    def style(*, node, node_class):
        assert node_class == "function"
        if node.type is float:
            return {"fillcolor": "gold", "penwidth": 3}, "function", "numbers"
        return {}, None, None

    shown = picture(graph, Request(custom_style_function=style))

    assert {box.key: box.style for box in shown.boxes}["mean"] == {"fillcolor": "gold", "penwidth": "3"}
    assert shown.legend[-1].title == "numbers"


def test_variants_stand_side_by_side_with_edges_of_their_own(load):
    module = load(
        """
        from headwater import config

        def one() -> int:
            return 1

        @config.when(region="uk")
        def spend__uk(one: int) -> int:
            return one

        @config.when(region="us")
        def spend__us() -> int:
            return 2

        def total(spend: int) -> int:
            return spend
        """
    )
    found = edges(build(functions_of(module)))

    assert set(found) >= {("one", "spend"), ("spend", "total"), ("spend#2", "total")}
    assert ("one", "spend#2") not in found


def test_the_direction_may_come_with_the_graphviz_arguments(graph):
    assert picture(graph, Request(graphviz_kwargs={"graph_attr": {"rankdir": "TB"}})).orient == "TB"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"orient": "RT"}, InvalidInput, "'RT' is no direction.*LR, TB, RL, BT"),
        ({"names": ["maen"]}, UnknownNode, "mean"),
        (
            {"custom_style_function": lambda node, node_class: ({}, None, None)},
            InvalidInput,
            "by keyword only",
        ),
    ],
)
def test_wrong_use_is_told(graph, options, error, message):
    with pytest.raises(error, match=message):
        picture(graph, Request(**options))
