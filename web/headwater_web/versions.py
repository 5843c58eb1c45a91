"""The versions of the programs and packages that this server runs on."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from typing import Final

__all__ = ["versions"]

_PACKAGES: Final = ("flask", "sqlalchemy", "alembic", "gitpython", "pandas")


@cache
def versions() -> dict[str, str]:
    """Return the versions by name."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "Headwater": version("headwater"),
        "Python": platform.python_version(),
        "git": git.removeprefix("git version ").strip() or "not found",
        **{name: version(name) for name in _PACKAGES},
    }
