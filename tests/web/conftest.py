"""Fixtures of the web tests: applications over a real catalog, and their clients."""

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from headwater_catalog.repositories import add_repository
from headwater_catalog.scan import scan
from headwater_catalog.settings import Settings
from headwater_catalog.store.database import Database
from headwater_web.app import create_app
from support import hostile
from support.demo_catalog import copied_demo_catalog, settings_in
from support.empty_catalog import empty_catalog
from support.git_repo import GitRepo
from support.managed_demo import catalog_of, logged_in, managed_demo

_DAILY = """
[tool.headwater.dataflows.daily]
modules = ["features.signups"]
outputs = ["spend_per_signup"]
partitions = { key = "day", from = 2026-01-01 }
sources = { weekly = "data/weekly-{day}.csv" }
"""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str) -> Generator[None, Any, Any]:
    """Leave out, where slow tests are, those whose cases take longer to make than all others to be found."""
    made = yield
    return [] if name.endswith("_at_length") and collector.config.option.markexpr == "not slow" else made


@pytest.fixture(scope="session")
def demo_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Give the settings of a demo catalog, made once in a test process."""
    return copied_demo_catalog(tmp_path_factory)


@pytest.fixture(scope="session")
def app(demo_settings: Settings) -> Iterator[Flask]:
    """Give the application over the demo catalog."""
    database = Database(demo_settings.database_url)
    yield create_app(demo_settings, database)
    database.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Give a client of the demo catalog, with no cookies."""
    return app.test_client()


@pytest.fixture
def demo_copy(demo_settings: Settings, tmp_path: Path) -> Iterator[FlaskClient]:
    """Give a client of a demo catalog of its own, which may be changed."""
    shutil.copytree(demo_settings.home, tmp_path / "copy")
    settings = settings_in(tmp_path / "copy")
    database = Database(settings.database_url)
    yield create_app(settings, database).test_client()
    database.dispose()


@pytest.fixture
def managed(demo_settings: Settings, tmp_path: Path) -> Iterator[FlaskClient]:
    """Give a client of a demo catalog of its own with accounts, in which an administrator is logged in twice."""
    app = managed_demo(demo_settings, tmp_path / "managed")
    logged_in(app, "ada")
    yield logged_in(app, "ada")
    catalog_of(app).database.dispose()


@pytest.fixture
def daily(managed: FlaskClient) -> FlaskClient:
    """Give the demo with accounts, and with the dataflow that the manual says somebody has declared."""
    catalog = catalog_of(managed.application)
    repo = GitRepo(catalog.settings.home / "demo-repository")
    project = (repo.path / "pyproject.toml").read_text()
    repo.commit("Compute each day by itself", files={"pyproject.toml": f"{project}{_DAILY}"})
    scan(catalog.database, catalog.settings, "demo")
    return managed


@pytest.fixture(scope="session")
def hostile_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """Give a client of a catalog whose only repository tries to put markup into pages."""
    folder = tmp_path_factory.mktemp("hostile")
    repository = hostile.build(GitRepo(folder / "repository"))
    settings = settings_in(folder / "home")
    database = empty_catalog(settings.database_url)
    with database.write() as session:
        add_repository(session, "hostile", str(repository.path), 0)
    scan(database, settings, "hostile")
    yield create_app(settings, database).test_client()
    database.dispose()
