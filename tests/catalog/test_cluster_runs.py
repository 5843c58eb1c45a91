"""Runs on a real cluster of Dask: the same as on the machine of the worker, and nothing is left there."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater_catalog.cluster_settings import ClusterSettings
from headwater_catalog.run_executors import EXECUTORS
from headwater_catalog.scan import scan
from headwater_catalog.worker import Worker
from support.cluster_shop import (
    demo_runs,
    end_in_the_midst,
    facts,
    make_cluster_shop,
    on,
    require_failures_told,
)
from support.compiled_shop import saved
from support.dask_cluster import local_cluster
from support.dask_workers import active, modules_of, pretend_older_pandas
from support.git_repo import GitRepo
from support.run_catalog import Catalog
from support.worker_process import until

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("dask"), pytest.mark.runs]

_DOUBLED = """\
import pandas as pd

def doubled(signups: pd.Series) -> pd.Series:
    return signups * 2
"""
_MONTHLY = """
[tool.headwater.dataflows.monthly]
modules = ["features.monthly"]
outputs = ["doubled"]
[tool.headwater.dataflows.monthly.partitions]
key = "month"
every = "month"
from = 2026-01-01
until = 2026-01-31
[tool.headwater.dataflows.monthly.sources]
weekly = { path = "data/weekly.csv", index = "week", dates = ["week"] }
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Give a client of a cluster of two workers."""
    with local_cluster() as client:
        yield client


@pytest.fixture
def shop(sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path, client: Any) -> Iterator[Catalog]:
    """Give a trusted repository whose runs may use the cluster `big`."""
    made = make_cluster_shop(sqlite_catalog_url, git_repo, tmp_path, _named(client))
    yield made
    made.database.dispose()


def _named(client: Any) -> ClusterSettings:
    return ClusterSettings({"big": client.scheduler.address.replace("tcp://", "dask://")})


def test_every_executor_makes_the_same_dataset_and_record(shop: Catalog):
    runs = {
        name: shop.run(dataflow="sales", save="csv", **on(name, use_kept=False, profile=True))
        for name in ("threads", "processes", "big")
    }
    assert {name: run.job.error for name, run in runs.items()} == dict.fromkeys(runs)

    assert len({hashlib.sha256(saved(shop, run)).hexdigest() for run in runs.values()}) == 1
    assert facts(runs["big"]) == facts(runs["threads"]) == facts(runs["processes"])
    assert runs["big"].executor == "big"


def test_the_dataset_of_the_demo_is_the_same_on_every_executor(client: Any, tmp_path: Path):
    runs = demo_runs(tmp_path / "home", _named(client), (*EXECUTORS, "big"))

    assert len({digest for digest, _ in runs}) == 1
    assert all(facts == runs[0][1] for _, facts in runs)


def test_prints_come_home_and_addresses_do_not(shop: Catalog, client: Any):
    run = shop.run("parent", dataflow="traps", **on("big"))
    here = shop.run("parent", dataflow="traps", **on("threads", use_kept=False))

    assert run.job.error is None, run.log
    assert run.preview["values"] != here.preview["values"]  # another process computed it
    assert run.log == here.log == "looking for the parent\n"


def test_values_computed_there_are_kept_for_runs_anywhere(shop: Catalog):
    first = shop.run("centred", dataflow="sales", **on("big"))
    there = shop.run("centred", "ratio", dataflow="sales", **on("big"))
    here = shop.run("ratio", dataflow="sales", **on("threads"))

    assert first.job.error is there.job.error is here.job.error is None
    assert {node.name: node.kept_from for node in here.nodes} == {"ratio": first.id}
    assert {node.name for node in there.nodes if node.kept_from == first.id} >= {"ratio"}


def test_nothing_is_kept_of_a_run_that_changes_what_it_is_given(shop: Catalog):
    shop.run("changed", dataflow="traps", **on("big"))
    again = shop.run("changed", "ratio", dataflow="traps", **on("synchronous"))

    assert {node.kept_from for node in again.nodes} == {None}


def test_partitions_are_computed_there(shop: Catalog, git_repo: GitRepo, client: Any):
    project = (git_repo.path / "pyproject.toml").read_text()
    git_repo.write("pyproject.toml", f"{project}{_MONTHLY}")
    git_repo.write("features/monthly.py", _DOUBLED)
    git_repo.commit("Compute it for each month")
    scan(shop.database, shop.settings, "shop")
    cluster = client.scheduler.address.replace("tcp://", "big=dask://")
    found = shop.headwater("backfill", "monthly", "--executor", "big", "--json", HEADWATER_CLUSTERS=cluster)

    assert found.exit_code == 0, found.output
    computed = json.loads(found.stdout)["computed"]
    assert [(each["day"], each["state"]) for each in computed] == [("2026-01-01", "succeeded")]
    assert shop.get(computed[0]["run"]).executor == "big"


def test_each_commit_has_its_own_code_there(shop: Catalog, git_repo: GitRepo, client: Any):
    before = shop.run("lazily", dataflow="traps", **on("big"))
    git_repo.write("features/constants.py", "ANSWER = 43\n")
    git_repo.commit("Change the answer")
    scan(shop.database, shop.settings, "shop")
    after = shop.run("lazily", dataflow="traps", **on("big", use_kept=False))

    assert [run.preview["values"][0]["text"] for run in (before, after)] == ["42", "43"]
    assert modules_of(client, "features") == set()


def test_failures_name_the_node_and_the_cluster(shop: Catalog, client: Any):
    _, deadly = require_failures_told(shop, client.scheduler.address.partition("://")[2])

    assert "died" in deadly.job.error


@pytest.mark.parametrize("why", ["cancelled", "late"])
def test_what_is_ended_here_is_ended_there(shop: Catalog, client: Any, why: str):
    end_in_the_midst(shop, why, 12 if why == "late" else 120, lambda: any(active(client)))


def test_a_cluster_that_is_not_there_is_told_by_its_name(shop: Catalog):
    shop.settings = replace(shop.settings, clusters=ClusterSettings({"big": "dask://127.0.0.1:9"}))
    begun = time.monotonic()
    run = shop.run("parent", dataflow="traps", **on("big"))

    assert time.monotonic() - begun < 60
    assert "The cluster 'big' was not reached within 20 seconds" in run.job.error
    assert "127.0.0.1" not in run.job.error + run.log


def test_workers_with_other_packages_are_refused(shop: Catalog):
    with local_cluster(workers=1) as client:
        shop.settings = replace(shop.settings, clusters=_named(client))
        client.run(pretend_older_pandas)
        run = shop.run("parent", dataflow="traps", **on("big"))

    assert "A worker has other packages than this process: pandas 0.1 (here" in run.job.error
    assert "the cluster 'big'" in run.job.error


def test_a_cluster_that_goes_away_ends_the_run(shop: Catalog):
    with local_cluster(workers=1) as client:
        shop.settings = replace(shop.settings, clusters=_named(client))
        run_id, job_id = shop.request("endless", dataflow="traps", **on("big"))
        worker = Worker(shop.database, shop.settings)
        working = threading.Thread(target=worker.perform_next, args=(job_id,))
        working.start()
        until(lambda: any(active(client)))
    working.join(120)
    ended = shop.get(run_id)

    assert not working.is_alive()
    assert ended.job.state == "failed" and "the cluster 'big'" in ended.job.error
