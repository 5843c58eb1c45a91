"""Runs on a real cluster of Ray: the same as on the machine of the worker, and nothing is left there."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater_catalog.cluster_settings import ClusterSettings
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
from support.git_repo import GitRepo
from support.ray_programs import RayProgram, ray_program
from support.run_catalog import Catalog
from support.worker_process import until

pytestmark = [
    *(pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("ray"), pytest.mark.runs),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def program() -> Iterator[RayProgram]:
    """Give a cluster."""
    with ray_program() as program:
        yield program


@pytest.fixture
def shop(
    sqlite_catalog_url: str,
    git_repo: GitRepo,
    tmp_path: Path,
    program: RayProgram,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Catalog]:
    """Give a trusted repository whose runs may use the cluster `big`, of which the worker has the token."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", program.token)
    made = make_cluster_shop(sqlite_catalog_url, git_repo, tmp_path, _named(program.place))
    yield made
    made.database.dispose()


def _named(place: str) -> ClusterSettings:
    return ClusterSettings({"big": f"ray://{place}"})


def test_the_dataset_of_the_demo_is_the_same(
    program: RayProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAY_AUTH_TOKEN", program.token)
    here, there = demo_runs(tmp_path / "home", _named(program.place), ("threads", "big"))

    assert here == there


def test_records_are_the_same_and_values_are_kept(shop: Catalog):
    asked: dict[str, Any] = {"dataflow": "sales", "save": "csv"}
    here = shop.run(**asked, **on("threads", use_kept=False, profile=True))
    there = shop.run(**asked, **on("big", profile=True))
    again = shop.run("ratio", dataflow="sales", **on("threads"))

    assert there.job.error is None, there.log
    assert hashlib.sha256(saved(shop, there)).digest() == hashlib.sha256(saved(shop, here)).digest()
    assert facts(there) == facts(here)
    assert {node.name: node.kept_from for node in again.nodes} == {"ratio": there.id}


def test_prints_come_home(shop: Catalog):
    there = shop.run("parent", dataflow="traps", **on("big"))
    here = shop.run("parent", dataflow="traps", **on("threads", use_kept=False))

    assert there.job.error is None, there.log
    assert there.preview["values"] != here.preview["values"]  # another process computed it
    assert there.log == here.log == "looking for the parent\n"


def test_the_token_of_the_cluster_is_not_told(shop: Catalog, program: RayProgram):
    run = shop.run("around", dataflow="traps", **on("big"))

    assert run.job.error is None
    assert run.log == "the token is ...\n"


def test_each_commit_has_its_own_code_there_also_side_by_side(
    shop: Catalog, git_repo: GitRepo, program: RayProgram
):
    before = shop.run("lazily", dataflow="traps", **on("big"))
    _, beside = shop.request("endless", dataflow="traps", **on("big"))
    worker = Worker(shop.database, shop.settings)
    working = threading.Thread(target=worker.perform_next, args=(beside,))
    working.start()
    until(lambda: bool(program.active()))
    git_repo.write("features/constants.py", "ANSWER = 43\n")
    git_repo.commit("Change the answer")
    scan(shop.database, shop.settings, "shop")
    after = shop.run("lazily", dataflow="traps", **on("big", use_kept=False))
    still = program.active()
    worker.stop("The test has seen enough.")
    working.join(100)

    assert still and not working.is_alive()
    assert [run.preview["values"][0]["text"] for run in (before, after)] == ["42", "43"]


def test_failures_name_the_node_and_the_cluster(shop: Catalog, program: RayProgram):
    broken, deadly = require_failures_told(shop, program.place)

    assert "died" in deadly.job.error
    assert broken.log == deadly.log == ""


@pytest.mark.parametrize("why", ["cancelled", "late"])
def test_what_is_ended_here_is_ended_there(shop: Catalog, program: RayProgram, why: str):
    end_in_the_midst(shop, why, 45 if why == "late" else 200, lambda: bool(program.active()))


def test_a_cluster_that_is_not_there_is_told_by_its_name(shop: Catalog):
    shop.settings = replace(shop.settings, clusters=_named("127.0.0.1:9"))
    run = shop.run("parent", dataflow="traps", **on("big"))

    assert "The cluster 'big' was not reached within 20 seconds" in run.job.error
    assert "127.0.0.1" not in run.job.error + run.log


def test_a_cluster_that_asks_for_another_token_is_told(
    shop: Catalog, program: RayProgram, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-elsewhere")
    run = shop.run("parent", dataflow="traps", **on("big"))

    assert "The cluster 'big' answers, but takes no client" in run.job.error
    assert "RAY_AUTH_TOKEN" in run.job.error
    assert "of-elsewhere" not in run.job.error + run.log and program.place not in run.job.error + run.log

    own = replace(_named(program.place), cluster_tokens={"big": program.token})
    shop.settings = replace(shop.settings, clusters=own)
    run = shop.run("around", dataflow="traps", **on("big"))
    assert (run.job.error, run.log) == (None, "the token is ...\n")


def test_a_cluster_that_goes_away_ends_the_run(shop: Catalog, monkeypatch: pytest.MonkeyPatch):
    with ray_program(cpus=1) as program:
        monkeypatch.setenv("RAY_AUTH_TOKEN", program.token)
        shop.settings = replace(shop.settings, clusters=_named(program.place))
        run_id, job_id = shop.request("endless", dataflow="traps", **on("big"))
        worker = Worker(shop.database, shop.settings)
        working = threading.Thread(target=worker.perform_next, args=(job_id,))
        working.start()
        until(lambda: bool(program.active()))
    working.join(120)
    ended = shop.get(run_id)

    assert not working.is_alive()
    assert ended.job.state == "failed" and "the cluster 'big'" in ended.job.error
    assert "The connection to the Ray cluster was lost" in ended.job.error
    assert "127.0.0.1" not in ended.job.error and ended.log == ""


def test_a_cluster_without_workers_is_told(shop: Catalog, monkeypatch: pytest.MonkeyPatch):
    with ray_program(cpus=0) as program:
        monkeypatch.setenv("RAY_AUTH_TOKEN", program.token)
        shop.settings = replace(shop.settings, clusters=_named(program.place))
        run = shop.run("parent", dataflow="traps", **on("big"))

    assert "The cluster 'big' has no workers" in run.job.error
