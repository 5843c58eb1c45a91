"""Fixtures of the engine's tests: modules of feature functions written out in the test."""

import importlib.util
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.dask_cluster import local_cluster
from support.spark_session import running_spark


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Give a function that writes source text to a file and imports it under a module name."""

    # A text that is written within a second of another, and as long, would be taken for it in its bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(source: str, name: str = "features") -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source).lstrip("\n"))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def spark_session() -> Iterator[Any]:
    """Give the Spark of this test process, which takes many seconds to start."""
    with running_spark() as session:
        yield session


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Any]:
    """Give a client of a Dask cluster of two processes; a test that ends workers starts one of its own."""
    with local_cluster() as client:
        yield client
