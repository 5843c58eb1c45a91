"""Fixtures for all tests: an environment apart from the user's, git repositories, databases and a browser."""

import gc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from hypothesis import settings
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import URL

from headwater_catalog.accounts import passwords
from headwater_catalog.demo import init_demo
from headwater_catalog.prepared import prepared_processes
from support.chromium import find_chromium, fresh_page, open_window, running_browser
from support.compiled_statements import shared_statements
from support.empty_catalog import empty_catalog
from support.environment import isolated_environment
from support.git_repo import GitRepo
from support.missing import missing
from support.postgresql import PostgresServer, find_programs, given_server, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# A busy machine is no fault of the code, so examples have no deadline of their own.
settings.register_profile("headwater", deadline=None)
settings.load_profile("headwater")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are found, and never again at what was made then.

    Nearly all of it stays until the end, and going through it took a third of the time. What tests keep for each
    other grows after that, too: so it is looked through ten times less often than usual.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10 * gc.get_threshold()[0])
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a browser or PostgreSQL, so that they can be chosen or left out.

    What executes runs does the same beside either database, and takes seconds: there the test on PostgreSQL is
    a slow one, but for those that say that the database has a part in what they claim.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "browser" in fixtures:
            item.add_marker(pytest.mark.browser)
        if {"postgres_url", "postgres_catalog_url"} & set(fixtures):
            item.add_marker(pytest.mark.postgres)
        runs = item.get_closest_marker("runs")
        if runs and not runs.kwargs.get("databases") and _is_half_on_postgresql(item):
            item.add_marker(pytest.mark.slow)


def _is_half_on_postgresql(item: pytest.Item) -> bool:
    """Tell whether this is a test that runs once on SQLite and once on PostgreSQL, and here the second."""
    given = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return "postgresql" in (given.get("catalog_url"), given.get("database_url"))


@pytest.fixture(scope="session", autouse=True)
def _apart_from_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with isolated_environment(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture(scope="session", autouse=True)
def _prepared() -> Iterator[None]:
    """Let runs begin as they do in a worker, which performs one after the other."""
    with prepared_processes():
        yield


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the applications of this test process, of which there are hundreds, share their compiled templates."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {**Flask.jinja_options, "bytecode_cache": cache})
        yield


@pytest.fixture(scope="session", autouse=True)
def _statements_compiled_once() -> Iterator[None]:
    """Let the databases of this test process, of which there are thousands, share their compiled SQL."""
    with shared_statements():
        yield


@pytest.fixture(scope="session", autouse=True)
def usual_method() -> Iterator[str]:
    """Hash passwords at little cost, by the same method, and give how they are hashed else."""
    with pytest.MonkeyPatch.context() as patch:
        usual = passwords._METHOD
        patch.setattr(passwords, "_METHOD", "scrypt:1024:8:1")
        yield usual


@pytest.fixture
def git_repo(tmp_path: Path) -> GitRepo:
    """Give an empty repository on branch `main`."""
    return GitRepo(tmp_path / "repository")


@pytest.fixture(scope="session")
def demo_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the demo repository, which nobody changes."""
    folder = tmp_path_factory.mktemp("demo-repository") / "demo"
    init_demo(folder)
    return folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give the PostgreSQL server of this test process."""
    given = given_server()
    if given is not None:
        yield given
        given.close()
        return
    programs = find_programs()
    if programs is None:
        missing("PostgreSQL", "install it (Debian: apt install postgresql), or set HEADWATER_TEST_PG_URL")
    with running_server(programs) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database."""
    url = postgres_server.create_database()
    yield url.render_as_string(hide_password=False)
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the URL of an SQLite database in a file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'headwater.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(name))


@pytest.fixture(scope="session")
def _made_postgres(postgres_server: PostgresServer) -> Iterator[URL]:
    """Make an empty catalog on PostgreSQL, to be copied."""
    url = postgres_server.create_database()
    empty_catalog(url.render_as_string(hide_password=False)).dispose()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_catalog_url(sqlite_url: str) -> str:
    """Give the URL of an empty catalog on SQLite."""
    empty_catalog(sqlite_url).dispose()
    return sqlite_url


@pytest.fixture
def postgres_catalog_url(postgres_server: PostgresServer, _made_postgres: URL) -> Iterator[str]:
    """Give the URL of an empty catalog on PostgreSQL, a copy too."""
    url = postgres_server.create_database(template=_made_postgres)
    yield url.render_as_string(hide_password=False)
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def catalog_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty catalog: the test runs once on SQLite and once on PostgreSQL."""
    name = {"sqlite": "sqlite_catalog_url", "postgresql": "postgres_catalog_url"}[request.param]
    return str(request.getfixturevalue(name))


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Give the browser of this test process."""
    executable = find_chromium()
    if executable is None:
        missing("Chromium", "install it (Debian: apt install chromium)")
    with running_browser(executable) as running:
        yield running


@pytest.fixture(scope="session")
def _window(browser: "Browser") -> Iterator["BrowserContext"]:
    with open_window(browser) as window:
        yield window


@pytest.fixture
def page(_window: "BrowserContext") -> Iterator["Page"]:
    """Give a page with no cookies and nothing stored."""
    with fresh_page(_window) as opened:
        yield opened
