"""Drivers with adapters."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from headwater.builder import Builder
from headwater.driver import Driver


@pytest.fixture
def driver(load: Callable[..., ModuleType]) -> Callable[..., Driver]:
    """Give a function that makes a driver of source text with adapters."""

    def driver(source: str, *adapters: Any) -> Driver:
        return Builder().with_modules(load(source)).with_adapters(*adapters).build()

    return driver
