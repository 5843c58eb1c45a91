"""The Python and the packages that a process has loaded, by their versions."""

from __future__ import annotations

import contextlib
import inspect
import platform
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["environment"]

_PREPARED: Final = ("bottleneck", "dateutil", "numexpr", "numpy", "pandas", "pyarrow", "pytz", "six")
"""What is imported where a process is prepared. It is told of all, so that runs do not differ by that."""


def environment() -> dict[str, Any]:
    """Return the versions of Python and of the packages that were imported, or may have been before."""
    packages: dict[str, str] = {}
    with contextlib.suppress(
        Exception
    ):  # feature code may have left no memory, and its failure is to be told
        packages = _packages()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }


def _packages() -> dict[str, str]:
    from importlib import metadata

    loaded = {*_PREPARED, *(name.partition(".")[0] for name in list(sys.modules))}
    packages = {"headwater": metadata.version("headwater")}  # an editable one lists no modules
    for folder in (entry for entry in list(sys.path) if isinstance(entry, str)):
        # `metadata.packages_distributions` says the same, and takes every file of every package in hand.
        for distribution, modules in _packages_in(folder, _changed_at(folder)):
            if not loaded.isdisjoint(modules):
                packages.setdefault(*_named(distribution))
    return packages


def _changed_at(folder: str) -> int:
    """Return when something was last put into a folder or taken out of it, as each installing does."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


# What is found stays found in processes that are forked (`confinement.fork_server`).
@cache
def _packages_in(folder: str, changed_at: int) -> tuple[tuple[Distribution, frozenset[str]], ...]:
    from importlib import metadata

    return tuple((found, _modules_of(found)) for found in metadata.distributions(path=[folder]))


@cache
def _named(distribution: Distribution) -> tuple[str, str]:
    return distribution.name, distribution.version


def _modules_of(distribution: Distribution) -> frozenset[str]:
    """Return the names that a package brings for imports: those that it tells, or else those of its files."""
    if told := distribution.read_text("top_level.txt"):
        return frozenset(told.split())
    listed = (distribution.read_text("RECORD") or "").splitlines()
    first = {line.partition(",")[0].lstrip('"').partition("/")[0] for line in listed}
    return frozenset(inspect.getmodulename(name) or name for name in first)
