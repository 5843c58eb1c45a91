"""Grouping: whatever the labels are, tasks can be performed one after the other, and nothing is lost."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headwater.build import build
from headwater.executors.fusing import GroupByCost
from headwater.graph import topological
from headwater.node import Argument, Node, Role
from headwater.types import Type
from headwater_catalog.compiled.grouping import Group, group_by_cost, group_nodes
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
    nodes, labels, _ = drawn
    groups = group_nodes(nodes, labels)

    assert sorted(name for group in groups for name in group.nodes) == sorted(node.name for node in nodes)
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


@given(graphs(), st.integers(1, 4), st.floats(0, 20))
def test_tasks_by_cost_are_worth_one_and_begin_no_later_for_it(drawn: Any, slots: int, cost_of_task: float):
    nodes, _, costs = drawn
    groups = group_by_cost(nodes, GroupByCost(slots, cost_of_task, costs))

    assert sorted(name for group in groups for name in group.nodes) == sorted(node.name for node in nodes)
    assert all(each < place for place, needed in enumerate(order_of(groups, nodes)) for each in needed)
    if sum(costs.values()) < 5 * cost_of_task:
        assert len(groups) == 1


def test_siblings_that_take_long_are_tasks_and_what_is_around_them_is_not_taken_apart():
    names = [f"model_{number}" for number in range(6)]
    needs = {"load": "", "clean": "load", **dict.fromkeys(names, "clean"), "report": " ".join(names)}
    costs = {"load": 400.0, "clean": 1.0, **dict.fromkeys(names, 100.0), "report": 1.0}

    groups = group_by_cost(chain(needs), GroupByCost(8, 30.0, costs))

    assert [(group.label, len(group.nodes)) for group in groups] == [
        ("load", 2),
        ("model_0", 1),  # six times 100 seconds are worth four tasks of 30
        ("model_1", 2),
        ("model_3", 1),
        ("model_4", 2),
        ("report", 1),
    ]


def test_nodes_that_need_other_machines_do_not_share_a_task():
    nodes = chain({"load": "", "trained": "load", "scored": "trained"})
    tags = {"resources.gpus": "1", "resources.seconds": "60"}
    nodes[1] = dataclasses.replace(nodes[1], tags=tags)

    groups = group_by_cost(nodes, GroupByCost(8, 30.0, {"load": 1.0, "trained": 1.0, "scored": 1.0}))

    assert [group.nodes for group in groups] == [["load"], ["trained"], ["scored"]]


def test_what_takes_no_time_is_no_task_beside_what_needs_another_machine():
    nodes = chain({"load": "", "trained": "load", "shown": "load", "report": "trained shown"})
    nodes[1] = dataclasses.replace(nodes[1], tags={"resources.gpus": "1"})
    costs = {"load": 1.0, "trained": 600.0, "shown": 1.0, "report": 1.0}

    assert [group.nodes for group in group_by_cost(nodes, GroupByCost(8, 30.0, costs))] == [
        ["load", "shown"],
        ["trained"],
        ["report"],
    ]
    # What takes long is computed meanwhile.
    costs["shown"] = 600.0
    assert len(group_by_cost(nodes, GroupByCost(8, 30.0, costs))) == 4
