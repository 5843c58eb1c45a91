"""Public names of a package that are imported when first asked for, so that importing it is quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["lazily"]


def lazily(package: str, homes: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Args:
        package: Name of the package.
        homes: For each module, the names that the package takes from it.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name in home_of:
            found = getattr(importlib.import_module(home_of[name]), name)
        elif name.startswith("_"):
            raise AttributeError(f"module '{package}' has no attribute '{name}'", name=name)
        else:
            found = _submodule(package, name)
        setattr(sys.modules[package], name, found)
        return found

    return find


def _submodule(package: str, name: str) -> Any:
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":
            raise
        raise AttributeError(f"module '{package}' has no attribute '{name}'", name=name) from None
