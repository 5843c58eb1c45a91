"""Parts of a graph that run once for every item of a list."""

import pandas as pd
from hamilton import ad_hoc_utils, base, driver
from hamilton.execution import executors, grouping
from hamilton.function_modifiers import check_output, extract_fields, tag
from hamilton.htypes import Collect, Parallelizable
from hamilton.lifecycle import GracefulErrorAdapter, NodeExecutionHook, TaskExecutionHook
from scenario import Scenario


def count() -> int:
    return 3


def item(count: int) -> Parallelizable[int]:
    """Every number."""
    yield from range(count)


@tag(owner="growth")
def doubled(item: int, factor: int) -> int:
    return item * factor


def shifted(doubled: int, offset: int) -> int:
    return doubled + offset


def total(shifted: Collect[int]) -> int:
    return sum(shifted)


def offset() -> int:
    return 100


def after(total: int, offset: int) -> int:
    return total - offset


def _builder(module):
    builder = driver.Builder().with_modules(module).enable_dynamic_execution(allow_experimental_mode=True)
    return builder.with_config({"factor": 2})


def _dynamic(config, module):
    return _builder(module).build()


def _made(name, *functions):
    return ad_hoc_utils.create_temporary_module(*functions, module_name=name)


def _local(module):
    return _builder(module).with_remote_executor(executors.SynchronousLocalTaskExecutor())


def _ask_synchronous(module):
    return _local(module).build().execute(["after", "total"])


def _ask_threads(module):
    return (
        _builder(module)
        .with_remote_executor(executors.MultiThreadingExecutor(max_tasks=2))
        .build()
        .execute(["after"])
    )


def _ask_local_executor(module):
    return (
        _local(module)
        .with_local_executor(executors.SynchronousLocalTaskExecutor())
        .build()
        .execute(["total"])
    )


def _ask_execution_manager(module):
    manager = executors.DefaultExecutionManager(
        executors.SynchronousLocalTaskExecutor(), executors.SynchronousLocalTaskExecutor()
    )
    return _builder(module).with_execution_manager(manager).build().execute(["after"])


def _ask_manager_and_executor(module):
    manager = executors.DefaultExecutionManager()
    return _local(module).with_execution_manager(manager)


def _ask_group_individually(module):
    return (
        _local(module)
        .with_grouping_strategy(grouping.GroupNodesIndividually())
        .build()
        .execute(["offset", "count"])
    )


def _ask_group_by_blocks(module):
    return (
        _local(module).with_grouping_strategy(grouping.GroupByRepeatableBlocks()).build().execute(["after"])
    )


def _ask_group_as_one(module):
    return _local(module).with_grouping_strategy(grouping.GroupNodesAllAsOne()).build().execute(["offset"])


def _ask_group_by_level(module):
    return (
        _local(module)
        .with_grouping_strategy(grouping.GroupNodesByLevel())
        .build()
        .execute(["offset", "count"])
    )


def _ask_overrides(module):
    built = _local(module).build()
    return [
        built.execute(["after"], overrides={"offset": 1}),
        built.execute(["after"], overrides={"count": 0}),
        built.execute(["after"], overrides={"total": 7}),
    ]


def _ask_result_builder(module):
    return _local(module).with_adapters(base.PandasDataFrameResult()).build().execute(["after", "total"])


def _ask_output_inside_the_block(module):
    return _local(module).build().execute(["doubled"])


def _ask_expander_as_output(module):
    return _local(module).build().execute(["item"])


def _ask_without_dynamic(module):
    return driver.Builder().with_modules(module).with_config({"factor": 2}).build().execute(["after"])


def _ask_missing_input(module):
    return (
        driver.Builder()
        .with_modules(module)
        .enable_dynamic_execution(allow_experimental_mode=True)
        .build()
        .execute(["after"])
    )


def _ask_without_the_word(module):
    return driver.Builder().with_modules(module).enable_dynamic_execution()


def _ask_hooks(module):
    seen = []

    class Hook(NodeExecutionHook):
        def run_before_node_execution(self, *, node_name, task_id, **rest):
            seen.append((node_name, task_id))

        def run_after_node_execution(self, *, node_name, result, **rest):
            pass

    _local(module).with_adapters(Hook()).build().execute(["after"])
    return sorted(seen)


def _ask_task_hooks(module):
    seen = []

    class Hook(TaskExecutionHook):
        def run_before_task_execution(self, *, task_id, nodes, inputs, overrides, **rest):
            seen.append(("before", task_id, sorted(node.name for node in nodes)))

        def run_after_task_execution(self, *, task_id, success, error, **rest):
            seen.append(("after", task_id, success, type(error).__name__))

    _local(module).with_adapters(Hook()).build().execute(["after"])
    return sorted(seen)


def _ask_list_of_items(module):
    def item() -> Parallelizable[str]:
        return ["x", "y"]

    def upper(item: str) -> str:
        return item.upper()

    def joined(upper: Collect[str]) -> str:
        return ",".join(upper)

    return _local(_made("dynamic_list", item, upper, joined)).build().execute(["joined"])


def _ask_empty_list(module):
    def item() -> Parallelizable[str]:
        return []

    def upper(item: str) -> str:
        return item.upper()

    def joined(upper: Collect[str]) -> list:
        return list(upper)

    return _local(_made("dynamic_empty", item, upper, joined)).build().execute(["joined"])


def _ask_collected_at_once(module):
    def item() -> Parallelizable[int]:
        yield from (1, 2)

    def joined(item: Collect[int]) -> list:
        return list(item)

    return _local(_made("dynamic_direct", item, joined)).build().execute(["joined"])


def _ask_two_blocks_in_a_row(module):
    def first() -> Parallelizable[int]:
        yield from (1, 2)

    def one(first: int) -> int:
        return first * 10

    def firsts(one: Collect[int]) -> list:
        return list(one)

    def second(firsts: list) -> Parallelizable[int]:
        yield from firsts

    def two(second: int) -> int:
        return second + 1

    def seconds(two: Collect[int]) -> list:
        return list(two)

    return _local(_made("dynamic_two", first, one, firsts, second, two, seconds)).build().execute(["seconds"])


def _ask_two_blocks_side_by_side(module):
    def left() -> Parallelizable[int]:
        yield from (1, 2)

    def lefts(left: Collect[int]) -> int:
        return sum(left)

    def left_twice(left: int) -> int:
        return left * 2

    def left_total(left_twice: Collect[int]) -> int:
        return sum(left_twice)

    def right() -> Parallelizable[int]:
        yield from (3, 4)

    def right_twice(right: int) -> int:
        return right * 2

    def right_total(right_twice: Collect[int]) -> int:
        return sum(right_twice)

    def both(left_total: int, right_total: int) -> int:
        return left_total * 100 + right_total

    made = _made("dynamic_sides", left, left_twice, left_total, right, right_twice, right_total, both)
    return _local(made).build().execute(["both"])


def _ask_nested_blocks(module):
    def outer() -> Parallelizable[int]:
        yield from (1, 2)

    def inner(outer: int) -> Parallelizable[int]:
        yield from (outer, outer * 10)

    def inner_twice(inner: int) -> int:
        return inner * 2

    def inner_total(inner_twice: Collect[int]) -> int:
        return sum(inner_twice)

    def outer_total(inner_total: Collect[int]) -> int:
        return sum(inner_total)

    return (
        _local(_made("dynamic_nested", outer, inner, inner_twice, inner_total, outer_total))
        .build()
        .execute(["outer_total"])
    )


def _ask_two_collects(module):
    def item() -> Parallelizable[int]:
        yield from (1, 2)

    def twice(item: int) -> int:
        return item * 2

    def thrice(item: int) -> int:
        return item * 3

    def twices(twice: Collect[int]) -> int:
        return sum(twice)

    def thrices(thrice: Collect[int]) -> int:
        return sum(thrice)

    def both(twices: int, thrices: int) -> int:
        return twices * 100 + thrices

    return (
        _local(_made("dynamic_collects", item, twice, thrice, twices, thrices, both))
        .build()
        .execute(["both"])
    )


def _ask_error_in_the_block(module):
    def item() -> Parallelizable[int]:
        yield from (1, 0)

    def divided(item: int) -> float:
        return 1 / item

    def joined(divided: Collect[float]) -> list:
        return list(divided)

    return _local(_made("dynamic_error", item, divided, joined)).build().execute(["joined"])


def _ask_error_in_the_expander(module):
    def item() -> Parallelizable[int]:
        yield 1
        raise KeyError("no more")

    def twice(item: int) -> int:
        return item * 2

    def joined(twice: Collect[int]) -> list:
        return list(twice)

    return _local(_made("dynamic_expander_error", item, twice, joined)).build().execute(["joined"])


def _ask_modifiers_in_the_block(module):
    def item() -> Parallelizable[int]:
        yield from (1, 2)

    @extract_fields({"low": int, "high": int})
    def bounds(item: int) -> dict:
        return {"low": item, "high": item * 10}

    @check_output(range=(0, 15))
    def middle(low: int, high: int) -> int:
        return (low + high) // 2

    def joined(middle: Collect[int]) -> list:
        return list(middle)

    return _local(_made("dynamic_modifiers", item, bounds, middle, joined)).build().execute(["joined"])


def _ask_tables_in_the_block(module):
    def item() -> Parallelizable[int]:
        yield from (1, 2)

    def table(item: int) -> pd.DataFrame:
        return pd.DataFrame({"n": [item]})

    def tables(table: Collect[pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(list(table), ignore_index=True)

    return _local(_made("dynamic_tables", item, table, tables)).build().execute(["tables"])


def _ask_failing_fan_out_with_the_graceful_adapter(module):
    def item() -> Parallelizable[int]:
        yield 1
        yield 2
        raise ValueError("no third item")

    def twice(item: int) -> int:
        return 2 * item

    def every(twice: Collect[int]) -> list:
        return list(twice)

    made = _made("dynamic_graceful", item, twice, every)
    found = []
    for try_all in (True, False):
        adapter = GracefulErrorAdapter(ValueError, sentinel_value=None, try_all_parallel=try_all)
        found.append(_local(made).with_adapters(adapter).build().execute(["every"]))
    return found


def _ask_wrong_type_into_the_block(module):
    def item() -> Parallelizable[int]:
        yield 1

    def upper(item: str) -> str:
        return item

    return _local(_made("dynamic_wrong_type", item, upper)).build()


def _ask_wrong_type_out_of_the_block(module):
    def item() -> Parallelizable[int]:
        yield 1

    def twice(item: int) -> int:
        return item

    def joined(twice: Collect[str]) -> str:
        return ""

    return _local(_made("dynamic_wrong_collect", item, twice, joined)).build()


SCENARIOS = {
    "all but the block": Scenario(outputs=["after", "total", "offset"], driver=_dynamic),
}
