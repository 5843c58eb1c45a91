"""Fixtures that read a source tree from its text, and that really import it for comparison."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from headwater_catalog.read.link import LinkedModule, link
from headwater_catalog.read.modules import modules_of
from headwater_catalog.read.parse import Content

Files = Mapping[str, str]
Load = Callable[[Files, str], ModuleType]


def link_text(files: Files | str, module: str = "spend") -> LinkedModule:
    """Link one module of a source tree given as text; a single text is the module `spend`."""
    texts = {"spend.py": files} if isinstance(files, str) else files
    contents = {path: Content(text.encode()) for path, text in texts.items()}
    modules, _ = modules_of(contents)
    return link(modules[module], modules.get)


@pytest.fixture
def linked() -> Callable[..., LinkedModule]:
    return link_text


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write a source tree to disk and import one of its modules for real."""
    before = set(sys.modules)

    def load(files: Files, module: str) -> ModuleType:
        for path, text in files.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module(module)

    yield load
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
