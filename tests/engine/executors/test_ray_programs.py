"""Ray from a program that is none of the cluster's machines, and speaks to it through Ray's client."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import HeadwaterError, MissingExtra, NodeFailed
from headwater.executors import ray_clusters
from headwater.executors.grouping import GroupNodesAllAsOne, GroupNodesIndividually
from headwater.executors.ray_tasks import RayTaskExecutor
from headwater.executors.shipments import shipment_of
from support.ray_cluster import require_ray
from support.ray_programs import RayProgram, ray_program

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray")]


@pytest.fixture(scope="module")
def program() -> Iterator[RayProgram]:
    """Give a cluster, of which this process becomes a client."""
    require_ray()
    ray_clusters.end_cluster()  # of the tests before
    with ray_program(has_token=False) as program:
        ray_clusters.start_or_reach({"address": f"ray://{program.place}", "log_to_driver": False})
        yield program
        ray_clusters.end_cluster()


@pytest.fixture
def tasks(program: RayProgram, tasks: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what executes tasks on the cluster, whose workers do not find the modules by themselves."""
    monkeypatch.syspath_prepend(tmp_path)

    def run(source: str, *outputs: str, **given: Any) -> Any:
        graph = tasks.graph(source)
        tasks.remote = RayTaskExecutor(skip_init=True, shipment=shipment_of(tmp_path, [""]))
        values = tasks.executor().execute(graph, outputs, given, None)
        return values[outputs[0]] if len(outputs) == 1 else values

    tasks.run = run
    return tasks


FAN_OUT = """
    import numpy as np

    def part(count: int, length: int) -> Parallelizable[np.ndarray]:
        for number in range(count):
            yield np.full(length, number)

    def total(part: np.ndarray) -> int:
        return int(part.sum())

    def totals(total: Collect[int]) -> list[int]:
        return list(total)
"""


@pytest.mark.parametrize("length", [1, 100_000])
def test_fan_outs_are_computed_whatever_their_size(tasks, length):
    found = tasks.run(FAN_OUT, "totals", "part", count=4, length=length)

    assert found["totals"] == [0, length, 2 * length, 3 * length]
    assert [part.tolist()[-1] for part in found["part"]] == [0, 1, 2, 3]


def test_values_stay_there_and_come_home_whole(tasks):
    import pandas as pd

    tasks.grouping = GroupNodesIndividually()
    source = """
        import pandas as pd

        def spread(sold: pd.Series) -> pd.Series:
            return sold / sold.sum()

        def table(spread: pd.Series, sold: pd.Series) -> pd.DataFrame:
            return pd.DataFrame({"spread": spread, "sold": sold})
    """
    sold = pd.Series(range(1, 50_001), name="sold", dtype="float64")

    found = tasks.run(source, "table", "spread", sold=sold)

    pd.testing.assert_series_equal(found["spread"], sold / sold.sum())
    pd.testing.assert_series_equal(found["table"]["sold"], sold)


def test_a_worker_that_dies_is_told_with_the_node_that_it_had_begun(tasks):
    tasks.grouping = GroupNodesAllAsOne()
    source = """
        import os, signal
        from headwater import tag

        def first() -> int:
            return 1

        @tag(**{"resources.attempts": "1"})
        def fatal(first: int) -> int:
            os.kill(os.getpid(), signal.SIGKILL)
            return first

        def last(fatal: int) -> int:
            return fatal
    """
    with pytest.raises(NodeFailed, match=r"'fatal', number 2 of 3 nodes of the task") as caught:
        tasks.run(source, "last")

    assert caught.value.node == "fatal"


def test_a_failure_is_told_as_it_was_raised(tasks):
    with pytest.raises(NodeFailed) as caught:
        tasks.run("def broken() -> int:\n    raise LookupError('nowhere')\n", "broken")

    assert caught.value.node == "broken" and isinstance(caught.value.__cause__, LookupError)


def test_an_address_of_nobody_is_told(program, monkeypatch):
    ray_clusters.end_cluster()
    monkeypatch.setattr("ray.util.client.worker.INITIAL_TIMEOUT_SEC", 1)
    monkeypatch.setattr("ray.util.client.worker.MAX_TIMEOUT_SEC", 1)
    with pytest.raises(HeadwaterError, match=r"could not be reached at ray://127\.0\.0\.1:9"):
        ray_clusters.start_or_reach({"address": "ray://127.0.0.1:9"})


def test_what_the_client_needs_is_told_where_it_is_missing(monkeypatch):
    require_ray()
    monkeypatch.setitem(sys.modules, "grpc", None)

    with pytest.raises(MissingExtra, match=r"needs grpcio. Install it: pip install 'headwater\[ray\]'"):
        ray_clusters.start_or_reach({"address": "ray://127.0.0.1:9"})
