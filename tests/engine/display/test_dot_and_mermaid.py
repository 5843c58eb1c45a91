"""Drawings as text for other programs."""

import re

from headwater.display import draw
from headwater.graph import Graph
from headwater.node import Argument, Node
from headwater.types import Type

HOSTILE = '"]; end\nclick n0 href "javascript:alert(1)" %%{init}%% <img src=x> \\" \\'


def hostile_graph():
    reader = Node("reader", Type.of(int), (Argument("x", Type.of(int), HOSTILE),))
    return Graph([Node(HOSTILE, Type(HOSTILE)), reader])


def test_dot_has_the_nodes_edges_and_labels_under_their_names(graph):
    text = draw(graph, config={"region": "uk"}).dot

    assert text.startswith("// Dependency Graph\ndigraph {")
    assert "mean [label=<<b>mean</b><br /><br /><i>float</i>> shape=rectangle margin=0.15" in text
    assert "mean -> share_raw" in text
    assert "parts -> part [dir=both arrowhead=crow arrowtail=none]" in text
    assert "_mean_inputs -> mean" in text
    assert '<tr><td align="left">spend</td><td align="left">float</td></tr>' in text
    assert "cluster__legend" in text


def test_dot_takes_attributes_and_direction(graph):
    text = draw(graph, graphviz_kwargs={"graph_attr": {"rankdir": "TB", "ratio": "1"}, "comment": "Mine"}).dot

    assert text.startswith("// Mine\n")
    assert "rankdir=TB" in text
    assert "ratio=1" in text


def test_an_execution_and_a_path_are_marked_in_dot(graph):
    text = draw(graph, outputs=["share"], overrides=["half"], path=["mean", "share_raw"]).dot

    assert re.search(r'share \[.*fillcolor="#FFC857"', text)
    assert re.search(r'half \[.*"filled,diagonals"', text)
    assert "mean -> share_raw [color=red]" in text


def test_texts_of_any_kind_stay_inside_their_quotes_in_dot():
    text = draw(hostile_graph()).dot
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", re.sub(r"<<b>.*?</i>>", "", text))

    assert "javascript" not in outside
    assert "<img" not in outside
    assert outside.count("{") == outside.count("}") == 2


def test_mermaid_has_the_nodes_and_edges(graph):
    text = draw(graph).mermaid
    key = re.search(r'(n\d+)\("<b>mean</b>', text)[1]
    reader = re.search(r'(n\d+)\("<b>share_raw</b>', text)[1]

    assert text.startswith("flowchart LR\n")
    assert f"{key} --> {reader}\n" in text
    assert f"class {key} function" in text
    assert 'subgraph legend["Legend"]' in text
    assert "subgraph" not in draw(graph, show_legend=False).mermaid


def test_texts_of_any_kind_stay_inside_their_quotes_in_mermaid():
    text = draw(hostile_graph(), show_legend=False).mermaid
    labels = re.findall(r'\("(.*)"\)', text)
    outside = re.sub(r'\(".*"\)', "", text)

    assert len(labels) == 2
    assert all(re.fullmatch(r"(<b>|</b>|<i>|</i>|<br/>|#\d+;|[\w .,:+-])*", label) for label in labels)
    assert "click" not in outside and "end" not in outside.split()
