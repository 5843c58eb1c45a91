"""Features that are coroutines, and the driver that awaits them."""

import asyncio

import pandas as pd
from hamilton import ad_hoc_utils, async_driver, base, driver
from hamilton.function_modifiers import check_output, config, extract_fields, parameterize, tag, value
from hamilton.lifecycle import GraphExecutionHook, NodeExecutionHook
from scenario import Scenario


async def fetched(n: int) -> int:
    """Fetched."""
    await asyncio.sleep(0)
    return n * 2


@tag(owner="growth")
async def both(fetched: int, local: int) -> int:
    await asyncio.sleep(0)
    return fetched + local


def local(n: int) -> int:
    return n + 1


def after(both: int) -> int:
    return both * 10


@parameterize(one={"x": value(1)}, two={"x": value(2)})
async def made(x: int) -> int:
    await asyncio.sleep(0)
    return x


@extract_fields({"left": int, "right": int})
async def pair() -> dict:
    await asyncio.sleep(0)
    return {"left": 1, "right": 2}


@check_output(range=(0, 1))
async def checked() -> int:
    await asyncio.sleep(0)
    return 5


@config.when(mode="x")
async def variant__x() -> int:
    return 1


async def broken() -> int:
    await asyncio.sleep(0)
    raise KeyError("gone")


def _built(module, *adapters):
    async def build():
        builder = async_driver.Builder().with_modules(module).with_config({"mode": "x"})
        return await builder.with_adapters(*adapters).build()

    return build


def _execute(module, outputs, *adapters, **given):
    async def run():
        built = await _built(module, *adapters)()
        return await built.execute(outputs, **given)

    return asyncio.run(run())


def _ask_chain(module):
    return _execute(module, ["after", "both"], inputs={"n": 3})


def _ask_overrides(module):
    return _execute(module, ["after"], overrides={"both": 1})


def _ask_parameterized(module):
    return _execute(module, ["one", "two"])


def _ask_checked(module):
    return _execute(module, ["checked"])


def _ask_fields(module):
    return _execute(module, ["left", "right"])


def _ask_variant(module):
    return _execute(module, ["variant"])


def _ask_error(module):
    return _execute(module, ["broken"])


def _ask_missing_input(module):
    return _execute(module, ["after"])


def _ask_unknown_output(module):
    return _execute(module, ["nothing"])


def _ask_result_builder(module):
    return _execute(module, ["one", "two"], base.PandasDataFrameResult())


def _ask_without_init(module):
    async def run():
        built = async_driver.Builder().with_modules(module).with_config({"mode": "x"}).build_without_init()
        await built.ainit()
        return await built.execute(["after"], inputs={"n": 1})

    return asyncio.run(run())


def _ask_driver_class(module):
    async def run():
        built = async_driver.AsyncDriver({"mode": "x"}, module, result_builder=base.DictResult())
        return await built.execute(["after"], inputs={"n": 1})

    return asyncio.run(run())


def _ask_runs_at_once(module):
    reached = []

    async def first() -> int:
        reached.append("first")
        await asyncio.sleep(0.01)
        reached.append("first done")
        return 1

    async def second() -> int:
        reached.append("second")
        await asyncio.sleep(0.01)
        reached.append("second done")
        return 2

    def summed(first: int, second: int) -> int:
        return first + second

    made = ad_hoc_utils.create_temporary_module(first, second, summed, module_name="asynchronous_parts")
    return [_execute(made, ["summed"]), sorted(reached[:2])]


def _ask_plain_hook(module):
    seen = []

    class Hook(NodeExecutionHook):
        def run_before_node_execution(self, *, node_name, **rest):
            seen.append(("before", node_name))

        def run_after_node_execution(self, *, node_name, success, result, **rest):
            seen.append(("after", node_name, success))

    _execute(module, ["after"], Hook(), inputs={"n": 1})
    return sorted(seen)


def _ask_graph_hook(module):
    seen = []

    class Hook(GraphExecutionHook):
        def run_before_graph_execution(self, *, final_vars, **rest):
            seen.append(("before", final_vars))

        def run_after_graph_execution(self, *, success, results, **rest):
            seen.append(("after", success, results))

    _execute(module, ["after"], Hook(), inputs={"n": 1})
    return seen


def _ask_asynchronous_hook(module):
    from hamilton.lifecycle.base import BasePostNodeExecuteAsync, BasePreNodeExecuteAsync

    seen = []

    class Hook(BasePreNodeExecuteAsync, BasePostNodeExecuteAsync):
        async def pre_node_execute(self, *, run_id, node_, kwargs, task_id=None):
            seen.append(("before", node_.name))

        async def post_node_execute(self, *, run_id, node_, kwargs, success, error, result, task_id=None):
            seen.append(("after", node_.name, success, result))

    _execute(module, ["local", "fetched"], Hook(), inputs={"n": 1})
    return sorted(seen, key=str)


def _ask_dynamic(module):
    return async_driver.Builder().enable_dynamic_execution(allow_experimental_mode=True)


def _ask_materializers(module):
    from hamilton.io.materialization import to

    return async_driver.Builder().with_materializers(to.json(id="x", dependencies=["one"], path="x.json"))


def _ask_table(module):
    async def column() -> pd.Series:
        return pd.Series([1, 2])

    made = ad_hoc_utils.create_temporary_module(column, module_name="asynchronous_table")
    return _execute(made, ["column"])


def _ask_variables(module):
    async def run():
        built = await _built(module)()
        return {node.name: node.type for node in built.list_available_variables()}

    return asyncio.run(run())


SCENARIOS = {
    "nodes": Scenario(
        config={"mode": "x"},
        outputs=[],
        driver=lambda config, *m: driver.Driver(config, *m, adapter=base.DefaultAdapter()),
    )
}
