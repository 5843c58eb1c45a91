"""What clusters cost: graphs, fan-outs and heavy nodes on Dask, Ray and Spark, beside Hamilton's adapters.

python benchmarks/scaleout.py [--peer PYTHON] [--spark-peer PYTHON] [--rounds N]
    [--only ENGINE] [--write PAGE]

Run it with a Python that has the engines, as `make test-slow` makes in .venv/scale. Each engine has a process
of its own with a cluster of two workers on loopback, where ours and Hamilton's execute in turn; the medians
of all rounds are compared. `make peer` makes Hamilton's environment and `make .venv/koalas/.installed` that
of its Spark, which needs pandas before version 3; without them its figures are left out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any, Final

import scaleout_workloads as workloads
from page import write_section

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv" / "peer" / "bin" / "python"
SPARK_PEER = HERE.parent / ".venv" / "koalas" / "bin" / "python"
SIZES: Final = (100, 1_000, 10_000)
MOST_FOR_PEER: Final = {"dask": 1_000, "ray": 1_000, "spark": 0}
"""Nodes of the largest graph that Hamilton is given: with Ray it sends the whole graph with each node."""
ELEMENTS: Final = 1_000
GROUPS: Final = 200
SPARK_COLUMNS: Final = (40, 200)
SPARK_STEPS: Final = {"built": "built", "last": "the last one read", "all": "all read"}

Execute = Callable[[], Any]
Figures = dict[str, float]
"""Median seconds by what was measured: `who: what`."""


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--peer", type=Path, default=PEER, help="a Python that has the real Hamilton")
    options.add_argument(
        "--spark-peer", type=Path, default=SPARK_PEER, help="one with pandas < 3 and PySpark"
    )
    options.add_argument("--rounds", type=int, default=5, help="executions of each, in turn")
    options.add_argument("--only", action="append", choices=tuple(ENGINES), help="an engine")
    options.add_argument("--write", type=Path, help="a page to write the table into")
    options.add_argument("--measure", choices=tuple(ENGINES), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.rounds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        has_peer = link_peer(given.peer, Path(folder))
        found = {
            engine: in_process(engine, given.rounds, folder if has_peer else "")
            for engine in given.only or ENGINES
        }
    columns = spark_columns(given.spark_peer) if given.spark_peer.exists() else {}
    section = report(found, columns, given.rounds)
    print(section)
    if given.write:
        write_section(given.write, "scaleout", section)


def link_peer(python: Path, folder: Path) -> bool:
    """Link Hamilton, and what it needs and is not here, into a folder; tell whether there is a Hamilton."""
    if not python.exists():
        return False
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    there = Path(
        subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    )
    here = Path(importlib.import_module("sysconfig").get_path("purelib"))
    for each in there.iterdir():
        if each.suffix != ".pth" and not (here / each.name).exists():
            (folder / each.name).symlink_to(each)
    return (there / "hamilton").exists()


def in_process(engine: str, rounds: int, peer: str) -> Figures:
    """Measure an engine in a process of its own, where `peer` is a folder with Hamilton."""
    paths = os.pathsep.join(filter(None, (peer, os.environ.get("PYTHONPATH"))))
    settings = {
        "HAMILTON_TELEMETRY_ENABLED": "false",
        "HAMILTON_AUTOLOAD_EXTENSIONS": "0",
        "HEADWATER_PEER": peer,
        "PYTHONWARNINGS": "ignore",
    }
    environment = {**os.environ, **settings, **({"PYTHONPATH": paths} if paths else {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, __file__, "--measure", engine, "--rounds", str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"{engine} could not be measured; what it said stands above.")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


class Dask:
    """A cluster of Dask, and the drivers that execute on it."""

    def __init__(self, workers: int) -> None:
        """Start the cluster."""
        distributed = importlib.import_module("distributed")
        self.cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        )
        self.client = distributed.Client(self.cluster)

    def close(self) -> None:
        self.client.close()
        self.cluster.close()

    def executor(self) -> Any:
        from headwater.executors.dask_tasks import DaskExecutor

        return DaskExecutor(client=self.client)

    def bare(self, count: int) -> Any:
        return self.client.gather(self.client.map(_same, range(count), pure=False))

    def peer_graph(self, module: ModuleType) -> Any:
        plugin: Any = importlib.import_module("hamilton.plugins.h_dask")
        return peer_builder(module).with_adapters(plugin.DaskGraphAdapter(self.client, peer_result())).build()

    def peer_fan_out(self, module: ModuleType) -> Any:
        plugin: Any = importlib.import_module("hamilton.plugins.h_dask")
        return peer_fan_out(module, plugin.DaskExecutor(client=self.client))


class Ray:
    """A cluster of Ray, and the drivers that execute on it."""

    def __init__(self, workers: int) -> None:
        """Start the cluster."""
        from headwater.executors import ray_clusters

        ray_clusters.start_or_reach(
            {"num_cpus": workers, "object_store_memory": 200 << 20, "log_to_driver": False}
        )
        self.close = ray_clusters.end_cluster

    def executor(self) -> Any:
        from headwater.executors.ray_tasks import RayTaskExecutor

        return RayTaskExecutor(skip_init=True)

    def bare(self, count: int) -> Any:
        ray = importlib.import_module("ray")
        called = ray.remote(_same)
        return ray.get([called.remote(number) for number in range(count)])

    def peer_graph(self, module: ModuleType) -> Any:
        plugin: Any = importlib.import_module("hamilton.plugins.h_ray")
        return peer_builder(module).with_adapters(plugin.RayGraphAdapter(peer_result())).build()

    def peer_fan_out(self, module: ModuleType) -> Any:
        plugin: Any = importlib.import_module("hamilton.plugins.h_ray")
        return peer_fan_out(module, plugin.RayTaskExecutor(skip_init=True))


class Spark:
    """A Spark of this machine, and the drivers that execute on it; Hamilton has no executor for it."""

    def __init__(self, workers: int) -> None:
        """Start the session."""
        os.environ.update(
            PYSPARK_PYTHON=sys.executable,
            PYSPARK_DRIVER_PYTHON=sys.executable,
            SPARK_LOCAL_IP="127.0.0.1",
            PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
        )
        settings = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "OFF",
        }
        session: Any = importlib.import_module("pyspark.sql").SparkSession
        self.session = session.builder.master(f"local[{workers}]").config(map=settings).getOrCreate()
        self.close = self.session.stop

    def executor(self) -> Any:
        from headwater.executors.spark_tasks import SparkTaskExecutor

        return SparkTaskExecutor(self.session)

    def bare(self, count: int) -> Any:
        return self.session.sparkContext.parallelize(range(count), 2).map(_same).collect()


_same = lambda value: value  # noqa: E731 — as it has no name, it is sent, and not looked for by workers

ENGINES: Final = {"dask": Dask, "ray": Ray, "spark": Spark}


def peer_result() -> Any:
    return importlib.import_module("hamilton.base").DictResult()


def peer_builder(module: ModuleType) -> Any:
    return importlib.import_module("hamilton.driver").Builder().with_modules(module)


def peer_fan_out(module: ModuleType, executor: Any) -> Any:
    dynamic = peer_builder(module).enable_dynamic_execution(allow_experimental_mode=True)
    return dynamic.with_remote_executor(executor).build()


def driver_on(cluster: Any, module: ModuleType, grouping: Any = None) -> Any:
    """Return a driver of ours whose whole graph runs on a cluster, cut by cost unless said otherwise."""
    from headwater import Builder
    from headwater.executors import SingleExecutionManager
    from headwater.executors.fusing import GroupByCost

    executor = cluster.executor()
    builder = Builder().with_modules(module).enable_dynamic_execution(allow_experimental_mode=True)
    cut = grouping or GroupByCost(executor.slots, executor.cost_of_task)
    return (
        builder.with_execution_manager(SingleExecutionManager(executor)).with_grouping_strategy(cut).build()
    )


def measure(engine: str, rounds: int) -> Figures:
    """Execute everything on an engine, in turn with Hamilton where there is one."""
    warnings.simplefilter("ignore")
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        loops = loops_of(0.1)
        modules = write_modules(Path(folder), loops)
        with cluster_of(engine, 2) as cluster:
            overhead(engine, cluster, modules, rounds, found)
            heavy(engine, cluster, modules, rounds, found, 2)
        with cluster_of(engine, 1) as cluster:
            heavy(engine, cluster, modules, rounds, found, 1)
        in_one_process(modules, rounds, found)
    return {name: statistics.median(values) for name, values in found.items()}


def write_modules(folder: Path, loops: int) -> dict[str, ModuleType]:
    """Write and import what is executed."""
    sources = {f"layered_{size}": workloads.layered(size) for size in SIZES}
    sources |= {"heavy_lanes": workloads.heavy(loops)}
    sources |= {"apart": "".join(f"def a{n}(i0: int) -> int:\n    return i0 + {n}\n" for n in range(GROUPS))}
    sources |= {"fan_out": workloads.FAN_OUT.format(package="headwater")}
    if os.environ["HEADWATER_PEER"]:
        sources |= {"fan_out_peer": workloads.FAN_OUT.format(package="hamilton.htypes")}
    return {name: workloads.write_module(folder, name, source) for name, source in sources.items()}


@contextmanager
def cluster_of(engine: str, workers: int) -> Iterator[Any]:
    """Start a cluster, and end it."""
    cluster = ENGINES[engine](workers)
    try:
        cluster.bare(20)
        yield cluster
    finally:
        cluster.close()


def overhead(
    engine: str, cluster: Any, modules: dict[str, ModuleType], rounds: int, found: dict[str, list[float]]
) -> None:
    """Execute nodes that take no time."""
    from headwater.executors.grouping import GroupNodesIndividually

    with_peer = bool(os.environ["HEADWATER_PEER"]) and MOST_FOR_PEER[engine] > 0
    for size in SIZES:
        module, outputs = modules[f"layered_{size}"], workloads.last_layer(size)
        rounds_here = rounds if size < SIZES[-1] else min(rounds, 2)
        for _ in range(rounds_here):
            # A new driver has measured no costs yet; executing once more shows what it has learned.
            driver = driver_on(cluster, module)
            execute = partial(driver.execute, outputs, inputs=INPUTS)
            first = timed(found, f"ours: {size} first", execute)
            again = timed(found, f"ours: {size} again", execute)
            if with_peer and size <= MOST_FOR_PEER[engine]:
                peer = cluster.peer_graph(module)
                theirs = timed(found, f"peer: {size}", partial(deep, peer, outputs, INPUTS))
                assert dict(theirs) == dict(first) == dict(again)
    fans: dict[str, Callable[[], Any]] = {"ours": lambda: driver_on(cluster, modules["fan_out"])}
    if with_peer:
        fans["peer"] = lambda: cluster.peer_fan_out(modules["fan_out_peer"])
    apart = driver_on(cluster, modules["apart"], GroupNodesIndividually())
    names = [f"a{number}" for number in range(GROUPS)]
    for _ in range(rounds):
        for who, built in fans.items():
            driver = built()
            execute = partial(driver.execute, ["total"], inputs={"count": ELEMENTS})
            value = timed(found, f"{who}: fan-out", execute)
            assert value["total"] == sum(number * number for number in range(ELEMENTS))
        timed(found, "ours: apart", partial(apart.execute, names, inputs={"i0": 1}))
        timed(found, "bare: apart", lambda: cluster.bare(GROUPS))


def heavy(
    engine: str,
    cluster: Any,
    modules: dict[str, ModuleType],
    rounds: int,
    found: dict[str, list[float]],
    workers: int,
) -> None:
    """Execute nodes of a tenth of a second each, which read each other in lanes."""
    outputs, given = [workloads.HEAVY_OUTPUT], {"i0": 1}
    whose = {"ours": driver_on(cluster, modules["heavy_lanes"])}
    if os.environ["HEADWATER_PEER"] and MOST_FOR_PEER[engine]:
        whose["peer"] = cluster.peer_graph(modules["heavy_lanes"])
    for _ in range(rounds):
        for who, driver in whose.items():
            timed(found, f"{who}: heavy {workers}", partial(driver.execute, outputs, inputs=given))


def in_one_process(modules: dict[str, ModuleType], rounds: int, found: dict[str, list[float]]) -> None:
    """Execute the nodes that take a while, and the small ones, here: the floor of all clusters."""
    from headwater import Builder

    driver = Builder().with_modules(modules["heavy_lanes"]).build()
    small = Builder().with_modules(modules["layered_1000"]).build()
    for _ in range(rounds):
        timed(found, "here: heavy", lambda: driver.execute([workloads.HEAVY_OUTPUT], inputs={"i0": 1}))
        timed(found, "here: 1000", lambda: small.execute(workloads.last_layer(1_000), inputs=INPUTS))


INPUTS: Final = workloads.INPUTS


def timed(found: dict[str, list[float]], name: str, execute: Execute) -> Any:
    """Execute once, and keep how long it took."""
    start = perf_counter()
    value = execute()
    found[name].append(perf_counter() - start)
    print(f"{name}: {found[name][-1]:.3f} s", file=sys.stderr)
    return value


def deep(driver: Any, outputs: list[str], inputs: dict[str, int]) -> Any:
    """Execute where much may be on the stack: Hamilton's nodes hold each other, and are pickled with all."""
    kept: list[Any] = []
    before, size = sys.getrecursionlimit(), threading.stack_size(512 << 20)
    sys.setrecursionlimit(1_000_000)
    try:
        thread = threading.Thread(target=lambda: kept.append(driver.execute(outputs, inputs=inputs)))
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(before)
        threading.stack_size(size)
    if not kept:
        raise SystemExit("Hamilton could not execute the graph; what it said stands above.")
    return kept[0]


def loops_of(seconds: float) -> int:
    """Return how many rounds of a loop take so many seconds on this machine."""
    start = perf_counter()
    sum(i * i % 7 for i in range(1_000_000))
    return int(1_000_000 * seconds / (perf_counter() - start))


def spark_columns(python: Path) -> Figures:
    """Measure chains of columns on Spark tables, ours and Hamilton's, in an environment of their own."""
    engine = str(HERE.parent / "engine")
    environment = {**os.environ, "PYTHONPATH": engine, "PYTHONWARNINGS": "ignore"}
    found: Figures = {}
    for count in SPARK_COLUMNS:
        for who in ("headwater", "hamilton"):
            command = [str(python), str(HERE / "spark_columns.py"), who, str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            if done.returncode:
                sys.exit(f"{who} could not make {count} columns on Spark:\n{done.stderr[-3000:]}")
            rounds = [
                line.split(": ")[-1].split()[:3] for line in done.stdout.splitlines() if " columns: " in line
            ]
            seconds = (statistics.median(map(float, each)) for each in zip(*rounds, strict=True))
            found |= {f"{who}: {count} {step}": each for step, each in zip(SPARK_STEPS, seconds, strict=True)}
    return found


def report(found: dict[str, Figures], columns: Figures, rounds: int) -> str:
    """Write what was measured as a section of the page."""
    lines = [
        "## Clusters",
        "",
        "Written by `python benchmarks/scaleout.py` in the environment with the engines: medians of "
        f"{rounds} executions, ours and Hamilton's in turn on the same cluster of two workers on one "
        f"machine. Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}. Small "
        "nodes add integers, so that all of their time is overhead; *first* is a driver that knows no costs "
        "yet, *again* the same driver once more. “Times less” is Hamilton's time by ours; higher is better.",
        "",
        "| engine | what | ours | per node or group | held against | ratio | Hamilton | times less | bound |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for engine, figures in found.items():
        lines += rows_of(engine, figures)
    lines += column_rows(columns)
    lines += ["", *remarks(found)]
    return "\n".join(lines)


def rows_of(engine: str, figures: Figures) -> Iterator[str]:
    """Write the lines of one engine."""
    name = engine.title()
    for size in SIZES:
        for which in ("first", "again"):
            ours, peer = figures[f"ours: {size} {which}"], figures.get(f"peer: {size}")
            bound = "≥ 3" if size == 1_000 and peer else ""
            yield row(name, f"{size:,} small nodes, {which}", ours, size, "", "", peer, bound)
    yield row(
        name,
        f"fan-out of {ELEMENTS:,}",
        figures["ours: fan-out"],
        ELEMENTS,
        "",
        "",
        figures.get("peer: fan-out"),
        "",
    )
    ours, bare = figures["ours: apart"], figures["bare: apart"]
    yield row(
        name, f"{GROUPS} groups of one node", ours, GROUPS, f"{GROUPS} bare tasks", ours / bare, None, ""
    )
    for workers in (1, 2):
        ours = figures[f"ours: heavy {workers}"]
        floor = figures["here: heavy"] / workers
        against = f"one process{' / 2' if workers == 2 else ''}"
        nodes = workloads.HEAVY_LANES * workloads.HEAVY_STEPS
        what = f"{nodes} nodes of 0.1 s, {workers} worker{'s' if workers > 1 else ''}"
        yield row(name, what, ours, nodes, against, ours / floor, figures.get(f"peer: heavy {workers}"), "")


def row(
    name: str,
    what: str,
    ours: float,
    parts: int,
    against: str,
    ratio: float | str,
    peer: float | None,
    bound: str,
) -> str:
    """Write a line of the table."""
    held = f"{ratio:.2f}" if isinstance(ratio, float) else ratio
    theirs = ("", "") if peer is None else (f"{peer:.3g} s", f"{peer / ours:.1f}")
    cells = (name, what, f"{ours:.3g} s", f"{ours / parts * 1e3:.3g} ms", against, held, *theirs, bound)
    return f"| {' | '.join(cells)} |"


def column_rows(columns: Figures) -> Iterator[str]:
    """Write the lines of columns on Spark tables."""
    for count in SPARK_COLUMNS if columns else ():
        for what, words in SPARK_STEPS.items():
            ours, peer = columns[f"headwater: {count} {what}"], columns[f"hamilton: {count} {what}"]
            yield row("Spark", f"{count} columns of a table, {words}", ours, count, "", "", peer, "")


def remarks(found: dict[str, Figures]) -> Iterator[str]:
    """Write what the table cannot say."""
    grown = [
        f"{engine.title()} {figures['ours: 10000 again'] / figures['ours: 100 again']:.3g}"
        for engine, figures in found.items()
    ]
    yield f"A hundred times as many nodes, 10,000 for 100, take so many times as long: {', '.join(grown)}."
    if "peer: 1000" in found.get("ray", {}):
        yield (
            "Hamilton's adapter of Ray sends its graph with each node: from 300 nodes on it fails where "
            "the limit of recursion and the stack are not raised, as they were here; 10,000 were not tried."
        )
    if "spark" in found:
        yield "Hamilton has no executor of tasks for Spark; columns of tables are what it computes there."


if __name__ == "__main__":
    main()
