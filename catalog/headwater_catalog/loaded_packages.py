"""The Python and the packages that a process has loaded, by their versions."""

from __future__ import annotations

import contextlib
import inspect
import platform
import sys
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
    for distribution in metadata.distributions():
        # `metadata.packages_distributions` says the same, and takes every file of every package in hand.
        if not loaded.isdisjoint(_modules_of(distribution)):
            packages.setdefault(distribution.name, distribution.version)
    return packages


def _modules_of(distribution: Distribution) -> set[str]:
    """Return the names that a package brings for imports: those that it tells, or else those of its files."""
    if told := distribution.read_text("top_level.txt"):
        return set(told.split())
    listed = (distribution.read_text("RECORD") or "").splitlines()
    first = {line.partition(",")[0].lstrip('"').partition("/")[0] for line in listed}
    return {inspect.getmodulename(name) or name for name in first}
