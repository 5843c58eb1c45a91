"""Grouping strategies: which nodes they put together."""

from headwater.executors.grouping import (
    GroupByRepeatableBlocks,
    GroupNodesAllAsOne,
    GroupNodesByLevel,
    GroupNodesIndividually,
)

SOURCE = """
    def count(limit: int) -> int:
        return limit

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def half(number: int) -> float:
        return number / 2

    def shown(half: float, unit: str) -> str:
        return f"{half} {unit}"

    def unit() -> str:
        return "m"

    def lines(shown: Collect[str]) -> str:
        return "; ".join(shown)
"""


def _groups(strategy, tasks):
    graph = tasks.graph(SOURCE)
    nodes = [graph[name] for name in ("count", "number", "half", "unit", "shown", "lines")]
    return {group.base_id: [node.name for node in group.nodes] for group in strategy.group_nodes(nodes)}


def test_repeatable_blocks_hold_what_lies_between_a_fan_out_and_its_collector(tasks):
    assert _groups(GroupByRepeatableBlocks(), tasks) == {
        "count": ["count"],
        "expand-number": ["number"],
        "block-number": ["half", "shown"],
        "unit": ["unit"],
        "collect-number": ["lines"],
    }


def test_individually_is_a_group_for_each_node(tasks):
    assert list(_groups(GroupNodesIndividually(), tasks)) == [
        "count",
        "number",
        "half",
        "unit",
        "shown",
        "lines",
    ]


def test_all_as_one_is_a_single_group(tasks):
    assert list(_groups(GroupNodesAllAsOne(), tasks)) == ["root"]


def test_by_level_groups_what_is_equally_far_from_the_inputs(tasks):
    assert _groups(GroupNodesByLevel(), tasks) == {
        "level_0": ["count", "unit"],
        "level_1": ["number"],
        "level_2": ["half"],
        "level_3": ["shown"],
        "level_4": ["lines"],
    }
