"""The async driver: the questions of a driver, awaited."""

import asyncio
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from headwater.async_driver import AsyncDriver, AsyncGraphAdapter, Builder
from headwater.errors import DefinitionError, InvalidInput, MissingInput, UnknownNode
from headwater.lifecycle.base import (
    BasePostGraphConstruct,
    BasePostGraphConstructAsync,
    BasePostGraphExecute,
    BasePostNodeExecuteAsync,
    BasePreGraphExecuteAsync,
    BasePreNodeExecute,
)
from headwater.results import DictResult, PandasDataFrameResult
from support.event_loop import run_apart

SOURCE = """
    import asyncio

    async def raw(request: int) -> int:
        await asyncio.sleep(0)
        return request + 1

    def doubled(raw: int) -> int:
        return 2 * raw

    async def halved(raw: int) -> float:
        return raw / 2

    def fails(raw: int) -> float:
        return raw / 0
"""


@pytest.fixture
def module(load: Callable[..., ModuleType]) -> ModuleType:
    """Give a module of coroutines and plain functions."""
    return load(textwrap.dedent(SOURCE))


def _driver(module: ModuleType, *adapters: Any, **config: Any) -> AsyncDriver:
    builder = Builder().with_modules(module).with_config(config).with_adapters(*adapters)
    return builder.build_without_init()


def test_the_driver_of_a_builder_gives_a_dictionary(module):
    async def asked() -> Any:
        driver = await Builder().with_modules(module).build()
        return await driver.execute(["halved", "doubled", "request"], inputs={"request": 3})

    assert run_apart(asked()) == {"halved": 2.0, "doubled": 8, "request": 3}


def test_a_driver_by_itself_gives_a_table(module):
    driver = AsyncDriver({}, module)
    table = run_apart(driver.execute(["doubled", "halved"], inputs={"request": 1}))

    pd.testing.assert_frame_equal(table, pd.DataFrame({"doubled": [4], "halved": [1.0]}))


def test_another_result_is_built_where_that_is_asked_for(module):
    asked = {"final_vars": ["doubled"], "inputs": {"request": 1}}

    assert run_apart(AsyncDriver({}, module, result_builder=DictResult()).execute(**asked)) == {"doubled": 4}
    built = _driver(module, PandasDataFrameResult())
    assert isinstance(run_apart(built.execute(**asked)), pd.DataFrame)
    adapter = AsyncGraphAdapter(result_builder=DictResult())
    assert run_apart(_driver(module, adapter).execute(**asked)) == {"doubled": 4}


def test_two_result_builders_are_an_error(module):
    with pytest.raises(ValueError, match="do_build_result"):
        AsyncDriver({}, module, result_builder=DictResult(), adapters=[PandasDataFrameResult()])


def test_overrides_take_the_place_of_coroutines(module):
    assert run_apart(_driver(module).execute(["doubled"], overrides={"raw": 5})) == {"doubled": 10}


def test_inputs_may_have_to_be_awaited(module):
    async def asked() -> Any:
        async def later() -> int:
            await asyncio.sleep(0)
            return 4

        return await _driver(module).execute(["doubled"], inputs={"request": later()})

    assert run_apart(asked()) == {"doubled": 10}


def test_one_driver_serves_several_requests_at_once(module):
    driver = _driver(module)

    async def asked() -> list[Any]:
        return await asyncio.gather(
            *(driver.execute(["doubled"], inputs={"request": request}) for request in range(20))
        )

    assert run_apart(asked()) == [{"doubled": 2 * request + 2} for request in range(20)]


def test_wrong_questions_are_told_as_by_the_plain_driver(module):
    driver = _driver(module)

    with pytest.raises(UnknownNode, match="Did you mean 'doubled'"):
        run_apart(driver.execute(["doubld"], inputs={"request": 1}))
    with pytest.raises(MissingInput, match="'request'"):
        run_apart(driver.execute(["doubled"]))
    with pytest.raises(InvalidInput, match="'request' must be int"):
        run_apart(driver.execute(["doubled"], inputs={"request": "one"}))


def test_the_exception_of_a_function_is_raised_with_a_note(module):
    with pytest.raises(ZeroDivisionError) as caught:
        run_apart(_driver(module).execute(["fails"], inputs={"request": 1}))

    assert "'fails' failed with ZeroDivisionError" in caught.value.__notes__[0]


def test_a_graph_that_is_wrong_is_told_when_the_driver_is_built(load):
    with pytest.raises(DefinitionError):
        _driver(load("async def a(b: int): return b\n"))


def test_the_driver_answers_questions_about_its_graph(module):
    driver = _driver(module)

    assert {node.name for node in driver.what_is_upstream_of("doubled")} == {"request", "raw", "doubled"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda builder: builder.enable_dynamic_execution(allow_experimental_mode=True),
        lambda builder: builder.with_materializers(),
        lambda builder: builder.with_adapter(None),
    ],
)
def test_what_an_async_driver_cannot_do_is_refused_by_its_builder(ask):
    with pytest.raises(ValueError, match="The builder of an async driver has no "):
        ask(Builder())


def test_what_an_async_driver_cannot_do_is_refused(module):
    driver = _driver(module)

    with pytest.raises(InvalidInput, match="no record"):
        driver.run(["doubled"], inputs={"request": 1})
    with pytest.raises(InvalidInput, match="materialize"):
        driver.materialize()
    with pytest.raises(InvalidInput, match="visualize_execution"):
        run_apart(driver.execute(["doubled"], display_graph=True, inputs={"request": 1}))


class _Log:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []


class _Construction(_Log, BasePostGraphConstructAsync):
    """Is told of the graph in the event loop, and sets itself up there."""

    async def post_graph_construct(self, *, graph: Any, modules: Any, config: Any) -> None:
        self.told.append(("graph", sorted(graph.names), config))

    async def ainit(self) -> None:
        self.told.append("ainit")


class _PlainConstruction(_Log, BasePostGraphConstruct):
    """Is told of the graph at once."""

    def post_graph_construct(self, *, graph: Any, modules: Any, config: Any) -> None:
        self.told.append("graph")


class _Execution(_Log, BasePreGraphExecuteAsync, BasePostGraphExecute):
    """Is told of executions: of the beginning in the event loop, of the end plainly."""

    async def pre_graph_execute(self, *, final_vars: Any, inputs: Any, **facts: Any) -> None:
        self.told.append((final_vars, inputs))

    def post_graph_execute(self, *, success: bool, error: Any, results: Any, **facts: Any) -> None:
        self.told.append((success, type(error).__name__, results))


class _Nodes(_Log, BasePreNodeExecute, BasePostNodeExecuteAsync):
    """Is told of nodes: of the beginning plainly, of the end in the event loop."""

    def pre_node_execute(self, *, node_: Any, kwargs: Any, **facts: Any) -> None:
        self.told.append(("before", node_.name, kwargs))

    async def post_node_execute(self, *, node_: Any, success: bool, result: Any, **facts: Any) -> None:
        await asyncio.sleep(0)
        self.told.append(("after", node_.name, success, result))


def test_adapters_are_told_of_the_graph_once_each_in_its_way(module):
    waiting, plain = _Construction(), _PlainConstruction()
    driver = _driver(module, waiting, plain, shop="a")
    assert (waiting.told, plain.told) == ([], ["graph"])

    async def twice() -> None:
        await driver.ainit()
        await driver.ainit()

    run_apart(twice())
    assert waiting.told == [("graph", sorted(driver.graph.names), {"shop": "a"}), "ainit"]
    assert plain.told == ["graph"]


def test_adapters_are_told_of_executions_and_how_they_ended(module):
    log = _Execution()
    driver = _driver(module, log)

    run_apart(driver.execute(["doubled"], inputs={"request": 1}))
    with pytest.raises(ZeroDivisionError):
        run_apart(driver.execute(["fails"], inputs={"request": 2}))

    assert log.told == [
        (["doubled"], {"request": 1}),
        (True, "NoneType", {"doubled": 4}),
        (["fails"], {"request": 2}),
        (False, "ZeroDivisionError", None),
    ]


def test_adapters_are_told_of_nodes_with_awaited_values(module):
    log = _Nodes()

    values = run_apart(_driver(module, log).execute(["halved"], inputs={"request": 1}))

    assert values == {"halved": 1.0}
    assert log.told == [
        ("before", "raw", {"request": 1}),
        ("after", "raw", True, 2),
        ("before", "halved", {"raw": 2}),
        ("after", "halved", True, 1.0),
    ]
