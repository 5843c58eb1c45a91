"""Chains and siblings fused into few tasks, which still are right and can run side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import HeadwaterError
from headwater.executors import DefaultExecutionManager, SynchronousLocalTaskExecutor
from headwater.executors.fusing import GroupByCost, GroupChainsAndSiblings
from headwater.executors.graph import TaskBasedGraphExecutor
from support.numbered_graphs import graph_of, reads_of_nodes


def _groups(
    reads: list[list[int]], kind: type[GroupByCost] = GroupChainsAndSiblings, **options: object
) -> list[list[str]]:
    graph = graph_of(reads)
    strategy = kind(**options)
    groups = strategy.group_nodes([graph[f"n{number}"] for number in range(len(reads))])
    return [[node.name for node in group.nodes] for group in groups]


def test_a_chain_is_one_task():
    assert _groups([[], [0], [1], [2]], width=4) == [["n0", "n1", "n2", "n3"]]


def test_chains_side_by_side_stay_apart_while_there_is_room():
    assert _groups([[], [], [0], [1]], width=2) == [["n0", "n2"], ["n1", "n3"]]


def test_siblings_are_bundled_until_they_are_as_many_as_can_run_at_once():
    assert _groups([[], *([[0]] * 6)], width=2) == [["n0"], ["n1", "n2", "n3"], ["n4", "n5", "n6"]]


def test_those_that_read_the_same_are_bundled_first():
    groups = _groups([[], [], [0], [1], [0], [1]], width=2)

    assert ["n0", "n2", "n4"] in groups and ["n1", "n3", "n5"] in groups


def test_costs_decide_how_many_siblings_make_a_bundle():
    groups = _groups([[], *([[0]] * 4)], width=2, costs={"n1": 3.0})

    assert groups == [["n0"], ["n1"], ["n2", "n3", "n4"]]


def test_a_width_below_one_is_an_error():
    with pytest.raises(HeadwaterError, match="width=0"):
        GroupChainsAndSiblings(width=0)


LAYERS = [[], [], [], *([[0, 1, 2]] * 3), *([[3, 4, 0]] * 3), *([[6, 7, 8, 4]] * 3)]
"""Four levels of three nodes, of which each reads several of the levels before."""


def test_levels_that_read_each_other_in_turn_are_one_task_where_one_runs_at_a_time():
    assert len(_groups(LAYERS, width=1)) == 1
    assert len(_groups(LAYERS, width=3)) == 12


def test_what_could_run_meanwhile_never_waits_in_another_s_task():
    # n2 reads both, so it comes after n1; in one task with n0 it would keep n3 waiting.
    assert _groups([[], [], [0, 1], [0]], GroupByCost, slots=4) == [["n0"], ["n1"], ["n2"], ["n3"]]
    # n3 reads what n2 makes, too, and waits for it anyway.
    assert _groups([[], [0], [0, 1], [0, 2]], GroupByCost, slots=4) == [["n0", "n1", "n2", "n3"]]


def test_a_graph_that_costs_less_than_its_tasks_would_is_one_task():
    costs = {f"n{number}": 0.001 for number in range(12)}

    assert len(_groups(LAYERS, GroupByCost, slots=3, costs=costs, cost_of_task=0.01)) == 1
    assert len(_groups(LAYERS, GroupByCost, slots=3, costs=costs, cost_of_task=0.0001)) == 12


def test_a_level_is_split_into_as_many_tasks_as_its_cost_is_worth():
    siblings: list[list[int]] = [[] for _ in range(8)]
    costs = {f"n{number}": 0.03 for number in range(8)}

    assert len(_groups(siblings, GroupByCost, slots=8, costs=costs, cost_of_task=0.01)) == 4
    assert len(_groups(siblings, GroupByCost, slots=3, costs=costs, cost_of_task=0.01)) == 3


def test_what_is_known_to_take_long_is_cut_finer_so_that_who_is_done_early_takes_more():
    siblings: list[list[int]] = [[] for _ in range(40)]
    costs = {f"n{number}": 1.0 for number in range(40)}

    assert len(_groups(siblings, GroupByCost, slots=2, costs=costs, cost_of_task=0.01)) == 8
    # Each of the groups would be worth no more than three tasks' cost.
    assert len(_groups(siblings, GroupByCost, slots=2, costs=costs, cost_of_task=2.5)) == 2
    assert len(_groups(siblings, GroupByCost, slots=2, cost_of_task=0.01)) == 2


def test_nodes_of_unknown_cost_run_side_by_side_until_it_is_learned(tasks):
    source = "\n".join(f"def n{number}(start: int) -> int: return start + {number}" for number in range(6))
    graph = tasks.graph(source)
    strategy = GroupByCost(slots=3, cost_of_task=0.01)
    tasks.grouping = strategy
    runner = tasks.executor()
    wanted = [f"n{number}" for number in range(6)]

    assert len(runner.plan(graph, wanted, ["start"]).specs) == 3
    strategy.learn(dict.fromkeys(wanted, 0.0001))
    assert len(runner.plan(graph, wanted, ["start"]).specs) == 1
    # What is known stays, so that groups do not change from one execution to the next.
    strategy.learn(dict.fromkeys(wanted, 100.0))
    assert len(runner.plan(graph, wanted, ["start"]).specs) == 1


def test_nodes_of_unlike_needs_share_no_task(tasks):
    source = """
        from headwater import tag

        def read(path: str) -> str: return path

        @tag(**{"resources.gpus": "1"})
        def embedded(read: str) -> int: return len(read)

        @tag(**{"resources.gpus": "1"})
        def scaled(embedded: int) -> int: return 2 * embedded

        def shown(scaled: int) -> str: return str(scaled)
    """
    tasks.grouping = GroupByCost(slots=1)
    specs = tasks.plan(source, "shown", path="x").specs

    assert [[node.name for node in spec.nodes] for spec in specs] == [
        ["read"],
        ["embedded", "scaled"],
        ["shown"],
    ]
    assert [spec.needs.gpus for spec in specs] == [None, 1, None]


def test_slots_may_be_known_only_later():
    siblings: list[list[int]] = [[] for _ in range(6)]

    assert len(_groups(siblings, GroupByCost, slots=lambda: 2)) == 2


@pytest.mark.parametrize("options", [{"slots": 0}, {"cost_of_task": -1}])
def test_costs_that_cannot_be_are_errors(options):
    with pytest.raises(HeadwaterError, match="GroupByCost: "):
        GroupByCost(**options)


def test_what_a_fan_out_repeats_stays_one_task_for_each_element(tasks):
    source = """
        def a() -> int:
            return 2

        def b(a: int) -> int:
            return a + 1

        def number(b: int) -> Parallelizable[int]:
            yield from range(b)

        def square(number: int) -> int:
            return number * number

        def total(square: Collect[int]) -> int:
            return sum(square)

        def shown(total: int) -> str:
            return str(total)
    """
    tasks.grouping = GroupChainsAndSiblings(width=2)

    assert {spec.base_id for spec in tasks.plan(source, "shown").specs} == {
        "fused-b",
        "expand-number",
        "block-number",
        "collect-number",
        "fused-shown",
    }
    assert tasks.run(source, "shown") == "5"


@settings(max_examples=60, deadline=None)
@given(reads_of_nodes(25), st.integers(1, 4), st.integers(1, 24))
def test_fused_tasks_give_the_same_values_and_never_need_each_other(reads, width, wanted):
    graph = graph_of(reads)
    outputs = [f"n{number}" for number in range(len(reads)) if number % wanted == 0]
    manager = DefaultExecutionManager(None, SynchronousLocalTaskExecutor())

    plain = TaskBasedGraphExecutor(manager).execute(graph, outputs, {"start": 1})
    fused = TaskBasedGraphExecutor(manager, GroupChainsAndSiblings(width)).execute(
        graph, outputs, {"start": 1}
    )

    assert fused == plain


@settings(max_examples=60, deadline=None)
@given(
    reads_of_nodes(25),
    st.integers(1, 4),
    st.lists(st.floats(0, 0.1), max_size=25),
    st.sampled_from([0, 0.01]),
)
def test_groups_hold_each_node_once_and_stay_the_same(reads, slots, seconds, cost_of_task):
    costs = {f"n{number}": cost for number, cost in enumerate(seconds)}
    options = {"slots": slots, "costs": costs, "cost_of_task": cost_of_task}
    groups = _groups(reads, GroupByCost, **options)

    assert sorted(name for group in groups for name in group) == sorted(f"n{i}" for i in range(len(reads)))
    assert groups == _groups(reads, GroupByCost, **options)


@settings(max_examples=60, deadline=None)
@given(reads_of_nodes(25), st.integers(1, 4), st.lists(st.floats(0, 0.1), max_size=25))
def test_groups_by_cost_give_the_same_values(reads, slots, seconds):
    graph = graph_of(reads)
    outputs = [f"n{number}" for number in range(len(reads))]
    costs = {f"n{number}": cost for number, cost in enumerate(seconds)}
    manager = DefaultExecutionManager(None, SynchronousLocalTaskExecutor())

    # A plan with tasks that need each other is refused, so that this also holds that there is none.
    grouped = TaskBasedGraphExecutor(manager, GroupByCost(slots, costs=costs))
    assert grouped.execute(graph, outputs, {"start": 1}) == TaskBasedGraphExecutor(manager).execute(
        graph, outputs, {"start": 1}
    )
