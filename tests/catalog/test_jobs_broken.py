"""Workers that are killed, frozen, cut off from their database, or whose disk is full."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from headwater_catalog import execution, jobs
from headwater_catalog.demo.synthetic import init_synthetic
from headwater_catalog.jobs import Outcome, State
from headwater_catalog.mirror_lock import writing
from headwater_catalog.repositories import add_repository, get_repository, mirror_path
from headwater_catalog.sandbox import Limits
from headwater_catalog.scan_requests import request_scan
from headwater_catalog.store.models import DatasetVersion, Job, JobAttempt, Repository
from headwater_catalog.worker import Worker
from support.git_repo import GitRepo
from support.processes import working_in
from support.run_catalog import Catalog, make_catalog, make_repository
from support.worker_process import Workers, until

# Features that tell that they have begun, and go on when a file is there.
_FEATURES = """
import os, time
from pathlib import Path
import pandas as pd

def _wait() -> None:
    Path.home().joinpath("begun").touch()
    while not Path.home().joinpath("go").exists():
        time.sleep(0.02)

def slow() -> int:
    _wait()
    return 7

def column() -> pd.Series:
    _wait()
    return pd.Series([1.0, 2.0, 3.0])

def wide() -> pd.Series:
    return pd.Series(range(3_000_000)).sample(frac=1, random_state=1) ** 0.5
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    git_repo.write("features/traps.py", _FEATURES)
    git_repo.commit("Add features that wait")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def workers(catalog: Catalog) -> Iterator[Workers]:
    started = Workers(catalog.settings)
    yield started
    started.end()


def begun(catalog: Catalog) -> Path:
    """Wait until the feature is being computed, and return the folder in which it works."""
    runs = catalog.settings.home / "work"
    until(lambda: any(runs.glob("run-*/*/begun")))
    return next(runs.glob("run-*/*/begun")).parent


def go_on(folder: Path) -> None:
    (folder / "go").touch()


def lapse(catalog: Catalog, job_id: int) -> None:
    """Let a lease be over, as it is when time has passed."""
    with catalog.database.write() as session:
        jobs.get_job(session, job_id).leased_until = 1


def take_back(catalog: Catalog, job_id: int) -> None:
    """Be the other worker that finds the lapsed lease."""
    lapse(catalog, job_id)
    assert jobs.release_expired(catalog.database) == [job_id]


def outcomes(catalog: Catalog, job_id: int) -> list[str | None]:
    with catalog.database.read() as session:
        return [attempt.outcome for attempt in jobs.attempts_of(session, [job_id])[job_id]]


def saved(catalog: Catalog) -> list[Path]:
    return [path for path in (catalog.settings.home / "datasets").rglob("*") if path.is_file()]


def versions(catalog: Catalog) -> int:
    with catalog.database.read() as session:
        return session.scalar(select(func.count(DatasetVersion.id))) or 0


def queue_scan(catalog: Catalog, name: str) -> int:
    with catalog.database.write() as session:
        return request_scan(session, get_repository(session, name), "tester", 0).id


def big_repository(catalog: Catalog, folder: Path, features: int = 40) -> None:
    """Follow a repository whose scan takes several batches."""
    init_synthetic(folder / "big", features=features, commits=600)
    with catalog.database.write() as session:
        add_repository(session, "big", str(folder / "big"), 0)


def position(catalog: Catalog, name: str) -> int:
    with catalog.database.read() as session:
        return get_repository(session, name).scanned_position


def test_a_worker_killed_in_the_middle_of_a_run_leaves_a_failed_run_and_nothing_else(
    catalog: Catalog, workers: Workers, tmp_path: Path
):
    run_id, job_id = catalog.request("column", dataflow="traps", save="parquet")
    process = workers.start()
    folder = begun(catalog)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not working_in(folder))
    lapse(catalog, job_id)
    Worker(catalog.database, catalog.settings).run(once=True)
    job = catalog.job(job_id)

    assert (job.state, job.error, job.attempts) == (State.FAILED, jobs.WORKER_LOST, 1)
    assert outcomes(catalog, job_id) == [Outcome.LOST]
    assert catalog.get(run_id).nodes == []
    assert (versions(catalog), saved(catalog), catalog.leftovers()) == (0, [], [])


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_of_a_scan_is_followed_by_one_that_goes_on_from_there(
    catalog: Catalog, workers: Workers, tmp_path: Path
):
    big_repository(catalog, tmp_path, features=100)
    job_id = queue_scan(catalog, "big")
    process = workers.start()
    until(lambda: catalog.job(job_id).progress.get("done", 0) > 0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = position(catalog, "big")
    lapse(catalog, job_id)
    Worker(catalog.database, catalog.settings).run(once=True)

    assert 0 < reached < 599
    assert catalog.job(job_id).state == State.SUCCEEDED
    assert outcomes(catalog, job_id) == [Outcome.LOST, State.SUCCEEDED]
    assert position(catalog, "big") == 599


def test_what_a_worker_writes_of_a_run_is_refused_when_it_was_frozen_past_its_lease(
    catalog: Catalog, workers: Workers, tmp_path: Path
):
    run_id, job_id = catalog.request("column", dataflow="traps", save="parquet")
    process = workers.start()
    folder = begun(catalog)
    process.send_signal(signal.SIGSTOP)
    take_back(catalog, job_id)
    before = catalog.job(job_id)
    go_on(folder)
    process.send_signal(signal.SIGCONT)
    _, later = catalog.request("holiday_count")
    until(lambda: catalog.job(later).state == State.SUCCEEDED)  # it is done with the other one by then
    after = catalog.job(job_id)

    assert process.poll() is None
    assert (after.state, after.error, after.fence) == (State.FAILED, jobs.WORKER_LOST, before.fence)
    assert after.finished_at == before.finished_at
    assert outcomes(catalog, job_id) == [Outcome.LOST]
    assert catalog.get(run_id).nodes == []
    assert (versions(catalog), saved(catalog)) == (0, [])
    until(lambda: catalog.leftovers() == [])  # the worker tidies after it has said how a run ended


def test_a_worker_frozen_in_a_scan_past_its_lease_ends_it_no_more(
    catalog: Catalog, workers: Workers, tmp_path: Path
):
    with catalog.database.read() as session:
        mirror = mirror_path(catalog.settings, get_repository(session, "shop"))
    job_id = queue_scan(catalog, "shop")
    with writing(mirror):  # the scan has begun, and waits
        process = workers.start()
        until(lambda: catalog.job(job_id).progress != {})
        process.send_signal(signal.SIGSTOP)
        take_back(catalog, job_id)
    with catalog.database.write() as session:
        jobs.cancel(session, job_id, "ana")
    process.send_signal(signal.SIGCONT)
    _, later = catalog.request("holiday_count")
    until(lambda: catalog.job(later).state == State.SUCCEEDED)
    job = catalog.job(job_id)

    assert (job.state, job.error) == (State.CANCELLED, "Cancelled by ana.")
    assert outcomes(catalog, job_id) == [Outcome.LOST]


@pytest.fixture
def postgres_catalog(postgres_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    git_repo.write("features/traps.py", _FEATURES)
    git_repo.commit("Add features that wait")
    made = make_catalog(postgres_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


def cut_off(catalog: Catalog) -> int:
    """End every connection to the database but the own one, and return how many there were."""
    ended = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with catalog.database.engine.connect() as connection:
        return int(connection.execute(text(ended)).scalar_one())


def test_a_run_outlives_the_loss_of_its_connections(postgres_catalog: Catalog, tmp_path: Path):
    workers = Workers(postgres_catalog.settings)
    try:
        _, job_id = postgres_catalog.request("slow", dataflow="traps")
        workers.start()
        folder = begun(postgres_catalog)
        for _ in range(5):
            cut_off(postgres_catalog)
        go_on(folder)
        until(lambda: postgres_catalog.job(job_id).state in jobs.FINISHED)
    finally:
        workers.end()

    assert (postgres_catalog.job(job_id).state, postgres_catalog.job(job_id).error) == (State.SUCCEEDED, None)
    assert outcomes(postgres_catalog, job_id) == [State.SUCCEEDED]


@pytest.mark.slow
def test_a_scan_whose_connection_is_lost_while_it_writes_goes_on_in_another_attempt(
    postgres_catalog: Catalog, tmp_path: Path
):
    big_repository(postgres_catalog, tmp_path, features=200)  # so that writing takes a while
    job_id = queue_scan(postgres_catalog, "big")
    workers = Workers(postgres_catalog.settings)
    writes = (
        "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid "
        "WHERE l.relation = 'feature_version'::regclass AND l.mode = 'RowExclusiveLock'"
    )

    def cut_writer() -> bool:
        with postgres_catalog.database.engine.connect() as connection:
            return bool(connection.execute(text(writes)).scalar_one())

    try:
        workers.start()
        until(cut_writer)
        until(lambda: postgres_catalog.job(job_id).state in jobs.FINISHED)
    finally:
        workers.end()

    assert postgres_catalog.job(job_id).state == State.SUCCEEDED
    assert outcomes(postgres_catalog, job_id) == [Outcome.LOST, State.SUCCEEDED]
    with postgres_catalog.database.read() as session:
        lost = jobs.attempts_of(session, [job_id])[job_id][0]
    assert "The database failed" in (lost.reason or "")
    assert position(postgres_catalog, "big") == 599


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of twelve megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("A small disk is made only by root, where mounting is allowed.")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(b"\1" * 65536)
                file.flush()
        except OSError:
            return ballast


def test_a_full_disk_fails_a_run_with_the_reason_and_leaves_no_half_file(
    catalog_url: str, git_repo: GitRepo, small_disk: Path, tmp_path: Path
):
    make_repository(git_repo)
    git_repo.write("features/traps.py", _FEATURES)
    git_repo.commit("Add features that wait")
    catalog = make_catalog(catalog_url, git_repo, small_disk / "home")
    try:
        run = catalog.run("wide", dataflow="traps", save="parquet", limits=Limits(spare_disk=0))

        assert run.job.state == State.FAILED
        assert re.search("No space left|no room left", run.job.error or ""), run.job.error
        assert outcomes(catalog, run.job_id) == [State.FAILED]
        assert (versions(catalog), saved(catalog), catalog.leftovers()) == (0, [], [])
        # What needs less room goes on as before.
        small = catalog.run("holiday_count", limits=Limits(spare_disk=0))
        assert small.job.state == State.SUCCEEDED
    finally:
        catalog.database.dispose()


def test_a_full_disk_fails_a_scan_with_the_reason_and_the_next_one_reads_all(
    catalog_url: str, git_repo: GitRepo, small_disk: Path
):
    make_repository(git_repo)
    catalog = make_catalog(catalog_url, git_repo, small_disk / "home")
    try:
        git_repo.write("data/noise.bin", os.urandom(400_000))
        git_repo.commit("Add noise")
        ballast = fill(small_disk)
        job_id = queue_scan(catalog, "shop")
        Worker(catalog.database, catalog.settings).perform_next(job_id)
        failed = catalog.job(job_id)
        ballast.unlink()
        again = queue_scan(catalog, "shop")
        Worker(catalog.database, catalog.settings).run(once=True)

        assert failed.state == State.FAILED
        assert "No space left" in (failed.error or ""), failed.error
        assert catalog.job(again).state == State.SUCCEEDED
        assert position(catalog, "shop") == 1
    finally:
        catalog.database.dispose()


@pytest.mark.slow
def test_a_database_on_a_full_disk_ends_its_jobs_when_there_is_room_again(
    sqlite_catalog_url: str, git_repo: GitRepo, small_disk: Path, tmp_path: Path
):
    make_repository(git_repo)
    git_repo.write("features/traps.py", _FEATURES)
    git_repo.commit("Add features that wait")
    shutil.copy(sqlite_catalog_url.removeprefix("sqlite:///"), small_disk / "headwater.db")
    url = f"sqlite:///{small_disk / 'headwater.db'}"
    catalog = make_catalog(url, git_repo, tmp_path / "home")
    workers = Workers(catalog.settings)
    try:
        run_id, job_id = catalog.request("slow", dataflow="traps")
        workers.start()
        folder = begun(catalog)
        ballast = fill(small_disk)
        go_on(folder)
        until(lambda: catalog.leftovers() == [])  # the work is done, and could not be written
        ballast.unlink()
        until(lambda: catalog.job(job_id).state in jobs.FINISHED)
        job = catalog.job(job_id)

        if job.state == State.FAILED:
            assert "The database failed" in (job.error or "")
            assert outcomes(catalog, job_id) == [Outcome.LOST]
        else:  # the end of the run still found room in the log of the database
            assert [node.name for node in catalog.get(run_id).nodes] == ["slow"]
            assert outcomes(catalog, job_id) == [State.SUCCEEDED]
    finally:
        workers.end()
        catalog.database.dispose()


@pytest.mark.slow
def test_two_workers_racing_for_two_hundred_jobs_lose_none_and_do_none_twice(
    catalog: Catalog, workers: Workers
):
    """A job of an unknown kind takes no time and always fails; every fortieth is a real run."""
    with catalog.database.write() as session:
        shop = session.scalars(select(Repository.id)).one()
        queued = [jobs.enqueue(session, "bake", {}, shop, "tester", 0).id for _ in range(195)]
    runs = [catalog.request("holiday_count")[1] for _ in range(5)]
    workers.work_off(2)
    with catalog.database.read() as session:
        ended = session.scalars(select(Job)).all()
        attempts = session.scalars(select(JobAttempt)).all()

    assert sorted(job.id for job in ended) == sorted([*queued, *runs])
    assert {job.state for job in ended if job.id in runs} == {State.SUCCEEDED}
    assert {job.error for job in ended if job.id in queued} == {"No worker knows jobs of the kind 'bake'."}
    assert sorted(attempt.job_id for attempt in attempts) == sorted([*queued, *runs])
    assert {attempt.outcome for attempt in attempts} == {State.SUCCEEDED, State.FAILED}
    assert {job.fence for job in ended} == {1}
    assert len({attempt.worker for attempt in attempts}) == 2
    execution.sweep(catalog.database, catalog.settings)
    assert catalog.leftovers() == []
