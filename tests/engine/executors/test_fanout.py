"""What a fan-out repeats, and the graphs that make no sense."""

import pytest

from headwater.errors import BuildFailed, DefinitionError
from headwater.executors.fanout import FanOuts, check_fan_outs, find_dynamic

NESTED = """
    def outer() -> Parallelizable[int]:
        yield from range(3)

    def shared() -> int:
        return 1

    def inner(outer: int) -> Parallelizable[int]:
        yield from range(outer)

    def leaf(inner: int, shared: int) -> int:
        return inner

    def leaves(leaf: Collect[int]) -> int:
        return sum(leaf)

    def everything(leaves: Collect[int], shared: int) -> int:
        return sum(leaves)
"""


def _fan_outs(graph):
    return FanOuts([graph[name] for name in ("outer", "shared", "inner", "leaf", "leaves", "everything")])


def test_a_node_is_in_the_fan_outs_of_what_it_reads(tasks):
    assert _fan_outs(tasks.graph(NESTED)).scopes == {
        "outer": (),
        "shared": (),
        "inner": ("outer",),
        "leaf": ("outer", "inner"),
        "leaves": ("outer",),
        "everything": (),
    }


def test_a_node_gathers_from_the_innermost_fan_out_of_what_it_collects(tasks):
    graph = tasks.graph(NESTED)
    fan_outs = _fan_outs(graph)

    assert fan_outs.gathered(graph["leaves"]) == "inner"
    assert fan_outs.gathered(graph["everything"]) == "outer"
    assert fan_outs.gathered(graph["leaf"]) is None


def test_a_whole_graph_is_checked_before_anything_is_asked(tasks):
    check_fan_outs(tasks.graph(NESTED))


def test_collecting_what_has_one_value_is_an_error(tasks):
    graph = tasks.graph("""
        def one() -> int:
            return 1

        def total(one: Collect[int]) -> int:
            return sum(one)
    """)
    with pytest.raises(
        DefinitionError, match=r"features\.py:\d+: 'total' collects 'one', which has one value"
    ):
        check_fan_outs(graph)


def test_reading_elements_of_two_fan_outs_is_an_error(tasks):
    graph = tasks.graph("""
        def row() -> Parallelizable[int]:
            yield 1

        def column() -> Parallelizable[int]:
            yield 1

        def cell(row: int, column: int) -> int:
            return row * column
    """)
    with pytest.raises(DefinitionError, match="two fan-outs, 'row' and 'column'"):
        check_fan_outs(graph)


def test_collecting_inside_the_same_fan_out_is_an_error(tasks):
    graph = tasks.graph("""
        def part() -> Parallelizable[int]:
            yield 1

        def size(part: int) -> int:
            return part

        def share(size: Collect[int], part: int) -> float:
            return part / sum(size)
    """)
    with pytest.raises(DefinitionError, match="collects 'size' from the fan-out 'part' and is itself called"):
        check_fan_outs(graph)


def test_all_faults_are_told_at_once(tasks):
    graph = tasks.graph("""
        def one() -> int:
            return 1

        def total(one: Collect[int]) -> int:
            return sum(one)

        def product(one: Collect[int]) -> int:
            return sum(one)
    """)
    with pytest.raises(BuildFailed) as caught:
        check_fan_outs(graph)

    assert len(caught.value.faults) == 2


def test_an_input_may_be_collected_since_it_is_given_whole(tasks):
    assert tasks.run("def total(parts: Collect[int]) -> int: return sum(parts)", "total", parts=[1, 2]) == 3


def test_only_nodes_that_fan_out_or_collect_are_dynamic(tasks):
    graph = tasks.graph(NESTED)

    assert find_dynamic([graph["shared"], graph["leaf"]]) is None
    assert find_dynamic([graph["shared"], graph["inner"]]) is graph["inner"]
    assert find_dynamic([graph["leaves"]]) is graph["leaves"]
