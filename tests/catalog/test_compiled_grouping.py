"""Grouping: whatever the labels are, tasks can be performed one after the other, and nothing is lost."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.build import build
from headwater.graph import topological
from headwater.node import Argument, Node, Role
from headwater.types import Type
from headwater_catalog.compiled.grouping import Group, group_nodes
from headwater_catalog.read.tree import read_texts


def chain(needs: Mapping[str, str]) -> list[Node]:
    """Return nodes that need others, named as words."""
    return [
        Node(
            name,
            Type("int"),
            tuple(Argument(each, type=Type("int"), node=each) for each in words.split()),
            feature=name,
        )
        for name, words in needs.items()
    ]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Node], dict[str, str], dict[str, float]]:
    count = draw(st.integers(1, 14))
    names = [f"n{number}" for number in range(count)]
    needs = {
        name: " ".join(draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=3)))
        if place
        else ""
        for place, name in enumerate(names)
    }
    labels = {name: draw(st.sampled_from(["a", "b", "c"])) for name in names}
    costs = {name: draw(st.floats(0, 60)) for name in names}
    return chain(needs), labels, costs


def order_of(groups: list[Group], nodes: list[Node]) -> list[list[int]]:
    """Return for each group the places of those that it needs."""
    home = {name: place for place, group in enumerate(groups) for name in group.nodes}
    needs: list[set[int]] = [set() for _ in groups]
    for node in nodes:
        needs[home[node.name]] |= {home[each] for each in node.dependencies} - {home[node.name]}
    return [sorted(each) for each in needs]


@given(graphs())
def test_every_node_is_in_one_group_and_each_group_comes_after_those_it_needs(drawn: Any):
    nodes, labels, costs = drawn
    for more in ({}, {"costs": costs, "least": 30.0}):
        groups = group_nodes(nodes, labels, **more)

        assert sorted(name for group in groups for name in group.nodes) == sorted(n.name for n in nodes)
        assert all(each < place for place, needed in enumerate(order_of(groups, nodes)) for each in needed)


@given(graphs())
def test_groups_have_one_label_and_none_could_be_joined_with_another_of_it(drawn: Any):
    nodes, labels, _ = drawn
    groups = group_nodes(nodes, labels)

    assert all({labels[name] for name in group.nodes} == {group.label} for group in groups)
    for one, first in enumerate(groups):
        for other in range(one + 1, len(groups)):
            if groups[other].label == first.label:
                assert is_circular(groups, nodes, one, other)


def is_circular(groups: list[Group], nodes: list[Node], one: int, other: int) -> bool:
    """Tell whether groups need each other if two of them are joined."""
    needs = order_of(groups, nodes)
    names = [one if place == other else place for place in range(len(groups))]
    joined: dict[int, set[int]] = {name: set() for name in names}
    for place, needed in enumerate(needs):
        joined[names[place]] |= {names[each] for each in needed} - {names[place]}
    return topological(joined, lambda place: sorted(joined[place]))[1] is not None


def test_a_label_that_others_come_between_becomes_two_groups():
    nodes = chain({"load": "", "clean": "load", "score": "clean", "report": "score"})
    labels = {"load": "io", "clean": "model", "score": "model", "report": "io"}

    groups = group_nodes(nodes, labels)

    assert [(group.label, group.nodes) for group in groups] == [
        ("io", ["load"]),
        ("model", ["clean", "score"]),
        ("io", ["report"]),
    ]


def test_what_a_fan_out_repeats_stays_together_whatever_its_labels():
    source = b"""
from headwater import Collect, Parallelizable
def files() -> list[str]: return ["a"]
def each_file(files: list[str]) -> Parallelizable[str]: yield from files
def size(each_file: str) -> int: return len(each_file)
def total(size: Collect[int]) -> int: return sum(size)
def doubled(total: int) -> int: return 2 * total
"""
    project = b'[tool.headwater.dataflows.d]\nmodules = ["m"]\n'
    reading = read_texts({"m.py": source, "pyproject.toml": project})
    graph = build(reading.modules["m"].functions, {})
    nodes = [node for node in graph if node.role is not Role.INPUT]
    order, _ = topological([n.name for n in nodes], lambda name: graph.sources[name])

    groups = group_nodes([graph[name] for name in order], {name: name for name in order})

    assert ["each_file", "size", "total"] in [sorted(group.nodes) for group in groups]
    assert len(groups) == 3


@pytest.mark.parametrize(("least", "count"), [(0.0, 3), (20.0, 2), (1_000.0, 1)])
def test_groups_that_cost_little_are_put_together(least: float, count: int):
    nodes = chain({"a": "", "b": "a", "c": "b"})
    costs = {"a": 30.0, "b": 1.0, "c": 40.0}

    assert len(group_nodes(nodes, {"a": "x", "b": "y", "c": "z"}, costs, least)) == count
