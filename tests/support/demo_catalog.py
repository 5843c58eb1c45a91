"""The demo catalog as `headwater demo serve` makes it, for tests of pages."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_catalog.store.models import Repository
from headwater_web.demo import prepare_demo


def settings_in(home: Path, database_url: str | None = None) -> Settings:
    """Return settings for a catalog in a folder."""
    home.mkdir(parents=True, exist_ok=True)
    return Settings(
        home=home,
        database_url=database_url or f"sqlite:///{home / 'headwater.db'}",
        secret_key="a key that is secret in no way",
    )


def make_demo_catalog(home: Path, database_url: str | None = None) -> Settings:
    """Build the demo repository, scan it and execute its dataset."""
    settings = settings_in(home, database_url)
    prepare_demo(settings)
    return settings


def copied_demo_catalog(factory: pytest.TempPathFactory) -> Settings:
    """Return a demo catalog of its own, copied from the one that all test processes of a session make once."""
    is_one_of_many = "PYTEST_XDIST_WORKER" in os.environ
    shared = factory.getbasetemp().parent if is_one_of_many else factory.getbasetemp()
    made, home = shared / "demo-catalog", factory.mktemp("demo") / "home"
    with (shared / "demo-catalog.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not lock.seek(0, os.SEEK_END):
            make_demo_catalog(made)
            lock.write("made")
        shutil.copytree(made, home)  # as long as nobody else may begin to make it
    settings = settings_in(home)
    database = Database(settings.database_url)
    with database.write() as session:
        session.execute(update(Repository).values(url=str(home / "demo-repository")))
    database.dispose()
    return settings
