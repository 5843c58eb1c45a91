"""Ray: what stays in the cluster, what travels to it, how it is started and ended."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headwater import Builder, Driver
from headwater.errors import HeadwaterError, InvalidInput, NodeFailed
from headwater.executors.grouping import GroupNodesIndividually
from headwater.executors.needs import Needs
from headwater.executors.ray_tasks import RayTaskExecutor
from headwater.plugins.h_ray import RayGraphAdapter
from headwater.results import DictResult, PandasDataFrameResult
from support.ray_cluster import require_ray

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray")]


@pytest.fixture
def tasks(ray_cluster: None, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what executes task by task, with blocks on the cluster."""
    monkeypatch.syspath_prepend(tmp_path)
    tasks.remote = RayTaskExecutor(skip_init=True)
    return tasks


@pytest.fixture
def adapter(ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RayGraphAdapter:
    """Give an adapter that runs graphs on the cluster."""
    monkeypatch.syspath_prepend(tmp_path)
    return RayGraphAdapter(DictResult())


SHOP = """
    import os
    import pandas as pd

    def revenue(price: pd.Series, sold: pd.Series) -> pd.Series:
        return price * sold

    def share(revenue: pd.Series) -> pd.Series:
        return revenue / revenue.sum()

    def home(share: pd.Series) -> int:
        return os.getpid()
"""


def test_an_adapter_runs_a_whole_graph_on_the_cluster(load, adapter):
    import pandas as pd

    driver = Builder().with_modules(load(SHOP)).with_adapters(adapter).build()
    inputs = {"price": pd.Series([1.0, 2.0]), "sold": pd.Series([4, 3])}

    found = driver.execute(["share", "home"], inputs=inputs)

    assert found["share"].tolist() == [0.4, 0.6]
    assert found["home"] != os.getpid()


def test_an_adapter_of_the_old_kind_builds_its_result_here(load, adapter):
    import pandas as pd

    adapter.result_builder = PandasDataFrameResult()
    driver = Driver({"sold": pd.Series([4, 3])}, load(SHOP), adapter=adapter)

    table = driver.execute(["revenue", "share"], inputs={"price": pd.Series([1.0, 2.0])})

    assert table["revenue"].tolist() == [4.0, 6.0] and list(table.columns) == ["revenue", "share"]


FAN_OUT = """
    from headwater import Collect, Parallelizable

    def number(count: int) -> Parallelizable[int]:
        yield from range(count)

    def square(number: int) -> int:
        return number * number

    def squares(square: Collect[int]) -> list[int]:
        return list(square)
"""


@pytest.mark.parametrize("dynamic", [False, True])
def test_an_adapter_runs_fan_outs_whether_they_were_enabled_or_not(load, adapter, dynamic):
    builder = Builder().with_modules(load(FAN_OUT)).with_adapters(adapter)
    if dynamic:
        builder.enable_dynamic_execution(allow_experimental_mode=True)

    found = builder.build().execute(["squares"], inputs={"count": 300})

    assert found == {"squares": [number * number for number in range(300)]}


def test_large_elements_of_a_fan_out_made_in_the_cluster_stay_there(load, adapter, monkeypatch):
    source = """
        import numpy as np
        from headwater import Collect, Parallelizable

        def part(count: int) -> Parallelizable[np.ndarray]:
            for number in range(count):
                yield np.full(100_000, number)

        def total(part: np.ndarray) -> int:
            return int(part.sum())

        def totals(total: Collect[int]) -> list[int]:
            return list(total)
    """
    driver = Builder().with_modules(load(source)).with_adapters(adapter).build()
    executor = adapter.task_executor()
    fetch = executor.fetch
    sizes = []
    monkeypatch.setattr(executor, "fetch", lambda held: (sizes.append(len(held)), fetch(held))[1])

    assert driver.execute(["totals"], inputs={"count": 4})["totals"] == [0, 100_000, 200_000, 300_000]
    assert sizes == [1]
    assert [part[0] for part in driver.execute(["part"], inputs={"count": 3})["part"]] == [0, 1, 2]


def test_an_input_may_be_a_reference_of_ray(load, adapter):
    import pandas as pd
    import ray

    driver = Builder().with_modules(load(SHOP)).with_adapters(adapter).build()
    inputs = {"price": ray.put(pd.Series([1.0, 2.0])), "sold": pd.Series([4, 3])}

    assert driver.execute(["revenue"], inputs=inputs)["revenue"].tolist() == [4.0, 6.0]
    with pytest.raises(InvalidInput, match="'sold' must be"):
        driver.execute(["revenue"], inputs={**inputs, "sold": "four"})


def test_the_record_of_a_run_comes_back(load, adapter):
    import pandas as pd

    driver = Builder().with_modules(load(SHOP)).with_adapters(adapter).build()
    inputs = {"price": pd.Series([1.0, 2.0]), "sold": pd.Series([4, 3])}

    run = driver.run(["share"], inputs=inputs)

    assert run.error is None
    assert sorted((node.name, node.summary) for node in run.nodes) == [
        ("revenue", "Series[float64] (2 rows)"),
        ("share", "Series[float64] (2 rows)"),
    ]


def test_what_a_feature_raises_is_raised_here_with_a_note(load, adapter):
    source = """
        def broken(number: int) -> int:
            return {1: 2}[number]
    """
    driver = Builder().with_modules(load(source)).with_adapters(adapter).build()

    with pytest.raises(KeyError) as caught:
        driver.execute(["broken"], inputs={"number": 3})

    assert any("'broken' failed with KeyError: 3" in note for note in caught.value.__notes__)


def test_a_module_that_was_changed_is_imported_anew_by_the_workers(tasks):
    tasks.grouping = GroupNodesIndividually()
    assert tasks.run("def one(x: int) -> int: return x + 1", "one", x=1) == 2
    assert tasks.run("def one(x: int) -> int: return x + 100", "one", x=1) == 101


def test_code_of_the_script_itself_travels(ray_cluster, monkeypatch, tasks):
    main = ModuleType("__main__")
    exec("FACTOR = 3\ndef tripled(x: int) -> int: return FACTOR * x", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    from headwater.build import build
    from headwater.executors.grouping import GroupNodesAllAsOne
    from headwater.function import functions_of

    tasks.grouping = GroupNodesAllAsOne()
    assert tasks.executor().execute(build(functions_of(main), {}), ["tripled"], {"x": 2}) == {"tripled": 6}


@pytest.mark.parametrize(
    ("made", "kind"),
    [("(i for i in range(number))", "generator"), ("[__import__('threading').Lock()]", "list")],
)
def test_a_value_that_cannot_be_sent_is_told_with_its_node(tasks, made, kind):
    source = f"""
        from typing import Any

        def number() -> Parallelizable[int]:
            yield 1

        def made(number: int) -> Any:
            return {made}

        def total(made: Collect[Any]) -> int:
            return len(made)
    """
    with pytest.raises(
        NodeFailed, match=f"'made' returns a value of type {kind}.*, which cannot be sent"
    ) as caught:
        tasks.run(source, "total")

    assert caught.value.node == "made"


def test_an_input_that_cannot_be_sent_is_told_with_its_reader(tasks):
    import threading

    with pytest.raises(
        NodeFailed, match="'square' reads 'number', a value of type lock, which cannot be sent"
    ):
        tasks.run(FAN_OUT, "squares", number=[threading.Lock()])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("num_returns=2", r"'picky' has the tag 'ray_remote.num_returns', which Headwater does not pass on"),
        ("num_gpu=1", r"Ray cannot be given the options .*'num_gpu': 1.*'picky'"),
    ],
)
def test_options_that_ray_cannot_be_given_are_told_before_anything_runs(load, adapter, options, told):
    source = f"""
        from headwater import ray_remote_options

        @ray_remote_options({options})
        def picky(number: int) -> int:
            return number
    """
    driver = Builder().with_modules(load(source)).with_adapters(adapter).build()

    with pytest.raises(HeadwaterError, match=told):
        driver.execute(["picky"], inputs={"number": 1})


def test_options_reach_ray(load, adapter):
    source = """
        from headwater import ray_remote_options

        @ray_remote_options(num_cpus=2, runtime_env={"env_vars": {"COLOUR": "red"}})
        def colour() -> str:
            import os, ray
            return f"{os.environ['COLOUR']} {ray.get_runtime_context().get_assigned_resources()['CPU']:g}"
    """
    driver = Builder().with_modules(load(source)).with_adapters(adapter).build()

    assert driver.execute(["colour"]) == {"colour": "red 2"}


def test_nodes_of_one_task_that_disagree_are_told(tasks):
    from headwater.executors.grouping import GroupNodesAllAsOne

    tasks.grouping = GroupNodesAllAsOne()
    source = """
        from headwater import ray_remote_options

        @ray_remote_options(runtime_env={"env_vars": {"A": "1"}})
        def one() -> int: return 1

        @ray_remote_options(runtime_env={"env_vars": {"A": "2"}})
        def two(one: int) -> int: return 2
    """
    with pytest.raises(
        HeadwaterError, match="computed in one task of Ray, but the one asks for runtime_env="
    ):
        tasks.run(source, "two")


@pytest.mark.parametrize(
    ("needs", "missing"),
    [
        (Needs(), ""),
        (Needs(cpus=2, memory=10**8), ""),
        (Needs(cpus=64), "64 CPUs"),
        (Needs(gpus=0.5), "0.5 GPU"),
        (Needs(memory=10**15, resources=(("big", 1.0),)), "1,000,000,000 MB of memory and 1 big"),
    ],
)
def test_says_what_no_machine_has(ray_cluster, needs, missing):
    assert RayTaskExecutor(skip_init=True).lacks(needs).replace("GPUs", "GPU") == missing
    assert RayTaskExecutor(skip_init=True, is_elastic=True).lacks(needs) == ""


def test_a_graph_adapter_needs_a_result_builder():
    with pytest.raises(InvalidInput, match="needs a result builder"):
        RayGraphAdapter(None)


ALONE = """
import ray  # before anything says on which addresses it may listen
import os, signal, sys, threading
os.environ["HEADWATER_TEST_RAY"] = str(os.getpid())
from pathlib import Path
from headwater import Builder
from headwater.ad_hoc import module_from_source
from headwater.executors import ray_clusters
from headwater.plugins.h_ray import RayGraphAdapter
from headwater.results import DictResult
from support.ray_cluster import listening, processes_of_ray

module = module_from_source('''
import pathlib, time
def double(x: int) -> int: return 2 * x
def endless(folder: str) -> int:
    (pathlib.Path(folder) / "endless").touch()
    time.sleep(600)
    return 1
def both(x: int, folder: str) -> int:
    (pathlib.Path(folder) / str(x)).touch()
    while len(list(pathlib.Path(folder).iterdir())) < 2 + x: time.sleep(0.05)
    return x
''', "alone")
config = dict(num_cpus=2, object_store_memory=80 << 20)

def execute(name, adapter, **inputs):
    return Builder().with_modules(module).with_adapters(adapter).build().execute([name], inputs=inputs)[name]

def adapter(ends):
    return RayGraphAdapter(DictResult(), config, shutdown_ray_on_completion=ends)

def print_left():
    left = {pid: called for pid, called in processes_of_ray().items() if pid != os.getpid()}
    print("left", left, [folder for folder in folders if Path(folder).exists()])

staying = adapter(False)
folders = list(ray_clusters._folders)
print("folders", len(folders), all(Path(folder).is_dir() for folder in folders))
print("outside", [address for address in listening(processes_of_ray()) if address not in ("127.0.0.1", "::1")])
print("statistics", any(b"RAY_USAGE_STATS_ENABLED=0" in Path(f"/proc/{pid}/environ").read_bytes()
                        for pid in processes_of_ray()))
print("result", execute("double", staying, x=4))

# Interrupted from the keyboard, while a task runs.
def interrupt():
    while not Path("endless").exists(): time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)
import time
threading.Thread(target=interrupt).start()
try:
    execute("endless", adapter(True), folder=os.getcwd())
except KeyboardInterrupt:
    print("interrupted")
print_left()

# Two drivers at once: the one that is done first does not end what the other one uses.
found = []
def run(x):
    found.append(execute("both", RayGraphAdapter(DictResult(), None, True), x=x, folder=os.path.abspath("both")))
    Path("both", "end").touch()
Path("both").mkdir()
ray_clusters.start_or_reach(config)
folders += ray_clusters._folders
threads = [threading.Thread(target=run, args=(x,)) for x in (0, 1)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("both", found)
print_left()
"""


def test_a_cluster_listens_on_loopback_only_and_leaves_nothing(tmp_path):
    require_ray()
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )

    assert done.stdout.splitlines() == [
        "folders 1 True",
        "outside []",
        "statistics True",
        "result 8",
        "interrupted",
        "left {} []",
        "both [0, 1]",
        "left {} []",
    ], done.stderr
