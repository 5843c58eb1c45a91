"""Executions cut into tasks: which tasks there are, what each reads, and how far a strategy may go."""

import pytest

from headwater.errors import HeadwaterError, MissingInput, UnknownNode
from headwater.executors.grouping import (
    GroupingStrategy,
    GroupNodesAllAsOne,
    GroupNodesByLevel,
    GroupNodesIndividually,
    NodeGroup,
    NodeGroupPurpose,
)

FAN_OUT = """
    def count() -> int:
        return 3

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(number: int, power: int = 2) -> int:
        return number**power

    def total(square: Collect[int]) -> int:
        return sum(square)
"""


def _ids(plan):
    return {spec.base_id: [node.name for node in spec.nodes] for spec in plan.specs}


def test_a_fan_out_has_a_task_before_one_for_each_element_and_one_after(tasks):
    plan = tasks.plan(FAN_OUT, "total")

    assert _ids(plan) == {
        "count": ["count"],
        "expand-number": ["number"],
        "block-number": ["square"],
        "collect-number": ["total"],
    }
    block = plan.specs[2]
    assert block.spawning_task_base_id == "expand-number"
    assert block.base_dependencies == ("expand-number",)
    assert block.outputs_to_compute == ("square",)
    assert [spec.purpose.value for spec in plan.specs] == [
        "execute_single",
        "expand_unordered",
        "execute_block",
        "gather",
    ]


def test_optional_inputs_are_read_only_where_they_are_given(tasks):
    assert tasks.plan(FAN_OUT, "total").specs[2].reads == ("number",)
    assert set(tasks.plan(FAN_OUT, "total", power=3).specs[2].reads) == {"number", "power"}
    assert tasks.run(FAN_OUT, "total") == 5
    assert tasks.run(FAN_OUT, "total", power=3) == 9


def test_what_nobody_needs_is_no_task(tasks):
    assert _ids(tasks.plan(FAN_OUT, "total", count=1)).keys() == {
        "expand-number",
        "block-number",
        "collect-number",
    }
    assert _ids(tasks.plan(FAN_OUT, "count")) == {"count": ["count"]}


def test_an_overridden_fan_out_goes_through_the_elements_that_are_given(tasks):
    assert tasks.run(FAN_OUT, "total", number=[4, 5]) == 41
    assert tasks.run(FAN_OUT, "total", number=iter([4, 5])) == 41


def test_an_overridden_node_of_a_fan_out_is_what_is_collected(tasks):
    assert tasks.run(FAN_OUT, "total", square=[1, 2]) == 3


def test_missing_inputs_and_unknown_outputs_are_told_before_anything_runs(tasks):
    with pytest.raises(MissingInput, match="'number'"):
        tasks.plan("def double(number: int) -> int: return 2 * number", "double")
    with pytest.raises(UnknownNode, match="Did you mean 'total'"):
        tasks.plan(FAN_OUT, "totl")


def test_several_collectors_share_a_task(tasks):
    source = (
        FAN_OUT
        + """
    def largest(square: Collect[int], number: Collect[int]) -> int:
        return max(square) + max(number)

    def both(total: int, largest: int) -> int:
        return total + largest
    """
    )
    assert _ids(tasks.plan(source, "both"))["collect-number"] == ["total", "largest"]
    assert tasks.run(source, "both") == 5 + 4 + 2


def test_a_generator_may_be_collected_itself(tasks):
    source = """
        def number() -> Parallelizable[int]:
            yield from range(4)

        def total(number: Collect[int]) -> int:
            return sum(number)
    """
    assert tasks.run(source, "total") == 6
    tasks.grouping = GroupNodesAllAsOne()
    assert tasks.run(source, "total") == 6


def test_one_node_may_gather_from_several_fan_outs(tasks):
    source = """
        def left() -> Parallelizable[int]:
            yield from (1, 2)

        def right() -> Parallelizable[int]:
            yield from (3, 4, 5)

        def joined(left: Collect[int], right: Collect[int]) -> list[int]:
            return [*left, *right]
    """
    assert tasks.run(source, "joined") == [1, 2, 3, 4, 5]


def test_a_node_may_gather_and_fan_out(tasks):
    source = """
        def first() -> Parallelizable[int]:
            yield from (1, 2)

        def second(first: Collect[int]) -> Parallelizable[int]:
            yield from (10 * one for one in first)

        def total(second: Collect[int]) -> int:
            return sum(second)
    """
    assert tasks.run(source, "total") == 30


def test_each_element_may_read_what_was_gathered_from_all(tasks):
    source = """
        def part() -> Parallelizable[int]:
            yield from (1, 3)

        def size(part: int) -> int:
            return part

        def whole(size: Collect[int]) -> int:
            return sum(size)

        def share(size: int, whole: int) -> float:
            return size / whole

        def shares(share: Collect[float]) -> list[float]:
            return list(share)
    """
    assert tasks.run(source, "shares") == [0.25, 0.75]
    assert _ids(tasks.plan(source, "shares")).keys() == {
        "expand-part",
        "block-part-1",
        "block-part-2",
        "collect-part-1",
        "collect-part-2",
    }


def test_elements_of_one_fan_out_may_read_what_another_gathered(tasks):
    source = """
        def word() -> Parallelizable[str]:
            yield from ("a", "b")

        def vocabulary(word: Collect[str]) -> str:
            return "".join(word)

        def letter() -> Parallelizable[str]:
            yield from ("b", "c")

        def known(letter: str, vocabulary: str, word: Collect[str]) -> bool:
            return letter in vocabulary and letter in word

        def all_known(known: Collect[bool]) -> list[bool]:
            return list(known)
    """
    assert tasks.run(source, "all_known") == [True, False]


def test_a_group_that_spans_a_fan_out_is_split(tasks):
    tasks.grouping = GroupNodesAllAsOne()
    plan = tasks.plan(FAN_OUT, "total")

    assert _ids(plan) == {"root-1": ["count", "number"], "root-2": ["square"], "root-3": ["total"]}
    assert [spec.purpose for spec in plan.specs] == [
        NodeGroupPurpose.EXPAND_UNORDERED,
        NodeGroupPurpose.EXECUTE_BLOCK,
        NodeGroupPurpose.GATHER,
    ]
    assert tasks.run(FAN_OUT, "total") == 5


@pytest.mark.parametrize("strategy", [GroupNodesIndividually, GroupNodesAllAsOne, GroupNodesByLevel])
def test_every_strategy_gives_the_same_values(tasks, strategy):
    tasks.grouping = strategy()

    assert tasks.run(FAN_OUT, "total", "square", "count") == {"total": 5, "square": [0, 1, 4], "count": 3}


_TWO = """
    def number() -> Parallelizable[int]:
        yield from (1, 2)

    def letter() -> Parallelizable[str]:
        yield from "abc"

    def total(number: Collect[int]) -> int:
        return sum(number)

    def twice(total: int) -> int:
        return 2 * total
"""


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ("def last(number: Collect[int], twice: int) -> int: return len(number) + twice", 8),
        (
            """
    def word(letter: Collect[str], total: int) -> str:
        return "".join(letter) * total

    def count(letter: Collect[str]) -> int:
        return len(letter)

    def last(number: Collect[int], count: int, word: str) -> int:
        return len(number) + count + len(word)
            """,
            14,
        ),
    ],
)
def test_what_gathers_may_need_what_others_made_of_the_same(tasks, more, value):
    assert tasks.run(f"{_TWO}\n{more if more.startswith(chr(10)) else '    ' + more}", "last") == value


class _Given(GroupingStrategy):
    """Groups nodes as a test says."""

    def __init__(self, *groups):
        self.groups = groups

    def group_nodes(self, nodes):
        by_name = {node.name: node for node in nodes}
        return [
            NodeGroup(base_id, None, [by_name[name] for name in names], NodeGroupPurpose.EXECUTE_BLOCK)
            for base_id, names in self.groups
        ]


CHAIN = """
    def a() -> int:
        return 1

    def b(a: int) -> int:
        return a + 1

    def c(b: int) -> int:
        return b + 1
"""


def test_a_strategy_of_one_s_own_says_what_runs_together(tasks):
    tasks.grouping = _Given(("first", "ab"), ("second", "c"))

    assert _ids(tasks.plan(CHAIN, "c")) == {"first": ["a", "b"], "second": ["c"]}
    assert tasks.run(CHAIN, "c") == 3


def test_the_order_of_nodes_in_a_group_does_not_matter(tasks):
    tasks.grouping = _Given(("all", "cab"))

    assert tasks.run(CHAIN, "c") == 3


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([("first", "ab")], "_Given must put every node .* It does not do so for 'c'"),
        ([("first", "ab"), ("second", "bc")], "does not do so for 'b'"),
        ([("first", "ab"), ("first", "c")], "several groups named 'first'"),
        ([("first", "ac"), ("second", "b")], "tasks that need each other: (first → second|second → first) →"),
    ],
)
def test_a_strategy_that_makes_no_sense_is_told_so(tasks, groups, message):
    tasks.grouping = _Given(*groups)

    with pytest.raises(HeadwaterError, match=message):
        tasks.plan(CHAIN, "c")


def test_a_chain_of_many_thousand_tasks_runs(tasks):
    size = 3000
    source = "\n".join(f"def f{i}(f{i - 1}: int) -> int: return f{i - 1} + 1" for i in range(1, size + 1))

    assert tasks.run(source, f"f{size}", f0=0) == size
