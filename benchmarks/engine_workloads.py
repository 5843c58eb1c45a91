"""The workloads of `engine.py`: each is run in a process of its own, under whichever `hamilton` is there.

python benchmarks/engine_workloads.py ours|peer WORKLOAD FOLDER prints its figures as JSON. Times are CPU
seconds of the measuring thread, so that other work on the machine weighs less.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

INPUTS = {"x0": 1, "x1": 2, "x2": 3}
REPEATS = 5


def layered(size: int, *, decorated: bool = False, width: int = 50) -> str:
    """Return a module of integer features, each with two or three parents in the three layers before."""
    choose = random.Random(size)
    lines = ["from hamilton.function_modifiers import check_output, tag\n"] if decorated else []
    names: list[str] = []
    for number in range(size):
        layer = number // width
        pool = names[max(0, layer - 3) * width : layer * width] or list(INPUTS)
        parents = choose.sample(pool, choose.choice((2, 3)))
        if decorated:
            lines.append(f'@tag(owner="team {number % 7}", domain="domain {number % 5}")')
        if decorated and number % 10 == 0:
            lines.append("@check_output(range=(-(10**9), 10**9))")
        lines.append(f"def f{number}({', '.join(f'{parent}: int' for parent in parents)}) -> int:")
        lines.append(f"    return ({' + '.join(parents)}) % 1000003\n")
        names.append(f"f{number}")
    return "\n".join(lines)


def chain(size: int) -> str:
    """Return a module in which every feature needs the one before."""
    return "\n".join(
        f"def f{number}({f'f{number - 1}' if number else 'x0'}: int) -> int:\n"
        f"    return {f'f{number - 1}' if number else 'x0'} + 1\n"
        for number in range(size)
    )


CHECKED = """
import logging

import pandas as pd
from hamilton.function_modifiers import check_output

@check_output(range=(0.0, 1.0))
def checked(spend: pd.Series) -> pd.Series:
    return spend / 2

def inline(spend: pd.Series) -> pd.Series:
    value = spend / 2
    if not value.between(0.0, 1.0).all():
        logging.getLogger("inline").warning("out of range")
    return value
"""

ASYNC = chain(500).replace("def ", "async def ")

DYNAMIC = """
from hamilton.htypes import Collect, Parallelizable

def item(x0: int) -> Parallelizable[int]:
    yield from range(200)

def doubled(item: int) -> int:
    return item * 2

def tripled(doubled: int) -> int:
    return doubled * 3

def total(tripled: Collect[int]) -> int:
    return sum(tripled)
"""

COLUMNS = "import numpy as np\n\n" + "\n".join(
    f"def c{n}({f'c{n - 1}' if n else 'x0'}: {'np.ndarray' if n else 'int'}) -> np.ndarray:\n"
    f"    return {f'c{n - 1} + 1' if n else 'np.zeros(1_250_000)'}\n"
    for n in range(1_000)
)

MODULES: dict[str, Callable[[], str]] = {
    "plain_4000": lambda: layered(4_000),
    "full_4000": lambda: layered(4_000, decorated=True),
    "plain_100000": lambda: layered(100_000),
    "chain_100000": lambda: chain(100_000),
    "checked": lambda: CHECKED,
    "awaited": lambda: ASYNC,
    "dynamic": lambda: DYNAMIC,
    "columns": lambda: COLUMNS,
}


def measured(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Return the median CPU seconds of some calls."""
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        work()
        times.append(time.thread_time() - start)
    return statistics.median(times)


def driver_of(module: ModuleType) -> Any:
    """Return a driver that gives dictionaries, as all versions of Hamilton can build it."""
    from hamilton import driver

    return driver.Builder().with_modules(module).build()


def names_of(module: ModuleType) -> list[str]:
    """Return the features of a layered module or a chain, in order."""
    return [name for name in vars(module) if name[0] == "f" and name[1:].isdigit()]


def by_hand(module: ModuleType, names: list[str]) -> Callable[[], dict[str, int]]:
    """Return a loop over a dictionary that calls the features one by one."""
    calls = [(name, getattr(module, name)) for name in names]
    plan = [(name, call, call.__code__.co_varnames[: call.__code__.co_argcount]) for name, call in calls]

    def loop() -> dict[str, int]:
        values: dict[str, int] = dict(INPUTS)
        for name, call, needs in plan:
            values[name] = call(*[values[need] for need in needs])
        return values

    return loop


def straight(module: ModuleType, names: list[str]) -> Callable[[], int]:
    """Return generated code that calls the features line by line."""
    lines, calls = ["def run(x0, x1, x2):"], {}
    for name in names:
        call = calls[f"call_{name}"] = getattr(module, name)
        lines.append(
            f" {name} = call_{name}({', '.join(call.__code__.co_varnames[: call.__code__.co_argcount])})"
        )
    scope: dict[str, Any] = dict(calls)
    exec("\n".join([*lines, f" return {names[-1]}"]), scope)
    return lambda: scope["run"](**INPUTS)


def build(module: ModuleType) -> dict[str, float]:
    return {"build": measured(lambda: driver_of(module))}


def build_large(module: ModuleType) -> dict[str, float]:
    """Build 100,000 functions, and 4,000 before and after it, since a machine's pace changes."""
    small = importlib.import_module("plain_4000")
    times: dict[str, list[float]] = {"large": [], "small": []}
    for each in (small, module):
        driver_of(each)
    for _ in range(REPEATS):
        times["small"].append(measured(lambda: driver_of(small)))
        times["large"].append(measured(lambda: driver_of(module), 1))
        times["small"].append(measured(lambda: driver_of(small)))
    return {name: statistics.median(found) for name, found in times.items()}


def execute(module: ModuleType) -> dict[str, float]:
    names = names_of(module)
    loop, code = by_hand(module, names), straight(module, names)
    code()
    drivers = iter([driver_of(module) for _ in range(REPEATS)])
    kept = driver_of(module)
    for _ in range(4):
        found = kept.execute(names, inputs=INPUTS)
    assert found == {name: value for name, value in loop().items() if name not in INPUTS}
    return {
        "loop": measured(loop),
        "straight": measured(code, 9),
        "first": measured(lambda: next(drivers).execute(names, inputs=INPUTS)),
        "kept": measured(lambda: kept.execute(names, inputs=INPUTS), 9),
    }


def others(module: ModuleType) -> dict[str, float]:
    """Execute with checks on 10 % of the nodes; what is left without the checks' own time is the others'."""
    plain = importlib.import_module("plain_4000")
    names = names_of(module)
    with_checks, without = driver_of(module), driver_of(plain)
    values = with_checks.execute(names, inputs=INPUTS)
    calls = []
    for node in with_checks.graph:
        if node.check is not None:
            gate = with_checks.graph[node.feature]
            calls.append((node.call, gate.call, values[node.feature]))

    def checks() -> None:
        for check, gate, value in calls:
            gate(value, check(value))

    ways: dict[str, Callable[[], Any]] = {
        "all": lambda: with_checks.execute(names, inputs=INPUTS),
        "checks": checks,
        "plain": lambda: without.execute(names, inputs=INPUTS),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        for _ in range(4):
            way()
    for _ in range(9):
        for name, way in ways.items():
            start = time.thread_time()
            way()
            times[name].append(time.thread_time() - start)
    found = {name: statistics.median(measured) for name, measured in times.items()}
    return {"others": found["all"] - found["checks"], "plain": found["plain"]}


def leaf(module: ModuleType) -> dict[str, float]:
    driver, last = driver_of(module), names_of(module)[-1]
    upstream = {node.name for node in driver.what_is_upstream_of(last)}
    loop = by_hand(module, [name for name in names_of(module) if name in upstream])
    for _ in range(4):
        driver.execute([last], inputs=INPUTS)
    return {"cone": measured(loop, 9), "leaf": measured(lambda: driver.execute([last], inputs=INPUTS), 9)}


def checked(module: ModuleType) -> dict[str, float]:
    import pandas as pd

    driver, given = driver_of(module), {"spend": pd.Series([0.5] * 1_000)}
    times: dict[str, list[float]] = {"checked": [], "inline": []}
    for _ in range(300):
        for name, found in times.items():
            start = time.thread_time()
            driver.execute([name], inputs=given)
            found.append(time.thread_time() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def awaited(module: ModuleType) -> dict[str, float]:
    from hamilton import async_driver

    names = names_of(module)

    async def run() -> float:
        driver = await async_driver.Builder().with_modules(module).build()
        times = []
        for _ in range(REPEATS):
            start = time.thread_time()
            await driver.execute([names[-1]], inputs={"x0": 1})
            times.append(time.thread_time() - start)
        return statistics.median(times)

    return {"node": asyncio.run(run()) / len(names)}


def dynamic(module: ModuleType) -> dict[str, float]:
    from hamilton import driver
    from hamilton.execution.executors import SynchronousLocalTaskExecutor

    built = (
        driver.Builder()
        .with_modules(module)
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_local_executor(SynchronousLocalTaskExecutor())
        .with_remote_executor(SynchronousLocalTaskExecutor())
        .build()
    )
    assert built.execute(["total"], inputs={"x0": 1}) == {"total": sum(range(200)) * 6}
    return {"node": measured(lambda: built.execute(["total"], inputs={"x0": 1})) / 402}


def columns(module: ModuleType) -> dict[str, float]:
    driver = driver_of(module)
    tracemalloc.start()
    driver.execute(["c999"], inputs={"x0": 1})
    return {"columns": tracemalloc.get_traced_memory()[1] / 10_000_000}


def deep(module: ModuleType) -> dict[str, float]:
    driver, last = driver_of(module), names_of(module)[-1]
    run = measured(lambda: driver.execute([last], inputs={"x0": 0}), 1)
    assert driver.execute([last], inputs={"x0": 0}) == {last: 100_000}
    return {"run": run}


def frame(_: ModuleType) -> dict[str, float]:
    """Build a table of 4,000 columns of 100,000 rows, as pandas does it and as the result builder does."""
    import numpy as np
    import pandas as pd

    from headwater.results import PandasDataFrameResult

    index = pd.RangeIndex(100_000)
    values = np.zeros(100_000)
    outputs = {f"c{number}": pd.Series(values + number, index) for number in range(4_000)}

    def filled() -> pd.DataFrame:
        block = np.empty((100_000, 4_000), order="F")
        for position, column in enumerate(outputs.values()):
            block[:, position] = column.to_numpy()
        return pd.DataFrame(block, index, pd.Index(outputs), copy=False)

    ways: dict[str, Callable[[], Any]] = {
        "pandas columns": lambda: pd.concat(outputs, axis=1),
        "columns": lambda: PandasDataFrameResult().build_result(**outputs),
        "pandas block": filled,
        "block": lambda: PandasDataFrameResult(layout="block").build_result(**outputs),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(REPEATS):
        for name, way in ways.items():
            start = time.thread_time()
            made = way()
            times[name].append(time.thread_time() - start)
            assert made.shape == (100_000, 4_000)
            del made
    return {name: statistics.median(found) for name, found in times.items()}


WORKLOADS: dict[str, tuple[str, Callable[[ModuleType], dict[str, float]]]] = {
    "build": ("plain_4000", build),
    "build full": ("full_4000", build),
    "build 100000": ("plain_100000", build_large),
    "execute": ("plain_4000", execute),
    "others": ("full_4000", others),
    "leaf": ("plain_4000", leaf),
    "checked": ("checked", checked),
    "async": ("awaited", awaited),
    "dynamic": ("dynamic", dynamic),
    "memory": ("columns", columns),
    "deep": ("chain_100000", deep),
    "frame": ("checked", frame),
}


def write_modules(folder: Path) -> None:
    """Write the modules of all workloads into a folder."""
    for name, make in MODULES.items():
        (folder / f"{name}.py").write_text(make())


def main(engine: str, workload: str, folder: str) -> None:
    start = time.process_time()
    if engine == "ours":
        from headwater import Driver, check_output, tag  # noqa: F401

        seconds = time.process_time() - start
        importlib.import_module("headwater.compat").activate()
    else:
        from hamilton import driver  # noqa: F401
        from hamilton.function_modifiers import check_output, tag  # noqa: F401

        seconds = time.process_time() - start
    if workload == "import":
        print(json.dumps({"import": seconds}))
        return
    sys.path.insert(0, folder)
    module, work = WORKLOADS[workload]
    print(json.dumps(work(importlib.import_module(module))))


if __name__ == "__main__":
    main(*sys.argv[1:])
