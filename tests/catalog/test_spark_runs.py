"""Runs on a real cluster of Spark: the same as on the machine of the worker, and nothing is left there."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater_catalog.cluster_settings import ClusterSettings
from headwater_catalog.limits import Limits
from headwater_catalog.worker import Worker
from support.cluster_shop import demo_runs, facts, make_cluster_shop, on, require_failures_told
from support.compiled_shop import saved
from support.git_repo import GitRepo
from support.run_catalog import Catalog
from support.spark_cluster import executors, spark_cluster
from support.worker_process import until

pytestmark = [
    *(pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("spark"), pytest.mark.runs),
    pytest.mark.timeout(900),  # each run starts a Java machine of its own
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the host and port of a cluster."""
    with spark_cluster(tmp_path_factory.mktemp("spark")) as place:
        yield place


@pytest.fixture
def shop(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path, place: str) -> Iterator[Catalog]:
    """Give a trusted repository whose runs may use the cluster `big`."""
    made = make_cluster_shop(sqlite_catalog_url, git_repo, tmp_path, _named(place))
    yield made
    made.database.dispose()


def _named(place: str) -> ClusterSettings:
    return ClusterSettings({"big": f"spark://{place}"})


def test_the_dataset_of_the_demo_is_the_same(place: str, tmp_path: Path):
    here, there = demo_runs(tmp_path / "home", _named(place), ("synchronous", "big"))

    assert here == there


def test_records_are_the_same_and_values_are_kept(shop: Catalog):
    asked: dict[str, Any] = {"dataflow": "sales", "save": "csv"}
    here = shop.run(**asked, **on("threads", use_kept=False, profile=True))
    there = shop.run(**asked, **on("big", profile=True))
    prints = shop.run("parent", dataflow="traps", **on("big"))
    again = shop.run("ratio", dataflow="sales", **on("threads"))

    assert (there.job.error, prints.job.error) == (None, None)
    assert hashlib.sha256(saved(shop, there)).digest() == hashlib.sha256(saved(shop, here)).digest()
    assert facts(there) == facts(here)
    assert prints.log == "looking for the parent\n"
    assert {node.name: node.kept_from for node in again.nodes} == {"ratio": there.id}


def test_failures_name_the_node_and_the_cluster(shop: Catalog, place: str):
    require_failures_told(shop, place)


def test_what_is_ended_here_is_ended_there(shop: Catalog, place: str):
    run_id, job_id = shop.request("endless", dataflow="traps", **on("big"))
    worker = Worker(shop.database, shop.settings, limits=replace(Limits(), wall_seconds=400))
    working = threading.Thread(target=worker.perform_next, args=(job_id,))
    working.start()
    until(lambda: bool(executors(place)), seconds=200)
    worker.stop("The test has seen enough.")
    working.join(100)

    assert not working.is_alive()
    assert shop.get(run_id).job.error == "The test has seen enough."
    until(lambda: not executors(place), seconds=200)
    assert shop.leftovers() == []


def test_a_cluster_that_is_not_there_is_told_by_its_name(shop: Catalog):
    shop.settings = replace(shop.settings, clusters=ClusterSettings({"big": "spark://127.0.0.1:9"}))
    run = shop.run("parent", dataflow="traps", **on("big"))

    assert "The cluster 'big' was not reached within 20 seconds" in run.job.error
    assert "127.0.0.1" not in run.job.error + run.log


def test_a_cluster_without_workers_is_told(shop: Catalog, tmp_path: Path):
    with spark_cluster(tmp_path, has_worker=False) as empty:
        shop.settings = replace(shop.settings, clusters=_named(empty))
        run = shop.run("parent", dataflow="traps", **on("big"))

    assert "The cluster 'big' gave no executor within 60 seconds. It may have no workers" in run.job.error
    assert empty not in run.job.error + run.log
