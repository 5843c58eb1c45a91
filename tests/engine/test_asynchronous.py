"""Plans in an event loop: what runs side by side, what is awaited, and what happens when something fails."""

import asyncio
import gc
import textwrap
import warnings
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest

from headwater.asynchronous import execute_plan
from headwater.build import build
from headwater.errors import CheckFailed, NodeFailed
from headwater.function import functions_of
from headwater.node import Node
from headwater.plan import Plan, make_plan
from support.event_loop import run_apart


@pytest.fixture
def plan(load: Callable[..., ModuleType]) -> Callable[..., Plan]:
    """Give a function that plans outputs of a module's source."""

    def plan(source: str, *outputs: str, given: Sequence[str] = ()) -> Plan:
        text = "import asyncio\nfrom typing import Any\n" + textwrap.dedent(source)
        return make_plan(build(functions_of(load(text)), {}), outputs, given)

    return plan


def run(plan: Plan, around: Any = None, **given: Any) -> dict[str, Any]:
    return run_apart(execute_plan(plan, given, around))


MIXED = """
    async def a(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    def b(a: int, x: int) -> int:
        return a * x

    async def c(a: int, b: int) -> int:
        return a + b

    def d(x: int) -> int:
        return -x

    def e(c: int, d: int) -> int:
        return c - d
"""


def test_coroutines_are_awaited_before_their_value_is_read(plan):
    found = plan(MIXED, "e", "a", "b", given=["x"])

    assert run(found, x=2) == {"e": 11, "a": 3, "b": 6}
    assert run(found, x=3) == {"e": 19, "a": 4, "b": 12}


def test_plain_functions_alone_need_no_task(plan):
    source = "\n".join(f"    def f{i}(f{i - 1}: int) -> int: return f{i - 1} + 1" for i in range(1, 50))

    async def tasks_after() -> tuple[int, int]:
        values = await execute_plan(plan(source, "f49", given=["f0"]), {"f0": 0})
        return values["f49"], len(asyncio.all_tasks())

    assert run_apart(tasks_after()) == (49, 1)


def test_coroutines_that_do_not_need_each_other_run_side_by_side(plan):
    source = """
        async def first(meeting: Any) -> str:
            await meeting.wait()
            return "first"

        async def second(meeting: Any) -> str:
            await meeting.wait()
            return "second"

        def both(first: str, second: str) -> str:
            return f"{first} {second}"
    """
    assert run(plan(source, "both", given=["meeting"]), meeting=asyncio.Barrier(2))["both"] == "first second"


def test_what_waits_for_nothing_runs_while_others_are_awaited(plan):
    source = """
        async def waits(ready: Any) -> bool:
            return await asyncio.wait_for(ready.wait(), 10)

        def a_reader(waits: bool) -> bool:
            return waits

        def sets(ready: Any) -> bool:
            ready.set()
            return True

        def both(a_reader: bool, sets: bool) -> bool:
            return a_reader and sets
    """
    assert run(plan(source, "both", given=["ready"]), ready=asyncio.Event())["both"]


def test_a_slow_coroutine_does_not_hold_up_what_others_made_ready(plan):
    source = """
        async def slow(ready: Any) -> bool:
            return await asyncio.wait_for(ready.wait(), 10)

        async def quick() -> int:
            await asyncio.sleep(0)
            return 1

        async def after(quick: int, ready: Any) -> int:
            ready.set()
            return quick + 1

        def both(slow: bool, after: int) -> bool:
            return slow and after == 2
    """
    assert run(plan(source, "both", given=["ready"]), ready=asyncio.Event())["both"]


def test_whatever_can_be_awaited_is_awaited(plan):
    source = """
        class Later:
            def __await__(self):
                yield from asyncio.sleep(0).__await__()
                return 5

        def later() -> Any:
            return Later()

        def future() -> Any:
            future = asyncio.get_running_loop().create_future()
            future.set_result(6)
            return future

        def task() -> Any:
            async def seven() -> int:
                return 7
            return asyncio.ensure_future(seven())

        def total(later: int, future: int, task: int) -> int:
            return later + future + task
    """
    assert run(plan(source, "total", "future")) == {"total": 18, "future": 6}


def test_tables_are_not_asked_whether_they_can_be_awaited(plan):
    source = """
        import pandas as pd

        def table() -> pd.DataFrame:
            return pd.DataFrame({"__await__": [1]})

        async def size(table: pd.DataFrame) -> int:
            return len(table)
    """
    assert run(plan(source, "size"))["size"] == 1


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_failure_tells_the_node_what_it_received_and_for_whose_sake(plan, kind):
    source = f"""
        async def a(x: int) -> int:
            return x

        {kind} bad(a: int) -> float:
            return a / 0

        def top(bad: float) -> float:
            return bad
    """
    with pytest.raises(NodeFailed) as caught:
        run(plan(source, "top", given=["x"]), x=1)

    assert caught.value.node == "bad"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "It received a: int." in str(caught.value)
    assert "It was needed for 'top': top ← bad." in str(caught.value)


def test_a_failure_ends_what_runs_beside_it(plan):
    source = """
        async def fails() -> int:
            await asyncio.sleep(0)
            raise ValueError("no")

        async def sleeps(log: Any) -> int:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                log.append("cancelled")
                await asyncio.sleep(0)
                log.append("cleaned up")
                raise
            return 1

        def both(fails: int, sleeps: int) -> int:
            return fails + sleeps
    """
    log: list[str] = []

    async def tasks_after() -> int:
        with pytest.raises(NodeFailed, match="'fails' failed with ValueError: no"):
            await execute_plan(plan(source, "both", given=["log"]), {"log": log})
        return len(asyncio.all_tasks())

    assert run_apart(tasks_after()) == 1
    assert log == ["cancelled", "cleaned up"]


def test_a_failure_before_anything_is_awaited_leaves_no_coroutine_behind(plan):
    source = """
        async def a_coroutine() -> int:
            return 1

        def fails(x: int) -> int:
            raise ValueError("no")

        def top(a_coroutine: int, fails: int) -> int:
            return 1
    """
    with pytest.raises(NodeFailed, match="'fails'"):
        run(plan(source, "top", given=["x"]), x=1)
    gc.collect()  # a coroutine that was never awaited would warn now


def test_a_stop_from_outside_leaves_no_coroutine_behind(plan):
    source = """
        async def first() -> int:
            raise SystemExit

        async def second() -> int:
            return 1
    """
    for outputs in (("first", "second"), ("second", "first")):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with pytest.raises(SystemExit):
                run(plan(source, *outputs))
            gc.collect()
        assert told == []


def test_cancelling_the_caller_cancels_everything(plan):
    source = """
        async def one(log: Any) -> int:
            return await note(log, "one")

        async def two(log: Any) -> int:
            return await note(log, "two")

        def both(one: int, two: int) -> int:
            return one + two

        async def note(log, name):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                log.append(name)
                raise
        note.__name__ = "_note"
    """
    log: list[str] = []

    async def cancelled() -> int:
        task = asyncio.create_task(execute_plan(plan(source, "both", given=["log"]), {"log": log}))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return len(asyncio.all_tasks())

    assert run_apart(cancelled()) == 1
    assert sorted(log) == ["one", "two"]


def test_a_future_that_belongs_to_others_is_not_cancelled(plan):
    source = """
        def shared(future: Any) -> Any:
            return future

        async def fails() -> int:
            await asyncio.sleep(0)
            raise ValueError("no")

        def both(shared: int, fails: int) -> int:
            return shared + fails
    """

    async def state() -> bool:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        found = plan(source, "both", given=["future"])
        with pytest.raises(NodeFailed):
            await execute_plan(found, {"future": [future]}, lambda node, call, args: _unwrapped(call, args))
        return future.cancelled()

    assert run_apart(state()) is False


def _unwrapped(call: Callable[..., Any], args: Sequence[Any]) -> Any:
    value = call(*args)
    return value[0] if isinstance(value, list) else value


def test_a_check_that_does_not_hold_is_told_as_such(plan):
    source = """
        from headwater import check_output

        @check_output(range=(0, 1), importance="fail")
        async def share(x: float) -> float:
            return x
    """
    assert run(plan(source, "share", given=["x"]), x=0.5) == {"share": 0.5}
    with pytest.raises(CheckFailed, match="share"):
        run(plan(source, "share", given=["x"]), x=2.0)


def test_nodes_are_computed_through_what_is_put_around_them(plan):
    told: list[tuple[str, Any]] = []

    async def around(node: Node, call: Callable[..., Any], args: Sequence[Any]) -> Any:
        value = call(*args)
        if asyncio.iscoroutine(value):
            value = await value
        told.append((node.name, value))
        return value

    assert run(plan(MIXED, "e", given=["x"]), around, x=2) == {"e": 11}
    assert dict(told) == {"a": 3, "b": 6, "c": 9, "d": -2, "e": 11}
    assert len(told) == 5


def test_values_are_let_go_after_their_last_reader(plan):
    import weakref

    class Large:
        alive = most = 0

        def __init__(self) -> None:
            Large.alive += 1
            Large.most = max(Large.most, Large.alive)
            weakref.finalize(self, Large.forget)

        @classmethod
        def forget(cls) -> None:
            cls.alive -= 1

    source = "\n".join(
        f"    {'async ' if i % 3 == 0 else ''}def f{i}(f{i - 1}: Any, make: Any) -> Any: return make()"
        for i in range(1, 40)
    )
    run(plan(source, "f39", given=["f0", "make"]), f0=None, make=Large)

    assert Large.most <= 4


def test_a_long_chain_of_coroutines_runs(plan):
    source = "\n".join(
        f"    async def f{i}(f{i - 1}: int) -> int: return f{i - 1} + 1" for i in range(1, 3001)
    )

    assert run(plan(source, "f3000", given=["f0"]), f0=0) == {"f3000": 3000}


def test_many_coroutines_run_side_by_side(plan):
    source = "\n".join(
        f"    async def f{i}(x: int) -> int:\n        await asyncio.sleep(0)\n        return x + {i}"
        for i in range(500)
    )
    source += "\n    def total(" + ", ".join(f"f{i}: int" for i in range(500)) + ") -> int:\n"
    source += "        return " + " + ".join(f"f{i}" for i in range(500))

    assert run(plan(source, "total", given=["x"]), x=1) == {"total": sum(range(500)) + 500}
