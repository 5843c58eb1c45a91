"""The worker: what becomes of jobs when all goes well, and when it or its server is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater_catalog import execution, jobs
from headwater_catalog.jobs import State
from headwater_catalog.store.models import Job
from headwater_catalog.worker import Worker, start_child
from support.git_repo import GitRepo
from support.processes import working_in
from support.run_catalog import Catalog, make_catalog, make_repository

SLOW = """
from pathlib import Path
import time

def slow() -> int:
    Path.home().joinpath("begun").touch()
    time.sleep(600)
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    # A feature that tells that it has begun, and then takes its time.
    git_repo.write("features/traps.py", SLOW)
    git_repo.commit("Add a slow feature")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def child(catalog: Catalog) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(start_child(catalog.settings))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def queue(catalog: Catalog, kind: str, **payload: str) -> int:
    with catalog.database.write() as session:
        return jobs.enqueue(session, kind, payload, None, "tester", 0).id


def feature_processes(catalog: Catalog) -> list[int]:
    """Return the processes of a run that has begun; of one that has not, an empty list."""
    place = catalog.settings.home / "work"
    return working_in(place) if any(place.glob("run-*/own/begun")) else []


def test_a_worker_performs_what_is_queued_and_ends(catalog: Catalog):
    runs = [catalog.request("holiday_count") for _ in range(2)]
    scanned = queue(catalog, "scan", repository="shop")
    Worker(catalog.database, catalog.settings).run(once=True)

    assert [catalog.job(job_id).state for _, job_id in runs] == [State.SUCCEEDED] * 2
    assert catalog.job(scanned).state == State.SUCCEEDED


def test_a_scan_job_reads_what_is_new(catalog: Catalog, git_repo: GitRepo):
    git_repo.write("features/holidays.py", "def bank_days() -> int:\n    return 8\n")
    git_repo.commit("Count bank days")
    queue(catalog, "scan", repository="shop")
    Worker(catalog.database, catalog.settings).run(once=True)

    assert catalog.run("bank_days").job.state == State.SUCCEEDED


def test_a_job_that_cannot_be_done_fails_with_the_reason(catalog: Catalog):
    unknown, missing = queue(catalog, "bake"), queue(catalog, "scan", repository="shoop")
    Worker(catalog.database, catalog.settings).run(once=True)

    assert "kind 'bake'" in (catalog.job(unknown).error or "")
    assert "Did you mean 'shop'" in (catalog.job(missing).error or "")


def test_a_killed_worker_is_told_as_the_reason_and_its_run_is_not_repeated(
    catalog: Catalog, child: Callable[[], subprocess.Popen[bytes]]
):
    _, job_id = catalog.request("slow")
    process = child()
    until(lambda: bool(feature_processes(catalog)))
    process.kill()
    process.wait()
    until(lambda: not feature_processes(catalog))
    lapse(catalog, job_id)
    Worker(catalog.database, catalog.settings).run(once=True)
    job = catalog.job(job_id)

    assert (job.state, job.attempts) == (State.FAILED, 1)
    assert "worker was lost" in (job.error or "")
    execution.sweep(catalog.database, catalog.settings)
    assert catalog.leftovers() == []


def lapse(catalog: Catalog, job_id: int) -> None:
    with catalog.database.write() as session:
        session.get_one(Job, job_id).leased_until = 1


def test_a_lease_is_renewed_while_the_run_goes_on(catalog: Catalog):
    _, job_id = catalog.request("slow")
    worker = Worker(catalog.database, catalog.settings, lease_seconds=2)
    thread = threading.Thread(target=worker.perform_next)
    thread.start()
    try:
        until(lambda: bool(feature_processes(catalog)))
        first = catalog.job(job_id).leased_until
        assert first is not None
        until(lambda: (catalog.job(job_id).leased_until or 0) > first + 2)
        assert jobs.release_expired(catalog.database) == []
    finally:
        worker.stop("Enough.")
        thread.join()
    assert (catalog.job(job_id).state, catalog.job(job_id).error) == (State.FAILED, "Enough.")


def test_a_running_run_can_be_cancelled(catalog: Catalog):
    _, job_id = catalog.request("slow")
    thread = threading.Thread(target=Worker(catalog.database, catalog.settings).perform_next)
    thread.start()
    until(lambda: bool(feature_processes(catalog)))
    with catalog.database.write() as session:
        jobs.cancel(session, job_id, "ana")
    thread.join(30)

    assert not thread.is_alive() and not feature_processes(catalog)
    assert catalog.job(job_id).error == "Cancelled by ana."
    assert catalog.leftovers() == []


def test_a_stopped_worker_says_so_on_its_run_and_ends_cleanly(
    catalog: Catalog, child: Callable[[], subprocess.Popen[bytes]]
):
    _, job_id = catalog.request("slow")
    process = child()
    until(lambda: bool(feature_processes(catalog)))
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 0
    assert not feature_processes(catalog)
    assert catalog.job(job_id).error == "The worker was stopped by SIGTERM."
    assert catalog.leftovers() == []


def test_a_worker_ends_with_the_server_that_started_it(
    catalog: Catalog, child: Callable[[], subprocess.Popen[bytes]]
):
    process = child()
    _, job_id = catalog.request("holiday_count")
    until(lambda: catalog.job(job_id).state == State.SUCCEEDED)
    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(30) == 0


def test_the_ctrl_c_of_a_terminal_does_not_reach_the_worker_of_a_server(
    child: Callable[[], subprocess.Popen[bytes]],
):
    process = child()

    assert os.getpgid(process.pid) == process.pid


def test_a_stopped_worker_gives_a_scan_back(catalog: Catalog):
    job_id = queue(catalog, "scan", repository="shop")
    worker = Worker(catalog.database, catalog.settings)
    leased = jobs.lease(catalog.database, "w")
    assert leased is not None
    worker.stop()
    worker.perform(leased)
    job = catalog.job(job_id)

    assert (job.state, job.attempts) == (State.QUEUED, 0)


def test_a_worker_starts_without_heavy_imports():
    code = "import headwater_catalog.worker, sys; print({'pandas', 'flask'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
