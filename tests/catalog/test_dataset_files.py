"""Files of datasets whose worker or whose connection is lost: none is left over, and none is lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from headwater_catalog import execution, jobs
from headwater_catalog.dataset_files import sweep_files
from headwater_catalog.datasets import file_of, file_sha256
from headwater_catalog.jobs import State
from headwater_catalog.stamps import SIDECAR
from headwater_catalog.store.database import Database
from headwater_catalog.worker import Worker
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.lost_answers import losing_answers
from support.run_catalog import Catalog, make_catalog, make_repository
from support.worker_process import Workers, until

_FEATURES = """
import time
from pathlib import Path
import pandas as pd

def column() -> pd.Series:
    Path.home().joinpath("begun").touch()
    while not Path.home().joinpath("go").exists():
        time.sleep(0.02)
    return pd.Series([1.0, 2.0, 3.0])
"""


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    git_repo.write("features/traps.py", _FEATURES)
    git_repo.commit("Add a feature that waits")
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.fixture
def workers(catalog: Catalog) -> Iterator[Workers]:
    started = Workers(catalog.settings)
    yield started
    started.end()


def _files(catalog: Catalog) -> list[str]:
    return sorted(path.name for path in (catalog.settings.home / "datasets").rglob("*") if path.is_file())


def _leave(catalog: Catalog, name: str) -> None:
    folder = catalog.settings.home / "datasets" / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("left behind")


@contextmanager
def _nobody_saves(database: Database) -> Iterator[None]:
    """Keep all others from noting a dataset version, while files are put in their place."""
    with database.write() as session:
        session.connection()  # only then it begins, which on SQLite alone does it
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("LOCK TABLE dataset_version IN EXCLUSIVE MODE"))
        yield


def test_a_worker_killed_before_its_file_is_known_leaves_none(catalog: Catalog, workers: Workers):
    _, job_id = catalog.request("column", dataflow="traps", save="csv")
    process = workers.start()
    work = catalog.settings.home / "work"
    until(lambda: any(work.glob("run-*/*/begun")))
    with _nobody_saves(catalog.database):
        (next(work.glob("run-*/*/begun")).parent / "go").touch()
        until(lambda: len(_files(catalog)) == 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    execution.sweep(catalog.database, catalog.settings)
    held = _files(catalog)
    with catalog.database.write() as session:
        jobs.get_job(session, job_id).leased_until = 1
    Worker(catalog.database, catalog.settings).run(once=True)

    assert held == ["traps-1.csv", f"traps-1.csv{SIDECAR}"]  # for as long as the worker might still be there
    assert catalog.job(job_id).state == State.FAILED
    assert _files(catalog) == []


def test_what_a_version_names_stays_and_so_does_what_nobody_here_has_put_there(catalog: Catalog):
    run = catalog.run("spend_per_signup", dataflow="marketing", save="csv")
    other = catalog.run("spend_per_signup", dataflow="marketing")
    kept = ["marketing-1.csv", f"marketing-1.csv{SIDECAR}", "notes.txt", "report-2024.csv"]
    for name in ("notes.txt", "report-2024.csv", "other-1.csv", f"marketing-2.csv{SIDECAR}"):
        _leave(catalog, name)
    datasets = catalog.settings.home / "datasets"
    (datasets / "shop/marketing-2.parquet").mkdir()
    elsewhere = catalog.settings.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "marketing-2.csv").write_text("of somebody else")
    (datasets / "linked").symlink_to(elsewhere)
    sweep_files(catalog.database, catalog.settings)

    assert (run.job.state, other.id) == (State.SUCCEEDED, 2)
    assert _files(catalog) == kept
    assert (datasets / "shop/marketing-2.parquet").is_dir()
    assert (elsewhere / "marketing-2.csv").is_file()


def test_a_file_of_a_run_that_goes_on_stays_until_it_has_ended(catalog: Catalog):
    _, job_id = catalog.request("spend_per_signup", dataflow="marketing", save="csv")
    leased = jobs.lease(catalog.database, "w", job_id=job_id)
    assert leased is not None
    _leave(catalog, "marketing-1.csv")
    sweep_files(catalog.database, catalog.settings)
    during = _files(catalog)
    with catalog.database.write() as session:
        jobs.fail(session, leased, "It came to nothing.")
    sweep_files(catalog.database, catalog.settings)

    assert (during, _files(catalog)) == (["marketing-1.csv"], [])


def test_files_of_a_catalog_that_is_not_this_one_stay(catalog: Catalog, tmp_path: Path):
    """As with another database for the same home, or one restored from before the repository was there."""
    run = catalog.run("spend_per_signup", dataflow="marketing", save="csv")
    before = _files(catalog)
    other = empty_catalog(f"sqlite:///{tmp_path / 'other.db'}")
    sweep_files(other, catalog.settings)
    other.dispose()

    assert run.job.state == State.SUCCEEDED
    assert _files(catalog) == before == ["marketing-1.csv", f"marketing-1.csv{SIDECAR}"]


@pytest.fixture
def postgres_catalog(postgres_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(postgres_catalog_url, git_repo, tmp_path / "home")
    yield made
    made.database.dispose()


@pytest.mark.slow
def test_a_version_whose_commit_nobody_heard_of_keeps_its_file(postgres_catalog: Catalog):
    catalog = postgres_catalog
    run_id, job_id = catalog.request("spend_per_signup", dataflow="marketing", save="csv")
    with losing_answers(catalog.settings.database_url, b"INSERT INTO dataset_version") as (url, lost):
        database = Database(url)
        worker = Worker(database, replace(catalog.settings, database_url=url))
        worker.run(once=True)
        database.dispose()
    version = catalog.version(catalog.get(run_id))

    assert len(lost) == 1
    assert catalog.job(job_id).state == State.SUCCEEDED
    assert version is not None
    file = file_of(catalog.settings, version)
    assert file_sha256(file) == version.sha256
    assert file.with_name(file.name + SIDECAR).is_file()
