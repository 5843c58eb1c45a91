"""Machines of a cluster of Ray that are lost, and memory that does not suffice: each with a cluster of its own."""

import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.build import build
from headwater.errors import HeadwaterError, NodeFailed
from headwater.executors import ray_clusters, ray_tasks
from headwater.executors.graph import TaskBasedGraphExecutor
from headwater.executors.grouping import GroupNodesAllAsOne, GroupNodesIndividually
from headwater.executors.managers import SingleExecutionManager
from headwater.executors.ray_tasks import RayTaskExecutor
from headwater.executors.tasks import RunContext
from headwater.function import functions_of
from support.ray_cluster import require_ray, start_ray
from support.task_hooks import Told

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray")]


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    """Let no other cluster run beside."""
    require_ray()
    ray_clusters.end_cluster()
    yield
    ray_clusters.end_cluster()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Give a cluster of one machine, which is a group of processes, to which others can be added."""
    require_ray()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray._private import ray_constants
        from ray.cluster_utils import Cluster

        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        head = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def machines(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give the cluster, reached, which has one machine only afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    ray_clusters.start_or_reach({"address": cluster.address, "log_to_driver": False})
    yield cluster
    ray_clusters.end_cluster()
    for machine in list(cluster.worker_nodes):
        cluster.remove_node(machine, allow_graceful=False)


def _machine(cluster: Any) -> Any:
    return cluster.add_node(num_cpus=1, resources={"store": 1}, object_store_memory=80 << 20)


@pytest.fixture
def run(load: Callable[..., Any], told: Told) -> Callable[..., Any]:
    """Give a function that computes an output with all nodes on the cluster, each by itself."""

    def run(source: str, output: str, grouping: Any = None) -> Any:
        graph = build(functions_of(load(textwrap.dedent(source))), {})
        manager = SingleExecutionManager(RayTaskExecutor(skip_init=True))
        executor = TaskBasedGraphExecutor(manager, grouping or GroupNodesIndividually())
        return executor.execute(graph, [output], {}, RunContext(hooks=told))[output]

    return run


def test_too_little_memory_is_told_with_the_node(run, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    available = next(
        int(line.split()[1]) << 10
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable:")
    )
    # What the cluster itself takes, and others meanwhile, must not count.
    threshold = (total - available + (2 << 30)) / total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.3f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    monkeypatch.setenv("RAY_task_oom_retries", "0")
    source = """
        import time
        from headwater import tag

        def before() -> int:
            return 1

        @tag(**{"resources.memory": "200 MB", "resources.attempts": "1"})
        def hungry(before: int) -> int:
            held = [bytearray(b"x") * (100 << 20) for _ in range(100)]
            time.sleep(60)  # until it is looked at
            return len(held)
    """
    start_ray()
    with pytest.raises(NodeFailed) as caught:
        run(source, "hungry", grouping=GroupNodesAllAsOne())

    assert caught.value.node == "hungry"
    message = str(caught.value)
    assert "Ray ended a worker for want of memory while it computed " in message
    assert "'hungry', number 2 of 2 nodes of the task" in message
    assert "The task asked for 200 MB" in message


LARGE = """
    import numpy as np
    import pathlib, ray, time
    from headwater import tag

    @tag(**{{"resources.store": "1", "resources.attempts": "{attempts}"}})
    def large() -> np.ndarray:
        home = ray.get_runtime_context().get_node_id()
        pathlib.Path({folder!r}, f"made-{{home}}-{{time.monotonic_ns()}}").touch()
        return np.ones(1_000_000)

    @tag(**{{"resources.cpus": "1"}})
    def opened() -> int:
        pathlib.Path({folder!r}, "waits").touch()
        while not pathlib.Path({folder!r}, "open").exists():
            time.sleep(0.02)
        return 1

    def total(large: np.ndarray, opened: int) -> float:
        return float(large.sum()) + opened
"""


def _loses(machines: Any, folder: Path, told: Told, count: int) -> threading.Thread:
    """End the one of some machines that has the large value once it is there; then let its reader begin."""
    by_id = {machine.node_id: machine for machine in [_machine(machines) for _ in range(count)]}

    def lose() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not ((folder / "waits").exists() and _is_made(told)):
            time.sleep(0.05)
        home = next(folder.glob("made-*")).name.split("-")[1]
        machines.remove_node(by_id[home], allow_graceful=False)
        (folder / "open").touch()

    thread = threading.Thread(target=lose, daemon=True)
    thread.start()
    return thread


def _is_made(told: Told) -> bool:
    return told.path.exists() and "return large True NoneType" in told.lines


@pytest.mark.timeout(90)
def test_a_value_that_is_lost_with_its_machine_is_made_again(machines, run, tmp_path, told):
    thread = _loses(machines, tmp_path, told, count=2)

    assert run(LARGE.format(folder=str(tmp_path), attempts=3), "total") == 1_000_001
    thread.join()
    assert len(list(tmp_path.glob("made-*"))) == 2


@pytest.mark.timeout(90)
def test_a_value_that_is_lost_and_may_not_be_made_again_is_told(machines, run, tmp_path, told):
    thread = _loses(machines, tmp_path, told, count=2)

    with pytest.raises(
        NodeFailed, match=r"A value that .*'total' reads was lost with the machine that had it"
    ) as caught:
        run(LARGE.format(folder=str(tmp_path), attempts=1), "total")
    thread.join()
    assert caught.value.node == "total"


@pytest.mark.timeout(90)
def test_a_task_whose_machine_is_gone_is_given_up(machines, run, tmp_path, told, monkeypatch):
    monkeypatch.setattr(ray_tasks, "_PATIENCE", 1.0)
    monkeypatch.setattr(ray_tasks, "_GIVEN_UP", 3.0)
    thread = _loses(machines, tmp_path, told, count=1)
    needing = """@tag(**{{"resources.store": "1"}})
    def total("""
    source = LARGE.replace("def total(", needing)

    with pytest.raises(
        HeadwaterError, match="No machine of the Ray cluster has 1 store any more, which the task"
    ):
        run(source.format(folder=str(tmp_path), attempts=3), "total")
    thread.join()
