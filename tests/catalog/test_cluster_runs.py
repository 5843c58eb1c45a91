"""Runs on a real cluster of Dask: the same as on the machine of the worker, and nothing is left there."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from headwater_catalog import jobs
from headwater_catalog.cluster_settings import ClusterSettings
from headwater_catalog.datasets import file_of, version_of_run
from headwater_catalog.limits import Limits
from headwater_catalog.repositories import get_repository, list_repositories, resolve_at, set_trust
from headwater_catalog.run_executors import EXECUTORS
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Run
from headwater_catalog.worker import Worker
from support.compiled_shop import make_compiled_shop, saved
from support.dask_cluster import local_cluster
from support.demo_catalog import make_demo_catalog
from support.git_repo import GitRepo
from support.run_catalog import Catalog

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.xdist_group("dask"), pytest.mark.runs]

_TRAPS = """
    import os, time
    import pandas as pd

    def parent(signups: pd.Series) -> int:
        print("looking for the parent")
        return os.getppid()

    def endless(signups: pd.Series) -> int:
        time.sleep(600)
        return 1

    def deadly(signups: pd.Series) -> int:
        os._exit(1)

    def broken(signups: pd.Series) -> float:
        return 1 / 0

    def changed(ratio: pd.Series, signups: pd.Series) -> pd.Series:
        ratio["2026-01-05"] = 0.0
        return ratio + signups

    def lazily(signups: pd.Series) -> int:
        from features.constants import ANSWER
        return ANSWER
"""

_PROJECT = """
    [tool.headwater.dataflows.traps]
    modules = ["features.load", "features.traps"]
    [tool.headwater.dataflows.traps.sources]
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
    made = make_compiled_shop(sqlite_catalog_url, git_repo, tmp_path)
    git_repo.write("features/traps.py", dedent(_TRAPS))
    git_repo.write("features/constants.py", "ANSWER = 42\n")
    project = git_repo.path / "pyproject.toml"
    git_repo.write("pyproject.toml", project.read_text() + dedent(_PROJECT))
    git_repo.commit("Add traps")
    scan(made.database, made.settings, "shop")
    with made.database.write() as session:
        set_trust(get_repository(session, "shop"), True)
    made.settings = replace(made.settings, clusters=_named(client))
    yield made
    made.database.dispose()


def _named(client: Any) -> ClusterSettings:
    return ClusterSettings({"big": client.scheduler.address.replace("tcp://", "dask://")})


def _on(executor: str, **more: Any) -> dict[str, Any]:
    return {"options": RunOptions(executor=executor, **more)}


def _facts(run: Run) -> dict[str, Any]:
    """Return what a run records, but for times and the order of what runs side by side."""
    return {
        "nodes": Counter((node.name, node.summary, node.kept_from) for node in run.nodes),
        "profiles": {node.name: node.profile for node in run.nodes},
        "checks": Counter((check.node, check.validator, check.passed, check.message) for check in run.checks),
        "preview": run.preview,
        "inputs": run.inputs,
        "prints": sorted(run.log.splitlines()),
    }


def test_every_executor_makes_the_same_dataset_and_record(shop: Catalog):
    runs = {
        name: shop.run(dataflow="sales", save="csv", **_on(name, use_kept=False, profile=True))
        for name in ("threads", "processes", "big")
    }
    assert {name: run.job.error for name, run in runs.items()} == dict.fromkeys(runs)

    assert len({hashlib.sha256(saved(shop, run)).hexdigest() for run in runs.values()}) == 1
    assert _facts(runs["big"]) == _facts(runs["threads"]) == _facts(runs["processes"])
    assert runs["big"].executor == "big"


def test_the_dataset_of_the_demo_is_the_same_on_every_executor(client: Any, tmp_path: Path):
    settings = replace(make_demo_catalog(tmp_path / "home"), clusters=_named(client))
    database = Database(settings.database_url)
    runs, digests = [], set()
    for executor in (*EXECUTORS, "big"):
        with database.write() as session:
            [repository] = list_repositories(session)
            set_trust(repository, True)
            commit = resolve_at(session, settings, repository, None)
            asked = ("marketing", (), {}, {}, "csv", "tester", 1_700_000_000)
            options = RunOptions(executor=executor, use_kept=False)
            run = request_run(session, settings, repository, commit, *asked, options=options)
            number, job = run.id, run.job_id
        Worker(database, settings).perform_next(job)
        with database.read() as session:
            run, version = get_run(session, number), version_of_run(session, number)
            assert version is not None, run.job.error
            digests.add(hashlib.sha256(file_of(settings, version).read_bytes()).hexdigest())
            runs.append(_facts(run))
    database.dispose()

    assert len(digests) == 1
    assert len(runs) == 4 and all(run == runs[0] for run in runs)


def test_prints_come_home_and_addresses_do_not(shop: Catalog, client: Any):
    run = shop.run("parent", dataflow="traps", **_on("big"))
    here = shop.run("parent", dataflow="traps", **_on("threads", use_kept=False))

    assert run.job.error is None, run.log
    assert run.preview["values"] != here.preview["values"]  # another process computed it
    assert run.log == here.log == "looking for the parent\n"


def test_values_computed_there_are_kept_for_runs_anywhere(shop: Catalog):
    first = shop.run("centred", dataflow="sales", **_on("big"))
    there = shop.run("centred", "ratio", dataflow="sales", **_on("big"))
    here = shop.run("ratio", dataflow="sales", **_on("threads"))

    assert first.job.error is there.job.error is here.job.error is None
    assert {node.name: node.kept_from for node in here.nodes} == {"ratio": first.id}
    assert {node.name for node in there.nodes if node.kept_from == first.id} >= {"ratio"}


def test_nothing_is_kept_of_a_run_that_changes_what_it_is_given(shop: Catalog):
    shop.run("changed", dataflow="traps", **_on("big"))
    again = shop.run("changed", "ratio", dataflow="traps", **_on("synchronous"))

    assert {node.kept_from for node in again.nodes} == {None}


def test_each_commit_has_its_own_code_there(shop: Catalog, git_repo: GitRepo, client: Any):
    before = shop.run("lazily", dataflow="traps", **_on("big"))
    git_repo.write("features/constants.py", "ANSWER = 43\n")
    git_repo.commit("Change the answer")
    scan(shop.database, shop.settings, "shop")
    after = shop.run("lazily", dataflow="traps", **_on("big", use_kept=False))

    assert [run.preview["values"][0]["text"] for run in (before, after)] == ["42", "43"]
    assert _modules(client) == set()


def test_failures_name_the_node_and_the_cluster(shop: Catalog, client: Any):
    broken = shop.run("broken", dataflow="traps", **_on("big"))
    deadly = shop.run("deadly", dataflow="traps", **_on("big"))

    assert "ZeroDivisionError" in broken.job.error
    assert "'deadly'" in deadly.job.error and "died" in deadly.job.error
    for run in (broken, deadly):
        assert "the cluster 'big'" in run.job.error
        assert client.scheduler.address.partition("://")[2] not in run.job.error + run.log


@pytest.mark.parametrize("why", ["cancelled", "late"])
def test_what_is_ended_here_is_ended_there(shop: Catalog, client: Any, why: str):
    limits = replace(Limits(), wall_seconds=12 if why == "late" else 120)
    run_id, job_id = shop.request("endless", dataflow="traps", **_on("big"))
    worker = Worker(shop.database, shop.settings, limits=limits, lease_seconds=4)
    working = threading.Thread(target=worker.perform_next, args=(job_id,))
    working.start()
    _until(lambda: any(_active(client)))
    if why == "cancelled":
        with shop.database.write() as session:
            jobs.cancel(session, job_id, "ana")
    working.join(100)
    ended = shop.get(run_id)

    assert not working.is_alive()
    assert ended.job.state == ("cancelled" if why == "cancelled" else "failed")
    _until(lambda: not any(_active(client)))
    assert shop.leftovers() == []


def test_a_cluster_that_is_not_there_is_told_by_its_name(shop: Catalog):
    shop.settings = replace(shop.settings, clusters=ClusterSettings({"big": "dask://127.0.0.1:9"}))
    begun = time.monotonic()
    run = shop.run("parent", dataflow="traps", **_on("big"))

    assert time.monotonic() - begun < 60
    assert "The cluster 'big' was not reached within 20 seconds" in run.job.error
    assert "127.0.0.1" not in run.job.error + run.log


def test_workers_with_other_packages_are_refused(shop: Catalog):
    with local_cluster(workers=1) as client:
        shop.settings = replace(shop.settings, clusters=_named(client))
        client.run(_pretend_older_pandas)
        run = shop.run("parent", dataflow="traps", **_on("big"))

    assert "A worker has other packages than this process: pandas 0.1 (here" in run.job.error
    assert "the cluster 'big'" in run.job.error


def test_a_cluster_that_goes_away_ends_the_run(shop: Catalog):
    with local_cluster(workers=1) as client:
        shop.settings = replace(shop.settings, clusters=_named(client))
        run_id, job_id = shop.request("endless", dataflow="traps", **_on("big"))
        worker = Worker(shop.database, shop.settings)
        working = threading.Thread(target=worker.perform_next, args=(job_id,))
        working.start()
        _until(lambda: any(_active(client)))
    working.join(120)
    ended = shop.get(run_id)

    assert not working.is_alive()
    assert ended.job.state == "failed" and "the cluster 'big'" in ended.job.error


def _until(holds: Any) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def _active(client: Any) -> list[int]:
    return list(client.run(_count_active, on_error="ignore").values())


def _count_active(dask_worker: Any) -> int:
    return len(list(dask_worker.active_keys))


def _modules(client: Any) -> set[str]:
    return {name for names in client.run(_names_of_features).values() for name in names}


def _names_of_features() -> list[str]:
    import sys

    return [name for name in sys.modules if name.partition(".")[0] == "features"]


def _pretend_older_pandas() -> None:
    """Put a description of another version before that of the package that is there."""
    import sys
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp())
    (folder / "pandas-0.1.dist-info").mkdir()
    (folder / "pandas-0.1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pandas\nVersion: 0.1\n"
    )
    sys.path.insert(0, str(folder))
