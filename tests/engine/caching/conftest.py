"""Drivers with a cache in a temporary folder, over modules that count their calls."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headwater.builder import Builder
from headwater.driver import Driver


@pytest.fixture
def cached(tmp_path: Path, load: Callable[..., ModuleType]) -> Callable[..., Driver]:
    """Give a function that makes a driver of a module, or of source text, with a cache that lasts."""

    def cached(source: str | ModuleType, config: dict[str, Any] | None = None, **settings: Any) -> Driver:
        module = load(source) if isinstance(source, str) else source
        settings.setdefault("path", tmp_path / "cache")
        return Builder().with_modules(module).with_config(config or {}).with_cache(**settings).build()

    return cached


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give a list to which modules tell the features that they compute: `calls.append(name)`."""
    import builtins

    found: list[str] = []
    # What builtins hold is not part of a module's code, so telling changes no version.
    monkeypatch.setattr(builtins, "told", found.append, raising=False)
    return found
