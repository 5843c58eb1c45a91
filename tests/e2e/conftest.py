"""Fixtures of the browser tests: the demo catalog, really served, with a worker beside it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater_catalog.settings import Settings
from support.daily_shop import make_daily_shop
from support.demo_catalog import copied_demo_catalog, make_demo_catalog
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_shop

_PATIENCE = 120  # seconds until the server answers, on however busy a machine


@pytest.fixture(scope="session")
def site(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the demo catalog, served by `headwater serve`."""
    with _served(copied_demo_catalog(tmp_path_factory)) as address:
        yield address


@pytest.fixture
def moving_demo(browser, catalog_url: str, tmp_path: Path) -> Iterator[tuple[Settings, str]]:
    """Give a demo catalog of its own on either database, whose repository may be changed, and its address."""
    settings = make_demo_catalog(tmp_path / "home", catalog_url)
    with _served(settings) as address:
        yield settings, address


@pytest.fixture(scope="module")
def shop(browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalog, str]]:
    """Give a small catalog with features that fail or never end, served, and its address."""
    catalog, _ = make_shop(tmp_path_factory.mktemp("shop"))
    with _served(catalog.settings) as address:
        yield catalog, address
    catalog.database.dispose()


@pytest.fixture
def daily_shop(browser, sqlite_catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[str]:
    """Give the address of a catalog with a dataflow that is computed for each of three days."""
    catalog = make_daily_shop(sqlite_catalog_url, git_repo, tmp_path / "home")
    with _served(catalog.settings) as address:
        yield address
    catalog.database.dispose()


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    """Serve a catalog, with a worker beside."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "headwater_web.cli", "serve", "--port", str(port)],
        env=_environment(settings),
        stdout=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(_PATIENCE)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "HEADWATER_HOME": str(settings.home),
        "HEADWATER_DATABASE_URL": settings.database_url,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, "the server ended at once"
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")
