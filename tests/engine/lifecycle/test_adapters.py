"""Sets of adapters: what they refuse, how they travel, and how they run in an event loop."""

import asyncio
import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from headwater.build import build
from headwater.function import functions_of
from headwater.lifecycle import AdapterSet, InvalidLifecycleAdapter, NodeExecutionHook, NodeExecutionMethod
from headwater.lifecycle.base import (
    BaseDoNodeExecuteAsync,
    BaseDoRemoteExecute,
    BasePostNodeExecuteAsync,
    BasePreDoAnythingHook,
    BasePreGraphExecute,
    BasePreGraphExecuteAsync,
    BasePreNodeExecute,
)
from headwater.lifecycle.default import GracefulErrorAdapter, PrintLn
from support.event_loop import run_apart


class Plain(NodeExecutionMethod):
    def run_to_execute_node(self, *, node_callable: Any, node_kwargs: dict[str, Any], **rest: Any) -> Any:
        return node_callable(**node_kwargs)


def test_two_adapters_cannot_do_the_same_thing() -> None:
    with pytest.raises(InvalidLifecycleAdapter, match=r"Plain and GracefulErrorAdapter .* 'do_node_execute'"):
        AdapterSet([Plain(), GracefulErrorAdapter(error_to_catch=ValueError)])


def test_adapter_given_twice_counts_once() -> None:
    plain = Plain()

    assert AdapterSet([plain, plain]).adapters == (plain,)


def test_method_that_stands_on_the_adapter_itself_is_called(execute: Callable[..., Any]) -> None:
    def tripled(*, node_: Any, kwargs: Any, **rest: Any) -> Any:
        return node_(**kwargs) * 3

    adapter = Plain()
    adapter.do_node_execute = tripled  # type: ignore[method-assign]

    assert execute(SUM, ["doubled"], adapter, inputs={"amount": 2}) == {"doubled": 12}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [(PrintLn, r"Give an instance: PrintLn\(...\)"), ("PrintLn", "is no adapter: it extends no class")],
)
def test_what_is_no_adapter_is_refused(wrong: Any, says: str) -> None:
    with pytest.raises(InvalidLifecycleAdapter, match=says):
        AdapterSet([wrong])


def test_hook_is_called_before_anything_else() -> None:
    class First(BasePreDoAnythingHook):
        told = 0

        def pre_do_anything(self) -> None:
            self.told += 1

    first = First()
    AdapterSet([first]).call("pre_do_anything")

    assert first.told == 1


class Counted(NodeExecutionHook):
    def __init__(self) -> None:
        self.names: list[str] = []

    def run_before_node_execution(self, *, node_name: str, **rest: Any) -> None:
        self.names.append(node_name)

    def run_after_node_execution(self, **rest: Any) -> None:
        """Nothing to note."""


SUM = """
def doubled(amount: int) -> int:
    return amount * 2

def total(doubled: int, amount: int) -> int:
    return doubled + amount
"""


def test_what_is_called_around_nodes_can_be_sent_to_another_process(load: Any) -> None:
    node = build(functions_of(load(SUM)), {})["doubled"]
    around = AdapterSet([PrintLn(print_fn=print), Plain()]).around("run-1", "task-1")

    sent = pickle.loads(pickle.dumps(around))

    assert (sent.run_id, sent.task_id) == ("run-1", "task-1")
    assert sent(node, node.call, [2]) == 4


def test_base_hook_gets_the_node_and_the_keywords(execute: Callable[..., Any]) -> None:
    class Base(BasePreNodeExecute):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def pre_node_execute(self, *, run_id: str, node_: Any, kwargs: Any, task_id: Any = None) -> None:
            self.seen.append((run_id, node_.name, node_.type, node_(**kwargs), node_.input_types, task_id))

    hook = Base()
    execute(SUM, ["doubled"], hook, inputs={"amount": 3})

    (run_id, name, type_, value, types, task_id) = hook.seen[0]
    assert (run_id, name, type_, value, task_id) == ("run-1", "doubled", int, 6, None)
    assert [(key, of, kind.name) for key, (of, kind) in types.items()] == [("amount", int, "REQUIRED")]


class Threads(BaseDoRemoteExecute):
    """Hands every node to a thread, which waits for the values it reads."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool

    def do_remote_execute(self, *, node: Any, execute_lifecycle_for_node: Any, **kwargs: Any) -> Any:
        return self.pool.submit(self._run, execute_lifecycle_for_node, kwargs)

    @staticmethod
    def _run(compute: Callable[..., Any], kwargs: Mapping[str, Any]) -> Any:
        return compute(**{k: v.result() if isinstance(v, Future) else v for k, v in kwargs.items()})


def test_nodes_can_be_computed_elsewhere_with_their_hooks(execute: Callable[..., Any]) -> None:
    hook = Counted()

    with ThreadPoolExecutor(2) as pool:
        found = execute(SUM, ["total"], Threads(pool), hook, inputs={"amount": 3})

        assert found["total"].result() == 9
    assert hook.names == ["doubled", "total"]


class Waits(BasePostNodeExecuteAsync, BasePreGraphExecuteAsync):
    def __init__(self) -> None:
        self.told: list[Any] = []

    async def ainit(self) -> None:
        self.told.append("ready")

    async def pre_graph_execute(self, *, final_vars: list[str], **rest: Any) -> None:
        await asyncio.sleep(0)
        self.told.append(final_vars)

    async def post_node_execute(
        self, *, node_: Any, success: bool, error: Any, result: Any, **rest: Any
    ) -> None:
        await asyncio.sleep(0)
        self.told.append((node_.name, success, type(error).__name__, result))


class GraphTold(BasePreGraphExecute):
    def pre_graph_execute(self, *, run_id: str, **rest: Any) -> None:
        self.run_id = run_id


ASYNC = """
async def fetched(amount: int) -> int:
    return amount * 2

async def refused(fetched: int) -> int:
    raise OSError("gone")
"""


def test_hooks_of_both_kinds_are_called_in_an_event_loop(load: Any) -> None:
    graph = build(functions_of(load(ASYNC)), {})
    waits, counted, told = Waits(), Counted(), GraphTold()
    adapters = AdapterSet([waits, counted, told])

    async def run() -> int:
        await adapters.ainit()
        facts = {"inputs": {}, "overrides": {}, "graph": graph}
        await adapters.acall("pre_graph_execute", run_id="r", final_vars=["refused"], **facts)
        around = adapters.around_async("r")
        assert around is not None
        value = await around(graph["fetched"], graph["fetched"].call, [2])
        with pytest.raises(OSError, match="gone"):
            await around(graph["refused"], graph["refused"].call, [value])
        return value

    assert run_apart(run()) == 4
    assert waits.told == [
        "ready",
        ["refused"],
        ("fetched", True, "NoneType", 4),
        ("refused", False, "OSError", None),
    ]
    assert (counted.names, told.run_id) == (["fetched", "refused"], "r")


def test_async_hooks_do_not_slow_a_driver_without_event_loop() -> None:
    adapters = AdapterSet([Waits()])

    assert adapters.around("r") is None
    assert adapters.around_async("r") is not None
    assert AdapterSet([GraphTold()]).around_async("r") is None


@pytest.mark.parametrize("source", [SUM, SUM.replace("def ", "async def ")])
def test_method_computes_nodes_in_an_event_loop(load: Any, source: str) -> None:
    class Tenfold(BaseDoNodeExecuteAsync):
        async def do_node_execute(self, *, run_id: str, node_: Any, kwargs: Any, task_id: Any = None) -> Any:
            value = node_(**kwargs)
            return (await value if asyncio.iscoroutine(value) else value) * 10

    node = build(functions_of(load(source)), {})["doubled"]

    assert run_apart(AdapterSet([Tenfold()]).around_async("r")(node, node.call, [1])) == 20
    assert run_apart(AdapterSet([Plain()]).around_async("r")(node, node.call, [1])) == 2
