"""Trusted repositories whose runs may use a cluster named `big`, and what is to be equal of such runs."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from headwater_catalog import jobs
from headwater_catalog.cluster_settings import ClusterSettings
from headwater_catalog.datasets import file_of, version_of_run
from headwater_catalog.limits import Limits
from headwater_catalog.repositories import get_repository, list_repositories, resolve_at, set_trust
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.scan import scan
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Run
from headwater_catalog.worker import Worker
from support.compiled_shop import make_compiled_shop
from support.demo_catalog import make_demo_catalog
from support.git_repo import GitRepo
from support.run_catalog import Catalog
from support.worker_process import until

_TRAPS = """
    import os, time
    import pandas as pd

    def parent(signups: pd.Series) -> int:
        print("looking for the parent")
        return os.getppid()

    def around(signups: pd.Series) -> int:
        print("the token is", os.environ.get("RAY_AUTH_TOKEN"))
        return len(signups)

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


def make_cluster_shop(url: str, repo: GitRepo, folder: Path, clusters: ClusterSettings) -> Catalog:
    """Make the repository of `compiled_shop`, with a dataflow `traps` beside the others."""
    made = make_compiled_shop(url, repo, folder)
    repo.write("features/traps.py", dedent(_TRAPS))
    repo.write("features/constants.py", "ANSWER = 42\n")
    project = repo.path / "pyproject.toml"
    repo.write("pyproject.toml", project.read_text() + dedent(_PROJECT))
    repo.commit("Add traps")
    scan(made.database, made.settings, "shop")
    with made.database.write() as session:
        set_trust(get_repository(session, "shop"), True)
    made.settings = replace(made.settings, clusters=clusters)
    return made


def demo_runs(home: Path, clusters: ClusterSettings, executors: Iterable[str]) -> list[tuple[str, Any]]:
    """Execute the dataflow of the demo, and return for each executor the digest of the dataset, and facts."""
    settings = replace(make_demo_catalog(home), clusters=clusters)
    database = Database(settings.database_url)
    found = []
    for executor in executors:
        with database.write() as session:
            [repository] = list_repositories(session)
            set_trust(repository, True)
            commit = resolve_at(session, settings, repository, None)
            options = RunOptions(executor=executor, use_kept=False)
            asked = ("marketing", (), {}, {}, "csv", "tester", 1_700_000_000)
            run = request_run(session, settings, repository, commit, *asked, options=options)
            number, job = run.id, run.job_id
        Worker(database, settings).perform_next(job)
        with database.read() as session:
            run, version = get_run(session, number), version_of_run(session, number)
            assert version is not None, run.job.error
            digest = hashlib.sha256(file_of(settings, version).read_bytes()).hexdigest()
            found.append((digest, facts(run)))
    database.dispose()
    return found


def on(executor: str, **more: Any) -> dict[str, Any]:
    return {"options": RunOptions(executor=executor, **more)}


def facts(run: Run) -> dict[str, Any]:
    """Return what a run records, but for times and the order of what runs side by side."""
    names = Counter(node.name for node in run.nodes)
    return {
        "nodes": Counter((node.name, node.summary, node.kept_from) for node in run.nodes),
        # Of a node that is computed several times, that of the first value is kept.
        "profiles": {node.name: node.profile for node in run.nodes if names[node.name] == 1},
        "checks": Counter((check.node, check.validator, check.passed, check.message) for check in run.checks),
        "preview": run.preview,
        "inputs": run.inputs,
        "prints": sorted(run.log.splitlines()),
    }


def require_failures_told(shop: Catalog, place: str) -> tuple[Run, Run]:
    """Make sure that failures on the cluster name the node and the cluster, and not where that is.

    Returns:
        The run of a feature that raises, and that of one that ends its process.
    """
    broken = shop.run("broken", dataflow="traps", **on("big"))
    deadly = shop.run("deadly", dataflow="traps", **on("big"))

    assert "ZeroDivisionError" in broken.job.error
    assert "'deadly'" in deadly.job.error
    for run in (broken, deadly):
        assert "the cluster 'big'" in run.job.error
        assert place not in run.job.error + run.log
    return broken, deadly


def end_in_the_midst(shop: Catalog, why: str, seconds: float, is_active: Callable[[], bool]) -> None:
    """Make sure that a run which is cancelled or late ends here and on the cluster.

    Args:
        shop: The catalog.
        why: "cancelled" or "late".
        seconds: How long the run may take.
        is_active: Tells whether the cluster computes anything.
    """
    run_id, job_id = shop.request("endless", dataflow="traps", **on("big"))
    limits = replace(Limits(), wall_seconds=seconds)
    worker = Worker(shop.database, shop.settings, limits=limits, lease_seconds=4)
    working = threading.Thread(target=worker.perform_next, args=(job_id,))
    working.start()
    until(is_active)
    if why == "cancelled":
        with shop.database.write() as session:
            jobs.cancel(session, job_id, "ana")
    working.join(100)

    assert not working.is_alive()
    assert shop.get(run_id).job.state == ("cancelled" if why == "cancelled" else "failed")
    until(lambda: not is_active())
    assert shop.leftovers() == []
