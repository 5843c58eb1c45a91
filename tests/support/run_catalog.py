"""A small repository of features and traps, scanned, and the short way to runs of it."""

import io
import shutil
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from click.testing import CliRunner, Result

from headwater_catalog import datasets, jobs
from headwater_catalog.cli import command_line
from headwater_catalog.kept_inputs import note_sent
from headwater_catalog.repositories import add_repository, get_repository, resolve_at
from headwater_catalog.runs import get_run, request_run
from headwater_catalog.sandbox import Limits
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import DatasetVersion, Job, Run
from headwater_catalog.uploads import Upload, keep_files, keep_upload, note_uploads
from headwater_catalog.worker import Worker
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo

PROJECT = """
    [tool.headwater.dataflows.marketing]
    modules = ["features.spend", "features.holidays"]
    config = { region = "UK" }
    outputs = ["spend_per_signup", "holiday_count"]
    [tool.headwater.dataflows.marketing.sources]
    weekly = { path = "data/weekly.csv", index = "week", dates = ["week"] }

    [tool.headwater.dataflows.traps]
    modules = ["features.traps"]
"""

SPEND = """
    import pandas as pd
    from headwater import check_output

    @check_output(range=(0, 5), importance="warn")
    def spend_per_signup(spend: pd.Series, signups: pd.Series) -> pd.Series:
        return spend / signups

    def scaled(spend: pd.Series, factor: int = 1) -> pd.Series:
        print("scaling")
        return spend * factor
"""

HOLIDAYS = """
    from headwater import config

    @config.when(region="UK")
    def holiday_count__uk() -> int:
        return 8

    @config.when(region="US")
    def holiday_count__us() -> int:
        return 11
"""

TRAPS = """
    import os, sys, time

    def broken(x: int) -> float:
        return x / 0

    def endless() -> int:
        while True:
            pass

    def waiting() -> int:
        time.sleep(600)

    def chatty() -> int:
        while True:
            print("x" * 1000)

    def bomb() -> int:
        return len("a" * (1 << 36))

    def leaves() -> int:
        sys.exit(0)

    def vanishes() -> int:
        os._exit(0)

    def forges() -> int:
        from pathlib import Path
        Path(os.environ["HOME"], "result.json").write_text("[]")
        os._exit(0)

    def unstorable() -> str:
        print("a\\0b")
        return "nul \\0 and half \\ud800"
"""

WEEKLY = "week,spend,signups\n2026-01-05,10,1\n2026-01-12,20,4\n"


class Catalog:
    """A scanned repository, and the short way to runs of it."""

    def __init__(self, database: Database, settings: Settings, repository: str = "shop") -> None:
        self.database = database
        self.settings = settings
        self.repository = repository

    def request(self, *outputs: str, at: str | None = None, **given: Any) -> tuple[int, int]:
        inputs = given.pop("inputs", {})
        mine = {name: value for name, value in inputs.items() if isinstance(value, Path)}
        [kept] = keep_files(self.settings, mine)
        with self.database.write() as session:
            repository = get_repository(session, self.repository)
            note_uploads(session, repository.id, kept.values(), 1_700_000_000)
            commit = resolve_at(session, self.settings, repository, at)
            run = request_run(
                session,
                self.settings,
                repository,
                commit,
                given.pop("dataflow", None),
                outputs,
                given.pop("config", {}),
                {**inputs, **kept},
                given.pop("save", None),
                "tester",
                1_700_000_000,
                **given,
            )
            return run.id, run.job_id

    def headwater(self, *words: str, **more: str) -> Result:
        """Call the command line in this catalog."""
        environment = {
            "HEADWATER_HOME": str(self.settings.home),
            "HEADWATER_DATABASE_URL": self.settings.database_url,
        }
        return CliRunner().invoke(command_line(), words, env={**environment, **more})

    def run(self, *outputs: str, limits: Limits | None = None, **given: Any) -> Run:
        run_id, job_id = self.request(*outputs, **given)
        assert Worker(self.database, self.settings, limits=limits).perform_next(job_id)
        return self.get(run_id)

    def send(self, content: bytes, name: str = "mine.csv", *, now: int | None = None) -> Upload:
        """Send a file for a run, as a page or a program does."""
        upload = keep_upload(self.settings, io.BytesIO(content), name)
        with self.database.write() as session:
            number = get_repository(session, self.repository).id
            note_sent(session, number, upload.sha256, now or int(time.time()))
        return upload

    def get(self, run_id: int) -> Run:
        with self.database.read() as session:
            return get_run(session, run_id)

    def job(self, job_id: int) -> Job:
        with self.database.read() as session:
            return jobs.get_job(session, job_id)

    def version(self, run: Run) -> DatasetVersion | None:
        with self.database.read() as session:
            return datasets.version_of_run(session, run.id)

    def leftovers(self) -> list[Path]:
        return list((self.settings.home / "work").iterdir())


def make_repository(repo: GitRepo) -> None:
    repo.write("pyproject.toml", dedent(PROJECT))
    repo.write("features/spend.py", dedent(SPEND))
    repo.write("features/holidays.py", dedent(HOLIDAYS))
    repo.write("features/traps.py", dedent(TRAPS))
    repo.write("data/weekly.csv", WEEKLY)
    repo.write("data/more.csv", "week,spend,signups\n2026-01-05,1,1\n")
    repo.commit("Add features")


def make_shop(folder: Path) -> tuple[Catalog, GitRepo]:
    """Make the repository and its catalog on SQLite in a folder; the caller disposes of the database."""
    repo = GitRepo(folder / "repo")
    make_repository(repo)
    url = f"sqlite:///{folder / 'headwater.db'}"
    empty_catalog(url).dispose()
    return make_catalog(url, repo, folder / "home"), repo


def make_catalog(url: str, repo: GitRepo, home: Path) -> Catalog:
    return scanned_catalog(url, repo.path, home, "shop")


def scanned_catalog(url: str, repository: Path, home: Path, name: str) -> Catalog:
    """Make a catalog that has scanned a repository, by this name."""
    database = Database(url)
    settings = Settings(home=home, database_url=url, secret_key="k")
    with database.write() as session:
        add_repository(session, name, str(repository), 1_700_000_000)
    scan(database, settings, name)
    return Catalog(database, settings, name)


def copied_catalog(made: Catalog, repo: GitRepo, folder: Path) -> Catalog:
    """Copy a catalog on SQLite that nobody works with, with its files, for another copy of its repository."""
    home, file = folder / "home", folder / "copied.db"
    shutil.copytree(made.settings.home, home, symlinks=True)
    made.database.dispose()  # so that everything is in the one file
    shutil.copy(made.settings.database_url.removeprefix("sqlite:///"), file)
    url = f"sqlite:///{file}"
    copied = Catalog(Database(url), replace(made.settings, home=home, database_url=url))
    with copied.database.write() as session:
        get_repository(session, "shop").url = str(repo.path)
    return copied
